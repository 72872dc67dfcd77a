"""Every option of every method is documented, checked, and changes something."""

from __future__ import annotations

import itertools

import pytest
import torch
from pydantic import ValidationError

from semivox.methods import find
from semivox.methods.method import MethodConfig, OptimizerConfig
from tests.contract.fields import Alternative
from tests.contract.known import ABSENT, ALTERNATIVES, NAMES, SHARP_UNET, WEIGHTS, default_trace, differ, fields, trace

pytestmark = pytest.mark.parametrize("name", NAMES)

SGD = {"kind": "sgd", "rate": 0.01}
ADAM = {"kind": "adam", "rate": 0.01}
OPTIMIZER: dict[str, Alternative] = {
    "kind": ("sgd", ADAM),
    "rate": (0.02, SGD),
    "momentum": (0.1, SGD),
    "nesterov": (True, SGD),
    "betas": ((0.5, 0.9), ADAM),
    "decay": (0.1, SGD),
    "schedule": ("constant", SGD),
    "drop_every": (1, SGD | {"schedule": "steps"}),
    "drop_to": (0.5, SGD | {"schedule": "steps", "drop_every": 1}),
    "warmup": (5, SGD),
}


def test_every_field_has_an_alternative_here_and_a_docstring(name):
    assert set(fields(name)) == set(ALTERNATIVES[name])
    for field, info in find(name).Config.model_fields.items():
        assert info.description, f"{field} has no docstring"
    assert issubclass(find(name).Config, MethodConfig)


def test_every_field_changes_something(name):
    for field, (value, context) in ALTERNATIVES[name].items():
        assert getattr(find(name).Config.model_validate(context), field) != value
        shown = 2 if field in ABSENT[name] else 3
        changed = trace(name, context | {field: value}, shown=shown)
        assert differ(default_trace(name, context, shown), changed), f"{field} changes nothing"


def test_every_player_is_optimized_as_its_field_says(name):
    """All of an optimizer's fields for the supervised method; that each player obeys its own, for every method."""
    assert set(OPTIMIZER) == set(OptimizerConfig.model_fields)
    for player in find(name).players:
        for field, (value, context) in OPTIMIZER.items() if name == "supervised" else [("rate", OPTIMIZER["rate"])]:
            changed = trace(name, {player: context | {field: value}})
            assert differ(trace(name, {player: context}), changed), f"{player}.{field}"


def test_every_ablation_runs_and_differs_from_all_others(name):
    """In a network that is unsure of many voxels, or in one that is unsure of a few."""
    options = {"default": {}} | {ablation: dict(overrides) for ablation, overrides in find(name).ablations.items()}
    many = {ablation: trace(name, o) for ablation, o in options.items()}
    few = {ablation: trace(name, o, "unet3d", SHARP_UNET) for ablation, o in options.items()}
    for ablation in options:
        assert all(torch.isfinite(v).all() for v in (many[ablation] | few[ablation]).values()), ablation
    for one, other in itertools.combinations(options, 2):
        assert differ(many[one], many[other]) or differ(few[one], few[other]), f"{one!r} is {other!r}"


def test_unknown_and_unbounded_options_are_errors(name):
    config = find(name).Config
    with pytest.raises(ValidationError):
        config.model_validate({"consistancy": 1.0})
    for field in WEIGHTS[name]:
        with pytest.raises(ValidationError):
            config.model_validate({field: -0.1})
    assert config.model_validate_json(config().model_dump_json()) == config()
    with pytest.raises(ValidationError):
        config().network = OptimizerConfig()
