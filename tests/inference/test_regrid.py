"""Slab-wise interpolation equals that of the whole array."""

import numpy as np
import pytest
import torch

from semivox.data.prepared.resampling import resample
from semivox.inference.regrid import regrid

SHAPES = [((11, 9, 7), (17, 20, 13)), ((40, 9, 7), (41, 5, 7)), ((30, 12, 15), (9, 6, 4)), ((5, 6, 7), (90, 6, 7))]


def cut(array, widths):
    return list(torch.from_numpy(array).split(widths, dim=1))


@pytest.mark.parametrize(("old", "new"), SHAPES)
@pytest.mark.parametrize("width", [1, 4, 100])
def test_equals_trilinear_interpolation_of_the_whole(old, new, width):
    array = np.random.default_rng(0).random((3, *old)).astype(np.float32)
    result = torch.cat(list(regrid(cut(array, width), old, new)), dim=1)
    assert tuple(result.shape[1:]) == new
    inside = tuple(slice(1, -1) for _ in range(3))  # when shrinking, the end planes weigh what lies beyond differently
    expected = torch.from_numpy(resample(array, new, "linear"))
    torch.testing.assert_close(result[:, *inside], expected[:, *inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("old", "new"), [SHAPES[0], SHAPES[3]])
def test_growing_equals_torch_everywhere(old, new):
    array = np.random.default_rng(0).random((3, *old)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(array)[None], size=new, mode="trilinear")[0]
    torch.testing.assert_close(torch.cat(list(regrid(cut(array, 3), old, new)), 1), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_probabilities_still_sum_to_one(old, new):
    array = np.random.default_rng(0).dirichlet(np.ones(3), size=old).astype(np.float32)
    slabs = cut(np.moveaxis(array, -1, 0).copy(), 4)
    result = torch.cat(list(regrid(slabs, old, new)), dim=1)
    torch.testing.assert_close(result.sum(0), torch.ones(new), atol=1e-5, rtol=0)
    assert float(result.min()) >= 0


def test_equal_shapes_pass_untouched():
    slabs = cut(np.random.default_rng(0).random((3, 9, 5, 6)).astype(np.float32), 4)
    assert all(a is b for a, b in zip(regrid(slabs, (9, 5, 6), (9, 5, 6)), slabs))
