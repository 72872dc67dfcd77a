"""Network input does not depend on the unit of a scan, nor on a voxel gone wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semivox.core.case import Volume
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo, Fingerprint, Intensity
from semivox.data.measurements import facts
from semivox.data.planning.intensity import choose, unscaled
from semivox.data.prepared.intensity import padding, scale
from tests.data.memory_store import make_plan

SHAPE = (12, 13, 14)


def scan(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and label of a made-up scan."""
    random = np.random.default_rng(seed)
    label = np.zeros(SHAPE, np.uint8)
    label[2:8, 3:9, 4:10] = 1
    values = random.gamma(2.0, 40.0, SHAPE) + 60 * label
    return np.where(random.random(SHAPE) < 0.3, 0, values), label


def fingerprint_of(scans, factor: float, channel: str) -> Fingerprint:
    """What is measured on these scans, all in a unit ``factor`` times as small."""
    cases = []
    for index, (values, label) in enumerate(scans):
        grid = Grid(SHAPE, np.eye(4))
        cases.append(facts(str(index), Volume((values * factor).astype(np.float32)[None], grid, grid), label))
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="x", value=1))
    return Fingerprint(dataset="d", channels=(channel,), classes=classes, cases=tuple(cases))


def chosen(scans, factor: float, channel: str) -> Intensity:
    """The plan's scheme for them."""
    return choose(fingerprint_of(scans, factor, channel))[0][0]


@pytest.mark.parametrize(("scheme", "factor", "warned"), [("none", 1.0, 1), ("none", 0.01, 0), ("zscore", 1.0, 0)])
def test_values_that_are_taken_as_they_are_though_nobody_standardized_them_are_told(scheme, factor, warned):
    fingerprint = fingerprint_of([scan(1), scan(2)], factor, "CT")
    plan = make_plan(scheme=scheme).model_copy(update={"fingerprint": fingerprint, "channels": ("CT",)})
    told = unscaled(plan)
    assert len(told) == warned
    for line in told:
        assert line.startswith("warning: the values of CT are taken as they are (plan.intensity none)")
        assert """--set 'plan.intensity=[{"scheme": "zscore"}]'""" in line


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    exponent=st.floats(-8, 8),
    channel=st.sampled_from(["MR", "CT", "0"]),
    hot=st.booleans(),
)
@example(seed=1, exponent=-8.0, channel="MR", hot=False)
@example(seed=1, exponent=8.0, channel="MR", hot=True)
@example(seed=1, exponent=-8.0, channel="CT", hot=False)
def test_the_unit_changes_no_network_input(seed, exponent, channel, hot):
    scans = [scan(seed), scan(seed + 1)]
    if hot:
        scans[0][0][1, 1, 1] = 1e6
    factor = 10.0**exponent
    here, there = (scale((scans[0][0] * f).astype(np.float32), chosen(scans, f, channel)) for f in (1.0, factor))
    assert np.allclose(here, there, atol=2e-3), np.abs(here - there).max()
    assert here.std() > 0.1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), value=st.sampled_from([1e7, -1e7, 1e30, 3e4]), nonzero=st.booleans())
def test_one_hot_voxel_moves_nothing(seed, value, nonzero):
    values = scan(seed)[0].astype(np.float32)
    scheme = Intensity(scheme="zscore", nonzero=nonzero)
    plain = scale(values, scheme)
    values[5, 5, 5] = value
    got = scale(values, scheme)
    others = np.ones(SHAPE, bool)
    others[5, 5, 5] = False
    assert np.allclose(got[others], plain[others], atol=0.02, rtol=0.01)
    assert plain.min() - 0.02 <= got[5, 5, 5] <= plain.max() * 1.01 + 0.02


def test_scans_without_hot_voxels_keep_their_exact_input():
    values = scan(1)[0].astype(np.float32)
    expected = (values - np.float32(values.astype(float).mean())) / np.float32(values.astype(float).std())
    assert np.array_equal(scale(values, Intensity(scheme="zscore")), expected)


@pytest.mark.parametrize("values", [np.full(SHAPE, 7.0), np.full(SHAPE, 1e-9), np.zeros(SHAPE), np.full(SHAPE, 1e9)])
def test_a_constant_scan_becomes_zero(values):
    assert not scale(values, Intensity(scheme="zscore")).any()


def test_a_scans_own_range_becomes_0_to_1():
    values = scan(4)[0].astype(np.float32)
    got = scale(values, Intensity(scheme="range"))
    assert (got.min(), got.max()) == (0.0, 1.0)
    expected = (values - values.min()) / (values.max() - values.min())
    assert np.allclose(got, expected, atol=1e-6)
    assert np.allclose(scale(values * 40 - 1000, Intensity(scheme="range")), got, atol=1e-5)
    assert padding(Intensity(scheme="range")) == 0.0
    assert not scale(np.full(SHAPE, 7.0), Intensity(scheme="range")).any()


def test_a_nearly_empty_scan_keeps_what_it_shows():
    values = np.zeros((30, 30, 30), np.float32)
    values[3, 3, 3:5] = 5
    assert scale(values, Intensity(scheme="zscore"))[3, 3, 3] > 10


def test_the_window_is_that_of_all_labeled_voxels_together():
    random = np.random.default_rng(0)
    label = np.zeros(SHAPE, np.uint8)
    label[2:10, 2:10, 2:10] = 1
    lung, bone = (np.rint(random.normal(mean, 30, SHAPE)) for mean in (-750, 700))
    few = label * (np.arange(SHAPE[2]) < 4)  # a quarter of the voxels
    got = chosen([(lung, label), (bone, few)], 1.0, "CT")
    pooled = np.concatenate([lung[label > 0], bone[few > 0]])
    lower, upper = np.percentile(pooled, (0.5, 99.5))
    assert got.lower == pytest.approx(lower, abs=6)
    assert got.upper == pytest.approx(upper, abs=6)
    clipped = np.clip(pooled, lower, upper)
    assert got.mean == pytest.approx(clipped.mean(), abs=3)
    assert got.std == pytest.approx(clipped.std(), rel=0.01)


def test_a_hot_voxel_under_a_label_does_not_widen_the_window():
    values, label = scan(3)
    before = chosen([(values, label)], 1.0, "CT")
    values[5, 5, 5] = 1e7
    after = chosen([(values, label)], 1.0, "CT")
    assert after.std == pytest.approx(before.std, rel=0.05)
    assert after.upper < 1.2 * before.upper
