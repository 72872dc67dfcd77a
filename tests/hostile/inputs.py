"""All hostile inputs, of all kinds."""

from __future__ import annotations

from tests.hostile import findings, formats, headers, kinds, names, options, records, rounds, studies  # noqa: F401
from tests.hostile.kinds import Hostile

INPUTS: list[Hostile] = kinds.INPUTS
