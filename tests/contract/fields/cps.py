"""The fields of CPS, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = {
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "consistency_on": ("all", {}),
    "initial": ("kaiming_xavier", {}),
    "dice_from": (0, {}),
    "predict_networks": ("mean", {}),
}
