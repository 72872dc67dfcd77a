"""The fields of DTC, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"distance": ("distance",), "consistency": ("consistency",)}
CONSTANT = {"distance"}
FROM_LABELS = {"distance"}
ABSENT = {"absent"}
ALTERNATIVES: dict[str, Alternative] = {
    "distance": (1.0, {}),
    "consistency": (0.5, {}),
    "steepness": (50.0, {}),
    "consistency_on": ("unlabeled", {}),
    "segmentation": ("dice", {}),
    "head": ("sigmoid", {}),
    "absent": ("surface", {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "noise": (0.3, {}),
}
