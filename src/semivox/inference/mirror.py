"""Averages the predictions of a scan and of its mirror images (test-time augmentation)."""

from __future__ import annotations

from itertools import product

from torch import Tensor

from semivox.inference.window import Predict


def mirrored(predict: Predict, axes: tuple[bool, bool, bool]) -> Predict:
    """The mean of ``predict`` over all mirrorings along the allowed axes (x, y, z), each mirrored back.

    One to eight times the work; the mean is a running sum. Axes along which left and right are classes must be off.
    """
    choices = product(*((False, True) if allowed else (False,) for allowed in axes))
    flips = [[axis + 2 for axis, flip in enumerate(choice) if flip] for choice in choices]

    def averaged(image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> (B, K, X, Y, Z)."""
        total = predict(image)
        for dims in flips[1:]:
            total = total + predict(image.flip(dims)).flip(dims)
        return total / len(flips)

    return averaged
