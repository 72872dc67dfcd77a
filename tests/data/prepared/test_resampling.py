"""Resampling keeps the field of view, exact values where nothing changes, and every class in its place."""

import numpy as np
import pytest
import torch

from semivox.data.prepared.resampling import resample, resample_label, target_shape, target_spacing


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(13, 9, 21), (13, 20, 11), (40, 9, 11)])
def test_linear_growth_equals_torch(shape):
    array = noise(2, 13, 9, 11)
    expected = torch.nn.functional.interpolate(torch.from_numpy(array)[None], shape, mode="trilinear")[0]
    np.testing.assert_allclose(resample(array, shape, "linear"), expected.numpy(), atol=1e-5)


def keys(d):
    d = abs(d)
    if d < 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


@pytest.mark.parametrize(("old", "new"), [(10, 17), (17, 10), (12, 3), (5, 5), (1, 4), (7, 1)])
@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_every_length_equals_the_sum_written_out(old, new, kernel):
    line, weigh = noise(old), keys if kernel == "cubic" else lambda d: max(0.0, 1 - abs(d))
    factor = max(old / new, 1)
    expected = []
    for j in range(new):
        center = (j + 0.5) * old / new - 0.5
        taps = range(-3 * old - 9, 4 * old + 9)
        weights = np.array([weigh((tap - center) / factor) for tap in taps])
        expected.append((weights * line[np.clip(taps, 0, old - 1)]).sum() / weights.sum())
    got = resample(np.broadcast_to(line[None, :, None, None], (1, old, 2, 2)), (new, 2, 2), kernel)
    np.testing.assert_allclose(got[0, :, 0, 0], line if old == new else expected, atol=1e-5)


def test_equal_shape_is_the_identity():
    array = noise(2, 5, 6, 7)
    np.testing.assert_array_equal(resample(array, (5, 6, 7)), array)
    label = (noise(5, 6, 7) > 0).astype(np.uint8)
    np.testing.assert_array_equal(resample_label(label, (5, 6, 7)), label)


def test_spacings_within_one_percent_leave_an_axis_untouched():
    assert target_shape((512, 100, 50), (0.7001, 1.0, 5.0), (0.7, 2.0, 5.0)) == (512, 50, 50)
    assert target_shape((3, 3, 3), (0.1, 1, 1), (10, 1, 1)) == (1, 3, 3)


def test_the_field_of_view_is_kept():
    new = target_shape((101, 57, 31), (0.7, 0.7, 3.0), (1.25, 1.25, 1.25))
    spacing = target_spacing((101, 57, 31), (0.7, 0.7, 3.0), new)
    np.testing.assert_allclose(np.multiply(new, spacing), (101 * 0.7, 57 * 0.7, 93.0))


def test_a_ramp_keeps_its_world_position():
    x = (np.arange(40) + 0.5) * 0.5  # mm from the edge of the field of view
    got = resample(np.broadcast_to(x[None, :, None, None], (1, 40, 4, 4)), (16, 4, 4))[0, :, 0, 0]
    np.testing.assert_allclose(got[2:-2], ((np.arange(16) + 0.5) * 1.25)[2:-2], atol=0.01)


def test_shrinking_averages_fine_detail_away():
    board = np.indices((24, 24, 24)).sum(0) % 2
    assert np.abs(resample(board[None], (8, 8, 8), "linear")[0, 1:-1, 1:-1, 1:-1] - 0.5).max() < 0.07


def full_oracle(label, shape):
    """Every class as a whole volume, then the largest."""
    values = np.unique(label)
    shares = np.stack([resample((label == value)[None], shape, "linear")[0] for value in values])
    return values[shares.argmax(0)]


@pytest.mark.parametrize("shape", [(20, 31, 9), (7, 8, 5), (13, 15, 30)])
def test_a_label_is_the_class_with_the_largest_interpolated_share(shape):
    smooth = np.random.default_rng(1).normal(size=(3, 6, 7, 5))
    label = resample(smooth, (13, 15, 11)).argmax(0)
    label = np.array([0, 3, 255], np.uint8)[label]
    np.testing.assert_array_equal(resample_label(label, shape), full_oracle(label, shape))


def test_a_label_keeps_its_volume_and_its_classes():
    grid = np.indices((40, 40, 20)) * np.array([1, 1, 2])[:, None, None, None]
    ball = (np.square(grid - 20).sum(0) < 14**2).astype(np.uint8) * 2
    there = resample_label(ball, (61, 61, 61))
    assert set(np.unique(there)) == {0, 2}
    assert (there > 0).mean() == pytest.approx((ball > 0).mean(), rel=0.03)
    back = resample_label(there, ball.shape)
    assert 2 * (back & ball > 0).sum() / ((back > 0).sum() + (ball > 0).sum()) > 0.98
