"""The fields of UniMatch V2, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import AVERAGING, Alternative

WEIGHTS = {"consistency": ("consistency",)}
CONSTANT = {"consistency"}
UNVARIED = {"view": "none"}
TESTED = {"threshold": 0.5}
ALTERNATIVES: dict[str, Alternative] = AVERAGING | {
    "teacher_mode": ("train", {}),
    "consistency": (0.5, {}),
    "threshold": (0.9, {}),
    "view": ("standard", {}),
    "paste": (1.0, {}),
    "smallest": (0.3, {"paste": 1.0}),
    "largest": (0.9, {"paste": 1.0}),
    "drop": (False, {}),
    "spared": (0.0, {}),
}
"""With untrained networks a threshold of 0.95 counts no voxel."""
