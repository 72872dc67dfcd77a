"""The fields of UA-MT, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import NOISY_TEACHER, Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = NOISY_TEACHER | {
    "passes": (2, {}),
    "target": ("mean", {}),
    "monte_carlo": ("doubled", {}),
}
