"""The fields of ASDNet, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"adversarial": ("adversarial",), "region": ("region",)}
ALTERNATIVES: dict[str, Alternative] = {
    "attention": (1.0, {}),
    "attention_by": ("confidence", {}),
    "attention_floor": (1.0, {}),
    "attention_scale": ("absolute", {}),
    "segmentation": ("generalized_dice", {}),
    "adversarial": (0.5, {}),
    "region": (0.5, {}),
    "region_loss": ("dice", {}),
    "threshold": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "width": (5, {}),
    "judged": ("both", {}),
}
