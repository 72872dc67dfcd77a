"""The metrics: what is measured of two masks, and all that tables, pages and comparisons must know of it.

A metric is one field of ``Metrics``: its name carries its definition and unit, its ``Metric`` says how it is measured,
which way is better and how it is printed. Score files, tables, comparisons and pages read this table and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Literal

import numpy as np

from semivox.core.frozen import Frozen
from semivox.core.geometry import Spacing
from semivox.functional.surface import SurfaceDistances, surface_distances

NSD_TOLERANCE_MM = 1.0
"""The tolerance in the name of ``nsd_1mm``."""


@dataclass(frozen=True)
class Masks:
    """What a metric sees: one class of one case, within the box that holds both masks."""

    prediction: np.ndarray
    """(X, Y, Z) bool."""
    reference: np.ndarray
    """(X, Y, Z) bool."""
    spacing: Spacing
    """mm."""

    @cached_property
    def predicted(self) -> int:
        """Voxels of the prediction."""
        return int(np.count_nonzero(self.prediction))

    @cached_property
    def referred(self) -> int:
        """Voxels of the reference."""
        return int(np.count_nonzero(self.reference))

    @cached_property
    def shared(self) -> int:
        """Voxels of both."""
        return int(np.count_nonzero(self.prediction & self.reference))

    @cached_property
    def surfaces(self) -> SurfaceDistances | None:
        """Distances between the two surfaces in mm; None where a mask is empty."""
        return surface_distances(self.prediction, self.reference, self.spacing)

    @property
    def milliliters(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.spacing)) / 1000


@dataclass(frozen=True)
class Metric:
    """One metric: how it is measured, compared and printed."""

    heading: str
    """As tables call it, without the unit."""
    meaning: str
    """In a few words, for a reader of the page."""
    kind: Literal["overlap", "distance", "error"]
    """What a missed or invented object is worth: an overlap is 0; a distance is not defined, and the scan's diagonal
    stands in for it; an error has a sign, is measured always and compared by its size."""
    measure: Callable[[Masks], float]
    """Of two masks that both have a voxel (an error: of any two)."""
    unit: str = ""
    better: Literal["higher", "lower", "nearer 0"] = "higher"
    digits: int = 3
    """After the point."""
    bounds: tuple[float | None, float | None] = (None, None)
    """Least and largest value there can be; None: no bound."""
    name: str = field(default="", compare=False)
    """Column of score files; the name of the field of ``Metrics``."""

    @property
    def title(self) -> str:
        """Heading and unit: ``HD95, mm``."""
        return f"{self.heading}, {self.unit}" if self.unit else self.heading

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return {"higher": "↑", "lower": "↓", "nearer 0": "→ 0"}[self.better]

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return self.better == "higher"

    @property
    def perfect(self) -> float:
        """The best value there is."""
        return 1.0 if self.higher_is_better else 0.0


def distance(heading: str, meaning: str, of: Callable[[SurfaceDistances], float]) -> Metric:
    """A distance in mm between the surfaces of the two masks."""

    def measure(masks: Masks) -> float:
        assert masks.surfaces is not None  # both masks have a voxel
        return of(masks.surfaces)

    return Metric(heading, meaning, "distance", measure, unit="mm", better="lower", digits=2, bounds=(0, None))


class Metrics(Frozen):
    """How one class of one prediction compares with the reference. None: not defined here."""

    dice: Annotated[
        float | None,
        Metric(
            heading="Dice",
            meaning="overlap with the reference: 0 none, 1 perfect",
            kind="overlap",
            measure=lambda masks: 2 * masks.shared / (masks.predicted + masks.referred),
            bounds=(0, 1),
        ),
    ] = None
    """2 |P and R| / (|P| + |R|), from 0 to 1; higher is better."""
    jaccard: Annotated[
        float | None,
        Metric(
            heading="Jaccard",
            meaning="overlap divided by union: 0 none, 1 perfect",
            kind="overlap",
            measure=lambda masks: masks.shared / (masks.predicted + masks.referred - masks.shared),
            bounds=(0, 1),
        ),
    ] = None
    """|P and R| / |P or R|, from 0 to 1; higher is better."""
    hd95_mm: Annotated[
        float | None,
        distance("HD95", "distance that 95 % of all surface points of both sides stay under", SurfaceDistances.hd95),
    ] = None
    """95th percentile of the pooled surface distances of both directions (medpy's definition); lower is better."""
    hd95_max_mm: Annotated[
        float | None,
        distance("HD95 max", "the same per direction, the larger of the two", SurfaceDistances.hd95_max),
    ] = None
    """The larger of the two directed 95th percentiles (MONAI's definition); lower is better."""
    assd_mm: Annotated[
        float | None,
        distance("ASSD", "mean distance between the two surfaces, both directions", SurfaceDistances.assd),
    ] = None
    """Mean of the pooled surface distances of both directions; lower is better."""
    asd_mm: Annotated[
        float | None,
        distance("ASD", "mean distance from the predicted surface to the reference", SurfaceDistances.asd),
    ] = None
    """Mean surface distance from prediction to reference only (the "ASD" of the left-atrium tables)."""
    nsd_1mm: Annotated[
        float | None,
        Metric(
            heading="NSD 1 mm",
            meaning="share of both surfaces that lie within 1 mm of each other",
            kind="overlap",
            measure=lambda masks: masks.surfaces.within(NSD_TOLERANCE_MM) if masks.surfaces else 0.0,
            bounds=(0, 1),
        ),
    ] = None
    """Fraction of the surface voxels of both masks within 1 mm of the other surface, from 0 to 1; higher is better."""
    volume_error_ml: Annotated[
        float | None,
        Metric(
            heading="Volume error",
            meaning="predicted minus reference volume",
            kind="error",
            measure=lambda masks: (masks.predicted - masks.referred) * masks.milliliters,
            unit="ml",
            better="nearer 0",
            digits=2,
        ),
    ] = None
    """Volume of the prediction minus that of the reference: positive where too much was predicted."""


def metrics_of(fields: type[Metrics]) -> dict[str, Metric]:
    """The metrics that a class of scores declares, by name, in its order."""
    return {
        name: replace(found, name=name)
        for name, info in fields.model_fields.items()
        for found in info.metadata
        if isinstance(found, Metric)
    }


METRICS: Mapping[str, Metric] = metrics_of(Metrics)
"""Every metric by its name, in the order of the tables."""


def measured(masks: Masks) -> dict[str, float | None]:
    """All metrics of one class of one case, of which at least one mask has a voxel."""
    lost = not (masks.predicted and masks.referred)
    missed: dict[str, float | None] = {"overlap": 0.0, "distance": None}
    return {
        name: missed[metric.kind] if lost and metric.kind in missed else metric.measure(masks)
        for name, metric in METRICS.items()
    }
