"""Directions of the axes of a scan."""

from __future__ import annotations

import itertools


def orientations() -> list[str]:
    """All 48 axis codes."""
    pairs = ("RL", "AP", "SI")
    return [
        "".join(letters) for order in itertools.permutations(pairs) for letters in itertools.product(*order)
    ]  # fmt: skip
