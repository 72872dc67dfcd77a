"""The fields of MTC, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

TURNS = 2
CONSTANT = {"reconstruction"}
WEIGHTS = {"reconstruction": ("reconstruction",)}
ALTERNATIVES: dict[str, Alternative] = {
    "strategy": ("joint", {}),
    "reconstruction": (0.5, {}),
    "alpha": (0.5, {"strategy": "joint"}),
    "attention": ("none", {}),
    "volume_weights": (False, {}),
    "detach_attention": (True, {}),
    "detach_weights": (False, {}),
    "activation": ("linear", {}),
    "segmentation": ("dice", {}),
    "optimizers": ("two", {}),
    "rebuilding": ({"kind": "sgd"}, {"optimizers": "two"}),
    "noise": (0.3, {}),
}
