"""The fields of MC-Net+, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = {
    "upsampling": (("transposed", "nearest", "trilinear"), {}),
    "reduction": ("mean", {}),
    "segmentation": ("dice", {}),
    "supervised": (1.0, {}),
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "temperature": (0.5, {}),
    "sharpening": ("one_vs_rest", {}),
    "detach_target": (True, {}),
}
