"""The fields of the mean teacher, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import NOISY_TEACHER, Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = NOISY_TEACHER | {"consistency_on": ("all", {})}
