"""The fields of DAP, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {
    "adversarial_labeled": ("adversarial_labeled",),
    "adversarial_unlabeled": ("adversarial_unlabeled",),
    "self_training": ("self_training",),
}
CONSTANT = set(WEIGHTS)
FROM_LABELS = {"adversarial_labeled"}
START = {"self_training": 0.25}
ALTERNATIVES: dict[str, Alternative] = {
    "adversarial_labeled": (0.5, {}),
    "adversarial_unlabeled": (0.5, {}),
    "self_training": (0.5, {}),
    "start": (0.9, {}),
    "confidence": (0.51, {}),
    "self_training_loss": ("bayesian", {}),
    "gamma": (1.0, {}),
    "likelihood": ("detached", {}),
    "epoch": (1, {"likelihood": "previous"}),
    "weighting": ("contradiction", {}),
    "sigma": (0.1, {}),
    "divide_by": ("voxels", {}),
    "floor": (0.5, {}),
    "power": (2.0, {"weighting": "contradiction"}),
    "alignment": ("resize", {}),
    "atlas_of": ("others", {}),
    "segmentation": ("bayesian", {}),
    "width": (5, {}),
}
