"""The fields of the supervised method, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import Alternative

WEIGHTS: dict[str, tuple[str, ...]] = {}
ALTERNATIVES: dict[str, Alternative] = {}
