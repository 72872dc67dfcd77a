"""The fields of embedding matching, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import AVERAGING, Alternative

WEIGHTS = {"reliable": ("reliable",), "matching": ("nn", "en")}
ALTERNATIVES: dict[str, Alternative] = AVERAGING | {
    "noise_student": (0.3, {}),
    "noise_teacher": (0.3, {}),
    "noise_clip": (0.5, {}),
    "noise_on": ("unlabeled", {}),
    "supervised_shares": ((1.0, 1.0), {}),
    "passes": (2, {}),
    "uncertainty": ("predictive", {}),
    "label_source": ("single_pass", {}),
    "reliable": (0.5, {}),
    "matching": (0.5, {}),
    "ramp": (0.5, {}),
    "terms": (("nn",), {}),
    "kernel": ("euclidean", {}),
    "reduce": ("max", {}),
    "references": (3, {}),
    "runs": (2, {}),
    "band_mm": (1.0, {}),
    "near": ("nearest", {}),
    "reference_pass": ("evaluation", {}),
    "reference_scope": ("paired", {}),
    "en_region": ("all", {}),
    "en_runs": ("each", {}),
    "mask_sums": ("patch", {"least_uncertain": 0.0}),
    "least_uncertain": (0.0, {}),
}
