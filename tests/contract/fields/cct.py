"""The fields of CCT, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {"consistency": ("consistency",)}
ADVERSARIAL, CUTOUT = {"auxiliary": ("adversarial",)}, {"auxiliary": ("cutout",)}
ALTERNATIVES: dict[str, Alternative] = {
    "segmentation": ("ce", {}),
    "bootstrap_to": (0.6, {"segmentation": "bootstrapped"}),
    "bootstrap_ramp": (1.0, {"segmentation": "bootstrapped"}),
    "confidence": (0.6, {}),
    "auxiliary": (("noise", "drop", "dropout", "noise"), {}),
    "auxiliary_decoder": ("shallow", {}),
    "consistency": (0.5, {}),
    "ramp": (1.0, {}),
    "auxiliary_supervised": (True, {}),
    "detach_target": (False, {}),
    "noise_student": (0.3, {}),
    "noise": (0.1, {}),
    "drop_from": ((0.5, 0.6), {}),
    "dropout": (0.2, {}),
    "dropout_of": ("element", {}),
    "adversarial_radius": (0.1, ADVERSARIAL),
    "adversarial_probe": (0.1, ADVERSARIAL),
    "adversarial_iterations": (2, ADVERSARIAL),
    "cutout_share": (0.8, CUTOUT),
    "cutout_smallest": (100_000, CUTOUT),
    "resizing": ("max", CUTOUT),
}
