"""Configuration: unknown or impossible options are errors that name themselves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from semivox.core.errors import InputError
from semivox.core.mappings import merged
from semivox.core.progress import Progress
from semivox.methods.method import OptimizerConfig
from semivox.training.settings import TrainSettings, configure


def test_the_papers_numbers_are_the_defaults():
    options = configure("embedding-matching", {}, TrainSettings()).options
    assert (options["passes"], options["references"], options["runs"]) == (5, 16, 5)
    assert (options["reliable"], options["matching"]) == (0.25, 0.125)


def test_an_ablation_is_a_set_of_overrides_and_the_user_has_the_last_word():
    config = configure("embedding_matching", {"passes": 2}, TrainSettings(), ablation="UA")
    assert config.options["terms"] == []
    assert config.options["passes"] == 2


@pytest.mark.parametrize(
    ("method", "overrides", "ablation", "named"),
    [
        ("mean_teacherr", {}, None, "did you mean 'mean_teacher'.*choose from supervised"),
        ("mean_teacher", {"decai": 0.9}, None, "decai"),
        ("mean_teacher", {"decay": 1.5}, None, "decay.*below 1.*received 1.5"),
        ("mean_teacher", {"network": {"rate": -1}}, None, "network.rate"),
        ("mean_teacher", {}, "no teacher", "no ablation 'no teacher'; it has 'no consistency'"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(method, overrides, ablation, named):
    with pytest.raises(InputError, match=named):
        configure(method, overrides, TrainSettings(), ablation)


def test_unknown_settings_are_errors():
    with pytest.raises(ValidationError, match="stepz"):
        TrainSettings.model_validate({"stepz": 3})


def test_nested_overrides_keep_their_neighbors():
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}}) == {"a": {"b": 9, "c": 2}, "d": 3}


def test_step_schedule_of_the_left_atrium_protocol():
    steps = OptimizerConfig(schedule="steps", rate=1e-2, warmup=0)
    # the card counts steps from 1: rate of step t is that of the 0-based step t - 1
    rates = [steps.rate_at(Progress(t - 1, 6000)) for t in (1, 2500, 2501, 5000, 5001, 6000)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])


def test_polynomial_schedule_falls_to_zero_and_warm_up_rises():
    poly = OptimizerConfig(schedule="poly", rate=1.0, warmup=9)
    rates = [poly.rate_at(Progress(t, 100)) for t in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(rates[9])
    assert rates[99] == pytest.approx(0.01**0.9)
