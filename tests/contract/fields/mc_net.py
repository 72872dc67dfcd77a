"""The fields of MC-Net, for the contract tests."""

from __future__ import annotations

from tests.contract.fields import MUTUAL, Alternative

WEIGHTS = {"consistency": ("consistency",)}
ALTERNATIVES: dict[str, Alternative] = MUTUAL | {"upsampling": (("transposed", "nearest"), {})}
