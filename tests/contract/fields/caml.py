"""The fields of CAML, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",), "correlation": ("correlation",)}
ALTERNATIVES: dict[str, Alternative] = {
    "segmentation": ("dice", {}),
    "supervised": (1.0, {}),
    "consistency": (0.5, {}),
    "correlation": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "ramp_first": (1, {}),
    "sharpening": (0.5, {}),
    "temperature": (0.5, {}),
    "normalize": (True, {}),
    "detach_target": (True, {}),
    "attention": ("inter", {}),
    "attention_level": (0, {}),
    "bank": (20, {}),
    "fewest": (10_000, {}),
    "slots": (1, {}),
    "voxels": (3, {}),
    "width": (8, {}),
    "embedding_dropout": (0.5, {}),
    "embedding_read": ("head", {}),
    "remember": ("before", {}),
}
REMEMBERS = True
