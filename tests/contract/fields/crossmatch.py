"""The fields of CrossMatch, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"views": ("views",), "distillation": ("distillation",)}
CONSTANT = {"views", "distillation"}
UNVARIED = {"view": "none"}
ALTERNATIVES: dict[str, Alternative] = {
    "views": (0.5, {}),
    "distillation": (0.5, {}),
    "alike": (0.6, {}),
    "weak": (0.1, {}),
    "strong": (0.5, {}),
    "threshold": (0.95, {}),
    "threshold_ramp": (1, {}),
    "threshold_scale": (0.9, {}),
    "view": ("standard", {}),
    "paste": (1.0, {}),
    "smallest": (0.3, {"paste": 1.0}),
    "largest": (0.9, {"paste": 1.0}),
}
