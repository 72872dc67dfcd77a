"""The plan: what was decided about a data set before training, and why. Written once, obeyed by all that follows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing

Precision = Literal["32-true", "bf16-mixed"]
DECIDE_NOTHING = ("forecast", "reasons", "fingerprint")
"""Fields of a plan that decide no number of a run."""
TIMED = ("precision", "channels_last", "steps")
"""Fields whose reasons quote the times of measured steps."""
Edge = Annotated[int, Field(ge=1, le=2**16)]
"""Voxels of a patch along an axis."""
MOST_CLASSES = 255
"""Prepared labels have a byte a voxel, and one of its values is kept for what is ignored."""
LARGEST_PATCH = 2**28
"""Voxels: more than any machine trains on at once."""
Millimeters = Annotated[float, Field(ge=1e-3, le=1e3)]
"""Of a voxel's edge that scans are resampled to."""
Steps = Annotated[int, Field(ge=1, le=10**8)]
"""Of training; years of them at the most."""
Patches = Annotated[int, Field(ge=1, le=1024)]
"""In the batch of a step."""


class ClassInfo(Frozen):
    """One class: its name, and the value that stands for it in label files."""

    name: str
    value: int


class Intensity(Frozen):
    """How one channel's values become network input."""

    scheme: Literal["ct", "zscore", "range", "none"]
    """``ct``: clip to [lower, upper], subtract mean, divide by std, all fixed; ``zscore``: each scan's own mean and
    std; ``range``: each scan's own minimum and maximum become 0 and 1; ``none``: values as they are."""
    lower: float = 0.0
    upper: float = 0.0
    mean: float = 0.0
    std: float = Field(1.0, gt=0)
    nonzero: bool = False
    """``zscore`` only: statistics over non-zero voxels, for scans whose surroundings were set to 0."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(f"lower {self.lower:g} is above upper {self.upper:g}")
        return self


class ChannelFacts(Frozen):
    """Intensity statistics of one channel of one scan; percentiles and moments of the body (non-background) region."""

    minimum: float
    maximum: float
    mean: float
    std: float
    lower: float
    """0.5th percentile."""
    upper: float
    """99.5th percentile."""
    zeros: float
    """Fraction of voxels that are exactly 0."""
    sample: tuple[float, ...] = ()
    """Values at evenly spaced ranks of the voxels under a label, so that scans can be pooled; else empty."""


class CaseFacts(Frozen):
    """What was measured on one scan."""

    name: str
    shape: Shape
    """In canonical orientation."""
    spacing: Spacing
    labeled: bool
    channels: tuple[ChannelFacts, ...]
    voxels: Mapping[int, int] = {}
    """Label value -> number of voxels; empty for an unlabeled scan."""
    foreground: tuple[ChannelFacts, ...] = ()
    """Per channel, statistics of the voxels under a label; empty for an unlabeled scan."""
    centers: Mapping[int, tuple[float, float, float]] = {}
    """Label value -> center of its voxels, mm from the first voxel along right, front, up; without background."""
    annotated: tuple[str, ...] | None = None
    """Classes that were looked for in the label; None: all."""

    def looked_for(self, name: str) -> bool:
        """Whether somebody looked for a class in this scan, and drew it where it is."""
        return self.labeled and (self.annotated is None or name in self.annotated)


class Fingerprint(Frozen):
    """What the plan was decided from: facts of the training scans only."""

    dataset: str
    channels: tuple[str, ...]
    classes: tuple[ClassInfo, ...]
    """Background first, in class-index order."""
    ignore: int | None = None
    """The label value that means "not annotated here", if there is one."""
    cases: tuple[CaseFacts, ...]


SMALL_WIDTH = 8
"""Channels of the finest level of the network ``small``, half of the V-Net's."""


class NetworkChoice(Frozen):
    """An architecture by name and its options; ``networks.blueprint`` builds it."""

    name: str
    options: Mapping[str, Any] = {}

    @property
    def title(self) -> str:
        """As a user would name it: ``--network small`` is a V-Net of half the width."""
        return "small V-Net" if self.name == "vnet" and self.options.get("width") == SMALL_WIDTH else self.name


