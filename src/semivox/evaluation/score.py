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
from semivox.core.geometry import Spacing
from semivox.evaluation.metrics import Masks, Metrics, measured
from semivox.functional.surface import class_boxes, joint_box

Empty = Literal["neither", "prediction", "reference", "both"]
"""Which of the two masks has no voxel."""


class Score(Metrics):
    """How one class of one prediction compares with the reference. None: the score is not defined here."""

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
        raise InputError(f"label value {ignore} cannot be both ignored and scored; remove it from the classes")
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
    lengths: Sequence[float] = spacing
    if len(lengths) != 3 or not all(np.isfinite(length) and length > 0 for length in lengths):
        raise InputError(f"the spacing must be three positive lengths in mm; received {spacing}")


def _score(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> Score:
    """The scores of two masks, (X, Y, Z) bool."""
    masks = Masks(prediction, reference, spacing)
    p, r = masks.predicted, masks.referred
    volumes = {"prediction_ml": p * masks.milliliters, "reference_ml": r * masks.milliliters}
    if p == 0 and r == 0:
        return Score(empty="both", **volumes)
    empty: Empty = "neither" if p and r else "reference" if p else "prediction"
    return Score.model_validate({**measured(masks), **volumes, "empty": empty})
