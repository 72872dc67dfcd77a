"""The fields of AD-MT, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",)}
TESTED = {"threshold": 0.5, "period": 2, "copied": 0}
ALTERNATIVES: dict[str, Alternative] = {
    "consistency": (0.5, {}),
    "ramp": (3, {}),
    "staircase": (4, {}),
    "period": (1, {}),
    "kept": (0.3, {}),
    "copied": (8, {}),
    "threshold": (0.9, {}),
    "override": (False, {"copied": 8}),
    "jitter": (0.1, {}),
    "jitter_share": (0.1, {}),
    "noise": ((0.5, 3.0), {"noise_share": 1.0}),
    "noise_share": (1.0, {}),
    "teaching": ("one", {}),
    "dice_from": (0, {}),
}
