"""Codes of voxels that a label leaves to several classes: below 0, the complement of a set of bits, one a class."""

from __future__ import annotations

from collections.abc import Iterable

MOST_CLASSES = 63
"""A code has a bit for each class, and its sign."""


def any_of(classes: Iterable[int]) -> int:
    """The code of a voxel that may be any of these classes: below 0. Raises ValueError for a class without a bit."""
    bits = 0
    for index in classes:
        if not 0 <= index < MOST_CLASSES:
            raise ValueError(f"class {index} is none of the first {MOST_CLASSES}")
        bits |= 1 << index
    return ~bits


def classes_of(code: int) -> list[int]:
    """The classes of a code, ascending."""
    return [index for index in range(MOST_CLASSES) if ~code >> index & 1]
