"""Maps that tell where a prediction should not be trusted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor

from semivox.core.errors import InputError
from semivox.core.spelling import suggestion

MapName = Literal["probabilities", "entropy", "disagreement"]
MAPS: tuple[MapName, ...] = ("probabilities", "entropy", "disagreement")


def require_maps(names: Collection[str]) -> None:
    """Raise InputError with the nearest right name for the first map that does not exist."""
    for name in names:
        if name not in MAPS:
            raise InputError(f"there is no map {name!r}{suggestion(name, MAPS)}; choose from {', '.join(MAPS)}")


def entropy(probabilities: Tensor) -> Tensor:
    """How undecided the network is: (K, ...) -> (...) in nats, 0 where it is certain, ln K where it knows nothing.

    Exact also where a probability is 0 (0 ln 0 = 0).
    """
    return torch.special.entr(probabilities.clamp_min(0)).sum(0)


def disagreement(probabilities: Tensor, other: Tensor) -> Tensor:
    """How far two networks differ: two (K, ...) -> (...), the total variation, 0 (same) to 1 (nothing shared).

    It is the largest difference in probability that the two give to any set of classes.
    """
    return 0.5 * (probabilities - other).abs().sum(0)
