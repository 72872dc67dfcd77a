"""The fields of TraCoCo, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"teaching": ("teaching",), "translation": ("translation",), "spread": ("spread",)}
ALTERNATIVES: dict[str, Alternative] = {
    "teaching": (0.5, {}),
    "translation": (0.5, {}),
    "spread": (0.5, {}),
    "ramp": (3, {}),
    "crop": (0.5, {}),
    "sure": (0.9, {}),
    "unsure": (0.3, {}),
    "noise": (0.1, {}),
    "paste": (False, {}),
    "predict_networks": ("mean", {}),
}
