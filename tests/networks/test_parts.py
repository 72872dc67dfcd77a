"""Interpolation without weights, value by value."""

from __future__ import annotations

import pytest
import torch

from semivox.networks.parts import interpolation, upsampling


def along(axis: int, *values: float) -> torch.Tensor:
    """(1, 1, X, Y, Z) that varies along one axis."""
    shape = [1, 1, 1, 1, 1]
    shape[2 + axis] = len(values)
    return torch.tensor(values).reshape(shape)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("kind", "expected"), [("nearest", [0, 0, 1, 1]), ("trilinear", [0, 1 / 3, 2 / 3, 1])])
def test_two_values_become_four(axis, kind, expected):
    stride = tuple(2 if i == axis else 1 for i in range(3))
    grown = interpolation(stride, kind)(along(axis, 0.0, 1.0))
    torch.testing.assert_close(grown.flatten(), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_linear_rise_stays_linear_and_keeps_its_ends(axis):
    grown = interpolation((2, 2, 2), "trilinear")(
        along(axis, 0.0, 1.0, 2.0, 3.0, 4.0).expand(1, 1, *[5] * 3).contiguous()
    )
    rise = grown.movedim(2 + axis, -1)
    torch.testing.assert_close(rise, torch.linspace(0, 4, 10).expand_as(rise))


@pytest.mark.parametrize("kind", ["transposed", "trilinear", "nearest"])
def test_each_up_sampling_grows_by_its_stride(kind):
    grown = upsampling(3, 2, (1, 2, 4), "batch", kind)(torch.randn(2, 3, 2, 3, 2))
    assert grown.shape == (2, 2, 2, 6, 8)
    assert grown.min() >= 0
