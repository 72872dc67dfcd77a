"""Batches for what invents its own patches: they say how many and how large, and hold nothing."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import torch

from semivox.core.batch import Batch
from semivox.core.plan import Plan


class Unfilled:
    """In the place of ``loading.Loading`` where no scan is read."""

    def __init__(self, plan: Plan, patches: int) -> None:
        self.batch = Batch(
            torch.zeros((patches, len(plan.channels), *plan.patch)),
            torch.zeros((patches, *plan.patch), dtype=torch.int64),
            ("",) * patches,
        )

    def __enter__(self) -> Unfilled:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be ended."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """One for each of the steps ``start`` to ``stop - 1``."""
        for _ in range(start, stop):
            yield self.batch
