"""The fields of DKUXNet, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS = {
    "distribution": ("distribution",),
    "deep": ("deep",),
    "segmentation_contrast": ("segmentation_contrast",),
    "distribution_contrast": ("distribution_contrast",),
}
CONSTANT = {"distribution", "deep"}
FROM_LABELS = {"distribution", "deep"}
TESTED = {"clusters": {"width": 16, "hidden": 16, "heads": 2, "layers": 1}}
LEARNS = {"rate": 0.01, "schedule": "steps", "drop_every": 20, "drop_to": 0.3}
ALTERNATIVES: dict[str, Alternative] = {
    "clusters": ({"queries": 16}, {}),
    "segmentation": ("dice_ce_all", {}),
    "branches": ("shared", {}),
    "decay": (0.3, {"branches": "average"}),
    "distribution": (0.5, {}),
    "deep": (0.5, {}),
    "segmentation_contrast": (0.2, {}),
    "distribution_contrast": (0.2, {}),
    "ramp": (3, {}),
    "contrast": ("voxel", {}),
    "likeness": ("dot", {}),
    "temperature": (0.1, {}),
    "smallest": (0.9, {}),
    "anchors": (64, {"contrast": "voxel"}),
    "detach": ("weak", {}),
    "consistency_on": ("unlabeled", {}),
    "jitter": (0.1, {}),
    "jitter_share": (0.0, {}),
    "noise": ((0.5, 0.6), {"noise_share": 1.0}),
    "noise_share": (1.0, {}),
    "predict_by": ("both", {}),
}
