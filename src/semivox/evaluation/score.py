"""The scores of one class of one case: how well a prediction agrees with what an expert drew.

Each score's name carries its definition and unit. A missed object has Dice 0 and no distance (None), never a perfect
one; where neither mask has a voxel the scores do not apply (None) and the case is counted, not averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.geometry import Spacing
from semivox.functional.surface import class_boxes, joint_box, surface_distances

Empty = Literal["neither", "prediction", "reference", "both"]
"""Which of the two masks has no voxel."""

NSD_TOLERANCE_MM = 1.0
"""The tolerance in the name of ``nsd_1mm``."""


class Score(Frozen):
    """How one class of one prediction compares with the reference. None: the score is not defined here."""

    dice: float | None = None
    """2 |P and R| / (|P| + |R|), from 0 to 1; higher is better."""
    jaccard: float | None = None
    """|P and R| / |P or R|, from 0 to 1; higher is better."""
    hd95_mm: float | None = None
    """95th percentile of the pooled surface distances of both directions (medpy's definition); lower is better."""
    hd95_max_mm: float | None = None
    """The larger of the two directed 95th percentiles (MONAI's definition); lower is better."""
    assd_mm: float | None = None
    """Mean of the pooled surface distances of both directions; lower is better."""
    asd_mm: float | None = None
    """Mean surface distance from prediction to reference only (the "ASD" of the left-atrium tables)."""
    nsd_1mm: float | None = None
    """Fraction of the surface voxels of both masks within 1 mm of the other surface, from 0 to 1; higher is better."""
    volume_error_ml: float | None = None
    """Volume of the prediction minus that of the reference: positive where too much was predicted."""
    empty: Empty
    prediction_ml: float
    reference_ml: float


class Row(Score):
    """One line of a score table: a case, a class, and its scores."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    case: str
    class_name: str = Field(alias="class")
    diagonal_mm: float | None = None
    """Length of the scan's diagonal: what stands in for an undefined distance in the second column of a summary."""


SCORES = ("dice", "jaccard", "hd95_mm", "hd95_max_mm", "assd_mm", "asd_mm", "nsd_1mm", "volume_error_ml")
"""The names of the scores, in the order of the tables."""
DISTANCES = ("hd95_mm", "hd95_max_mm", "assd_mm", "asd_mm")
"""The scores that a missed object leaves undefined."""
HIGHER_IS_BETTER = ("dice", "jaccard", "nsd_1mm")
"""Of the others, less is better; of ``volume_error_ml``, less in size."""


def score(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> Score:
    """The scores of one mask: (X, Y, Z) bool (or 0 and 1) each, spacing in mm along x, y, z."""
    masks = [np.asarray(mask).astype(bool, copy=False).view(np.uint8) for mask in (prediction, reference)]
    return score_classes(masks[0], masks[1], spacing, [1])[0]


def score_classes(
    prediction: np.ndarray,
    reference: np.ndarray,
    spacing: Spacing,
    values: Sequence[int],
    ignore: int | None = None,
) -> list[Score]:
    """The scores of each class of a label map, in the order of ``values``.

    ``prediction`` and ``reference``: (X, Y, Z) integers; ``values``: the label value of each class. Voxels at which the
    reference holds ``ignore`` belong to neither mask. Raises InputError where shapes, types or spacing cannot be meant.
    """
    _check(prediction, reference, spacing)
    if ignore is not None and ignore in values:
        raise InputError(f"label value {ignore} is to be ignored and scored at once; take it out of the classes")
    predicted, referred = class_boxes(prediction, values), class_boxes(reference, values)
    scores = []
    for value in values:
        box = joint_box(predicted[value], referred[value])
        if box is None:
            scores.append(Score(empty="both", prediction_ml=0.0, reference_ml=0.0))
            continue
        inside, outline = prediction[box] == value, reference[box] == value
        if ignore is not None:
            inside &= reference[box] != ignore
        scores.append(_score(inside, outline, spacing))
    return scores


def _check(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> None:
    """Raise InputError unless both are (X, Y, Z) integers of one shape, and the spacing is three lengths."""
    if prediction.shape != reference.shape or prediction.ndim != 3:
        raise InputError(
            f"prediction has shape {prediction.shape}, reference {reference.shape}; both must be (X, Y, Z) and equal"
        )
    if not (np.issubdtype(prediction.dtype, np.integer) and np.issubdtype(reference.dtype, np.integer)):
        raise InputError(f"label maps must hold integers; received {prediction.dtype} and {reference.dtype}")
    if len(spacing) != 3 or not all(np.isfinite(length) and length > 0 for length in spacing):
        raise InputError(f"the spacing must be three positive lengths in mm; received {spacing}")


def _score(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> Score:
    """The scores of two masks, (X, Y, Z) bool."""
    p, r = int(np.count_nonzero(prediction)), int(np.count_nonzero(reference))
    milliliters = float(np.prod(spacing)) / 1000
    volumes = {"prediction_ml": p * milliliters, "reference_ml": r * milliliters}
    if p == 0 and r == 0:
        return Score(empty="both", **volumes)
    error = (p - r) * milliliters
    distances = surface_distances(prediction, reference, spacing)
    if distances is None:
        missing: Empty = "reference" if p else "prediction"
        return Score(dice=0.0, jaccard=0.0, nsd_1mm=0.0, volume_error_ml=error, empty=missing, **volumes)
    both = int(np.count_nonzero(prediction & reference))
    return Score(
        dice=2 * both / (p + r),
        jaccard=both / (p + r - both),
        hd95_mm=distances.hd95(),
        hd95_max_mm=distances.hd95_max(),
        assd_mm=distances.assd(),
        asd_mm=distances.asd(),
        nsd_1mm=distances.within(NSD_TOLERANCE_MM),
        volume_error_ml=error,
        empty="neither",
        **volumes,
    )
