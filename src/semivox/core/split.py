"""Who is trained on, with and without label, and who is not."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Self

from pydantic import model_validator

from semivox.core.frozen import Frozen


class TrainingSplit(NamedTuple):
    """What training may see. There is no test part, so none can be used by mistake."""

    labeled: tuple[str, ...]
    unlabeled: tuple[str, ...]
    validation: tuple[str, ...]


class Split(Frozen):
    """Case names, pairwise disjoint.

    >>> split = Split(labeled=("ann",), unlabeled=("bob", "cem"), test=("dan",))
    >>> split.for_training()
    TrainingSplit(labeled=('ann',), unlabeled=('bob', 'cem'), validation=())
    """

    called = "split"
    labeled: tuple[str, ...]
    """Trained on with their label."""
    unlabeled: tuple[str, ...] = ()
    """Trained on without a label; one that exists on disk is never opened."""
    validation: tuple[str, ...] = ()
    """For choosing a checkpoint, never trained on."""
    test: tuple[str, ...] = ()
    """For scoring only."""

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        seen: dict[str, str] = {}
        for part in ("labeled", "unlabeled", "validation", "test"):
            for name in getattr(self, part):
                if name in seen:
                    raise ValueError(f"case {name!r} is in both {seen[name]!r} and {part!r}; keep it in one")
                seen[name] = part
        return self

    def for_training(self) -> TrainingSplit:
        """The parts that training may see."""
        return TrainingSplit(self.labeled, self.unlabeled, self.validation)

    def digest(self) -> str:
        """A short hash that names this split beside every number made with it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
