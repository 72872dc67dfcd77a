"""What a kMaX decoder is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen


class KMaX(Frozen):
    """Options of the kMaX decoder; the defaults are those of the authors' network, with 32 centers."""

    queries: int = Field(32, ge=2, le=4096)
    """Cluster centers (N)."""
    width: int = Field(256, ge=4, le=4096)
    """Channels of a center; masks compare half as many."""
    hidden: int = Field(2048, ge=1, le=65536)
    """Of the feed-forward network of a layer."""
    heads: int = Field(8, ge=1, le=256)
    """Of the self-attention among centers; twice their number divides ``width``."""
    levels: tuple[int, ...] = Field((3, 2), min_length=1)
    """Decoder maps that update the centers, in this order; 0 is the finest. Where none is so deep: the deepest."""
    layers: int = Field(2, ge=1, le=64)
    """Updates per such map."""
    mask_level: int = Field(0, ge=0)
    """The decoder map that the masks are made of. With 1 or more the decoder ends there, and logits are interpolated:
    cheaper, and not the same."""
    classifier: Literal["joint", "shared"] = "joint"
    """What names the centers' classes: one network for all centers together, or the same for each center alone."""
    groups: tuple[int, ...] | None = None
    """Class -> group of centers; None: background 0, all other classes 1."""
    sizes: tuple[int, ...] | None = None
    """Centers per group; None: half of them for group 0; of two further groups, the first has a quarter of the rest,
    as the authors' organ beside tumor; more of them have equal parts."""
    momentum: float = Field(0.1, gt=0, le=1)
    """Of the running statistics of batch normalization. The authors have 0.01; over a few hundred steps the statistics
    then stay behind the weights, and a network that fits every patch in training predicts nothing."""
    gain: float = Field(0.1, gt=0)
    """Deviation of the mask logits over voxels and centers at first; the authors'. Adam moves it by no more than the
    learning rate a step: at 0.003, masks stay too soft to be assignments for about a thousand steps."""
    recompute: bool = True
    """Whether the masks' large maps are computed again for the backward pass in place of being kept."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} must be divisible by twice the heads, {2 * self.heads}")
        if self.sizes is not None and (sum(self.sizes) != self.queries or min(self.sizes) < 1):
            raise ValueError(f"sizes {self.sizes} must be at least 1 each and add up to {self.queries} queries")
        return self

    def grouping(self, classes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Group of each class, and centers per group. Raises InputError where they do not fit the classes."""
        of_class = (0, *[1] * (classes - 1)) if self.groups is None else self.groups
        number = max(of_class) + 1 if self.sizes is None else len(self.sizes)
        if len(of_class) != classes or min(of_class) < 0 or max(of_class) >= number:
            raise InputError(f"groups {of_class} must name a group, 0 to {number - 1}, for each of {classes} classes")
        if self.sizes is not None:
            return of_class, self.sizes
        if number > self.queries // 2 + 1:
            raise InputError(f"{self.queries} queries are too few for {number} groups; take {2 * number} or more")
        if number == 1:
            return of_class, (self.queries,)
        rest = self.queries - self.queries // 2
        if number == 3:
            first = max(1, round(rest / 4))
            return of_class, (self.queries // 2, first, rest - first)
        each = [rest // (number - 1) + (i < rest % (number - 1)) for i in range(number - 1)]
        return of_class, (self.queries // 2, *each)
