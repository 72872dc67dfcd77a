"""The fields of SASSNet, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

TEACHER = {"unlabeled": "teacher"}
WEIGHTS = {"shape": ("shape",), "adversarial": ("adversarial",)}
CONSTANT = {"shape"}
FROM_LABELS = {"shape"}
ALTERNATIVES: dict[str, Alternative] = {
    "shape": (1.0, {}),
    "unlabeled": ("unused", {}),
    "adversarial": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "width": (5, {}),
    "segmentation": ("dice", {}),
    "head": ("sigmoid", {}),
    "consistency": (0.5, TEACHER),
    "consistency_of": ("both", TEACHER),
    "decay": (0.3, TEACHER),
    "buffers": ("copy", TEACHER),
    "noise_teacher": (0.3, TEACHER),
    "noise_clip": (None, TEACHER),
}