class Forecast(Frozen):
    """What training is expected to cost, measured by a dry step of the method on this machine."""

    method: str
    seconds_per_step: float
    """The fastest of several, without the time that other programs took away."""
    busy_seconds_per_step: float | None = None
    """By the clock, while other programs used the machine; none where they hardly did."""
    hours: float
    """For the planned number of steps, looks included."""
    looking: float = 0.0
    """What looks at the network's output add (``training.probe``), as a part of the time of the steps."""
    memory_mb: float
    """Peak memory: of the process on a CPU, of the device on a GPU."""
    device: str
    threads: int
    """Of the measured steps."""
    or_less: bool = False
    """Whether training has more threads than were measured, as other programs had their cores; alone it is faster."""
    candidates: Mapping[str, float] = {}
    """Seconds per step of each precision and memory format that was tried."""

    def seconds(self, steps: int) -> float:
        """What so many steps take, looks included."""
        return steps * self.seconds_per_step * (1 + self.looking)


class Plan(Frozen):
    """Every choice that data and machine decide, in one readable file."""

    called = "plan"
    version: Literal[1] = 1
    dataset: str
    classes: tuple[ClassInfo, ...]
    """Background first; a label file's ``value`` becomes the index in this list, and back on output."""
    ignore: int | None = None
    channels: tuple[str, ...]
    spacing: tuple[Millimeters, Millimeters, Millimeters]
    """mm per voxel of the prepared cases."""
    patch: tuple[Edge, Edge, Edge]
    """Voxels."""
    intensity: tuple[Intensity, ...]
    """One per channel."""
    network: NetworkChoice
    labeled_per_step: Patches = 2
    """Labeled patches in the batch of a step, of each process."""
    unlabeled_per_step: int = Field(2, ge=0, le=1024)
    """Unlabeled patches in the batch of a step; a supervised twin uses the labeled ones only."""
    steps: Steps
    precision: Precision = "32-true"
    channels_last: bool = False
    """Memory format of images and weights."""
    augmentation: str = "standard"
    """Name of the augmentation set (``data.augmentation.schemes``)."""
    mirror: tuple[bool, bool, bool] = (True, True, True)
    """Axes along which mirroring is harmless; x is off where left and right are classes."""
    forecast: Forecast | None = None
    fingerprint: Fingerprint
    reasons: Mapping[str, str]
    """Field -> why it was chosen, in words."""

    @model_validator(mode="after")
    def _affordable(self) -> Self:
        if prod(self.patch) > LARGEST_PATCH:
            raise ValueError(f"a patch of {prod(self.patch):.2g} voxels is too large; at most {LARGEST_PATCH:.2g} fit")
        if len(self.intensity) != len(self.channels) or not self.channels:
            raise ValueError(f"intensity has {len(self.intensity)} entries for {len(self.channels)} channels")
        values = [info.value for info in self.classes]
        if len(values) > MOST_CLASSES:
            raise ValueError(f"{len(values)} classes are too many; at most {MOST_CLASSES} can be told apart")
        if len(values) < 2 or len(set(values)) < len(values):
            raise ValueError(
                f"classes must be two or more, background first, of different values; received {values[:9]}"
            )
        return self

    def digest(self) -> str:
        """A short hash of everything that decides the content of a prepared case."""
        content = self.model_dump_json(include={"classes", "ignore", "channels", "spacing", "intensity"})
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def run_digest(self) -> str:
        """A short hash of everything that decides the numbers of a run: patch, network, batch, steps and the rest."""
        content = self.model_dump_json(exclude=set(DECIDE_NOTHING))
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def without_times(plan: Plan) -> Plan:
    """The plan as a model keeps it: times that were measured say nothing of the model, and differ at each training."""
    told = {field: why for field, why in plan.reasons.items() if field not in TIMED}
    return plan.model_copy(update={"forecast": None, "reasons": told})


def without_names(plan: Plan) -> Plan:
    """The plan as it may be given away: its cases are numbered, since their names may be patients' numbers.

    The numbers follow the order of what was measured, not of names, so that they tell nothing about these. A reason
    that quotes a name is left out.
    """
    names = sorted((case.name for case in plan.fingerprint.cases), key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names)
    told = {field: why for field, why in plan.reasons.items() if not (names and re.search(pattern, why))}
    ordered = sorted(
        plan.fingerprint.cases, key=lambda case: (case.shape, case.spacing, case.model_dump_json(exclude={"name"}))
    )
    cases = tuple(case.model_copy(update={"name": f"case {n}"}) for n, case in enumerate(ordered, 1))
    fingerprint = plan.fingerprint.model_copy(update={"cases": cases})
    return plan.model_copy(update={"fingerprint": fingerprint, "reasons": told})
