"""Ramps: the printed values of the papers and the reference codes."""

from __future__ import annotations

import pytest

from semivox.core.progress import Progress
from semivox.functional.ramps import exponential_ramp, gaussian_ramp, risen, staircase


@pytest.mark.parametrize(("t", "value"), [(0, 0.0067379), (0.5, 0.2865048), (1, 1.0), (1.5, 1.0), (-1, 0.0067379)])
def test_gaussian_ramp(t, value):
    assert gaussian_ramp(t * 6000, 6000) == pytest.approx(value, abs=5e-8)


def test_a_ramp_of_no_length_is_at_its_end():
    assert gaussian_ramp(0, 0) == 1.0


def test_the_ramp_never_falls():
    values = [gaussian_ramp(step, 50) for step in range(60)]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 0.00067379), (3000, 0.02865048), (6000, 0.1), (6001, 0.1), (30000, 0.1)]
)
def test_smooth_weight_of_the_mean_teacher(step, weight):
    assert 0.1 * gaussian_ramp(step, 6000) == pytest.approx(weight, abs=5e-9)


@pytest.mark.parametrize(
    ("step", "weight"),
    [(0, 0.00067379), (149, 0.00067379), (150, 0.00086247), (299, 0.00086247), (3000, 0.02865048), (6000, 0.1)],
)
def test_staircase_weight_of_the_authors_code(step, weight):
    assert 0.1 * gaussian_ramp(staircase(step, 150), 6000) == pytest.approx(weight, abs=5e-9)


def test_a_staircase_of_single_steps_is_smooth():
    assert [staircase(step, 1) for step in range(5)] == list(range(5))


def test_weights_of_embedding_matching():
    assert 0.25 * gaussian_ramp(0, 1000) == pytest.approx(0.0016845, abs=5e-8)
    assert 0.125 * gaussian_ramp(500, 1000) == pytest.approx(0.0358131, abs=5e-8)


def test_a_weight_rises_over_the_run_or_so_many_steps_and_in_stairs_if_asked():
    assert risen(Progress(500, 1000)) == gaussian_ramp(500, 1000)
    assert risen(Progress(500, 1000), 600) == gaussian_ramp(500, 600)
    assert risen(Progress(500, 1000), 600, 150) == gaussian_ramp(450, 600)
    assert risen(Progress(0, 1000), 0) == 1.0


def test_a_ramp_that_counts_from_one_is_a_step_ahead():
    assert risen(Progress(149, 6000), 6000, 150, first=1) == risen(Progress(150, 6000), 6000, 150)
    assert risen(Progress(5999, 6000), 6000, 150, first=1) == 1.0
    assert risen(Progress(5999, 6000), 6000, 150) == pytest.approx(0.99688, abs=5e-6)


@pytest.mark.parametrize(("t", "value"), [(0, 0.0), (0.2, 0.6321206), (1, 0.9932621), (2, 0.9932621)])
def test_exponential_ramp(t, value):
    assert exponential_ramp(t * 400, 400) == pytest.approx(value, abs=5e-8)
