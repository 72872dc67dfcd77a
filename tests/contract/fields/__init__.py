"""What the contract tests must know of each method's fields: one module a method, by its name in METHODS.

``WEIGHTS``: field that is a weight -> the terms it weighs. ``ALTERNATIVES``: every field of the Config -> another
value, and what else must be set for the field to matter. Optional: ``CONSTANT``, weights (fields) that do not rise;
``FROM_LABELS``, terms beside ``supervised`` that are computed on labeled patches alone; ``ABSENT``, fields that
matter only where a labeled patch does not show every class; ``START``, weight -> share of the run before which it is
off; ``REMEMBERS``, True where buffers change before the first loss; ``TURNS``, how often the network has a turn in a
step; ``NETWORK``, options of the network in which the fields matter, where that is not one of two levels;
``UNVARIED``, options with which the network sees patches as they are, not another view of them, through which no
gradient passes; ``TESTED``, options with which the method is tested, where its defaults are too large for a test;
``LEARNS``, options of the optimizer with which it finds two balls: statistics of a batch's few cluster centers settle
only as the rate falls.
"""

from __future__ import annotations

from typing import Any

Alternative = tuple[Any, dict[str, Any]]

COMMON: dict[str, Alternative] = {"balance": (0.7, {})}
"""The fields that every method has."""

PLAIN: dict[str, Any] = {"balance": 0.0}
"""With what methods are tested, so that losses are those of the papers."""

AVERAGING: dict[str, Alternative] = {
    "decay": (0.3, {}),
    "averaging": ("constant", {}),
    "buffers": ("copy", {}),
    "predict_with": ("teacher", {}),
}
"""The fields of TeacherConfig."""

NOISY_TEACHER: dict[str, Alternative] = AVERAGING | {
    "noise_student": (0.3, {}),
    "noise_teacher": (0.3, {}),
    "noise_clip": (None, {}),
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
}
"""What the mean teacher and UA-MT, which descends from it, have in common."""

MUTUAL: dict[str, Alternative] = {
    "segmentation": ("dice", {}),
    "supervised": (1.0, {}),
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "ramp_first": (1, {}),
    "temperature": (0.5, {}),
    "sharpening": ("one_vs_rest", {}),
    "detach_target": (True, {}),
}
"""The fields of MutualConfig, but for its decoders."""
