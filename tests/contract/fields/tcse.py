"""The fields of TCSE, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",)}
TEACHER = {"second_pass": "teacher"}
ALTERNATIVES: dict[str, Alternative] = {
    "segmentation": ("ce", {}),
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "consistency_on": ("unlabeled", {}),
    "second_pass": ("detached", {}),
    "flips": ((0, 2), {}),
    "rotations": ("half", {}),
    "zoom": (0.1, {}),
    "noise": (0.3, {}),
    "noise_clip": (None, {}),
    "decay": (0.3, TEACHER),
    "buffers": ("copy", TEACHER),
}
