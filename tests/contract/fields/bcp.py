"""The fields of BCP, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import AVERAGING, Alternative

WEIGHTS = {"pseudo": ("pseudo",)}
CONSTANT = {"pseudo"}
START = {"pseudo": 0.4}
TESTED = {"labeled_stage": 0.4}
ALTERNATIVES: dict[str, Alternative] = AVERAGING | {
    "labeled_stage": (0.2, {}),
    "box": (0.4, {}),
    "pseudo": (1.0, {}),
    "component": (False, {}),
    "segmentation": ("each_patch", {}),
    "passes": ("apart", {}),
}
