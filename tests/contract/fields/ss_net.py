"""The fields of SS-Net, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"smoothness": ("smoothness",), "separation": ("separation",)}
ALTERNATIVES: dict[str, Alternative] = {
    "segmentation": ("dice", {}),
    "smoothness": (0.5, {}),
    "separation": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "ramp_first": (1, {}),
    "size": (0.3, {}),
    "probe": (0.3, {}),
    "iterations": (2, {}),
    "target": ("main", {}),
    "prototypes": (3, {}),
    "prototype_order": ("highest", {}),
    "normalize_by_present": (True, {}),
    "width": (8, {}),
    "embedding_dropout": (0.5, {}),
    "embedding_read": ("head", {}),
    "remember": ("before", {}),
}
REMEMBERS = True
