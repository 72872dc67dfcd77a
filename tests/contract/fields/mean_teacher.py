"""The fields of the mean teacher, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import AVERAGING, Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = AVERAGING | {
    "noise_student": (0.3, {}),
    "noise_teacher": (0.3, {}),
    "noise_clip": (None, {}),
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "consistency_on": ("all", {}),
}
