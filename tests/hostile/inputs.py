"""All hostile inputs, of all kinds."""

from __future__ import annotations

from tests.hostile import (  # noqa: F401
    containers,
    dialects,
    exported,
    findings,
    formats,
    headers,
    kinds,
    models,
    names,
    objects,
    options,
    places,
    records,
    rounds,
    slices,
    studies,
    tables,
)
from tests.hostile.kinds import Hostile

INPUTS: list[Hostile] = kinds.INPUTS
