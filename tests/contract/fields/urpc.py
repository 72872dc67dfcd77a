"""The fields of URPC, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

NETWORK = {"strides": ((1, 2, 2), (2, 2, 2), (2, 1, 1))}
WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = {
    "scales": (2, {}),
    "consistency": (0.5, {}),
    "uncertainty": (0.0, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "dice_from": (1, {}),
    "detach_mean": (True, {}),
    "detach_weights": (True, {}),
    "predict_heads": ("mean", {}),
}
