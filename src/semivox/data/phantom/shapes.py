"""Signed distances to simple shapes, and how they are joined and turned."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def capsule(p: np.ndarray, a: tuple[float, ...], b: tuple[float, ...], at_a: float, at_b: float) -> np.ndarray:
    """Signed distance to a rod from ``a`` to ``b`` whose radius goes from ``at_a`` to ``at_b``."""
    axis = np.array(b, np.float32) - np.array(a, np.float32)
    offset = p - column(*a)
    along = np.clip((axis @ offset) / np.float32(axis @ axis), 0, 1)
    offset -= axis[:, None] * along
    return np.sqrt(np.einsum("in,in->n", offset, offset)) - (np.float32(at_a) + np.float32(at_b - at_a) * along)


def chain(p: np.ndarray, knots: tuple[tuple[float, ...], ...], radii: tuple[float, ...]) -> np.ndarray:
    """Rods joined end to end."""
    ends = zip(pairwise(knots), pairwise(radii), strict=True)
    return np.minimum.reduce([capsule(p, a, b, at_a, at_b) for (a, b), (at_a, at_b) in ends])


def blend(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Union of two bodies with a fillet of about ``width`` mm where they meet."""
    overlap = np.maximum(np.float32(width) - np.abs(a - b), 0)
    return np.minimum(a, b) - overlap * overlap / np.float32(4 * width)


def column(*values: float) -> np.ndarray:
    """Numbers as a column (n, 1)."""
    return np.array(values, np.float32)[:, None]


def rotation(about_x: float, about_y: float, about_z: float) -> np.ndarray:
    """(3, 3) rotation by three angles in rad, about x first."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([about_x, about_y, about_z]), np.sin([about_x, about_y, about_z])
    turn_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return turn_z @ turn_y @ turn_x
