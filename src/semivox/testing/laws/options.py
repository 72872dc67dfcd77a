"""Every option is documented, checked, and changes something."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import torch
from pydantic import ValidationError
from torch import Tensor

from semivox.methods.method import MethodConfig, OptimizerConfig
from semivox.testing.steps import differ, differs_from
from semivox.testing.subject import SHARP, SHARP_UNET, Alternative, Options, Subject


def fields_have_docstrings(subject: Subject) -> None:
    """They are what a user sees of a field."""
    bare = [name for name, info in subject.kind.Config.model_fields.items() if not info.description]
    assert not bare, f"the field {', '.join(bare)} of Config has no docstring"


def wrong_options_are_refused(subject: Subject) -> None:
    """Unknown names, weights below zero, changes after the fact; and a configuration survives its file."""
    config = subject.kind.Config
    wrong: list[dict[str, Any]] = [{"no_such_field": 1.0}, *({field: -0.1} for field in subject.weights())]
    for options in wrong:
        assert not _accepted(subject, options), f"Config accepts {options}"
    assert config.model_validate_json(config().model_dump_json()) == config(), "Config is another after its file"
    try:
        config().__setattr__("network", OptimizerConfig())
    except ValidationError:
        return
    raise AssertionError("Config can be changed after it was made")


def every_field_changes_something(subject: Subject) -> None:
    """No field of the method's own Config is without effect."""
    plain: dict[str, dict[str, Tensor]] = {}
    for field in _own(subject):
        tried = list(_alternatives(subject, field))
        assert tried, f"no other value of {field!r} is known to this check; tell it with Known(alternatives=...)"
        changes = False
        for value, context in tried:
            assert getattr(subject.config(context), field) != value, f"{value!r} is what {field!r} is anyway"
            shown = 2 if field in subject.known.absent else 3
            key = f"{context} {shown}"
            if key not in plain:
                plain[key] = subject.trace(context, shown=shown)
            changes = differs_from(subject.traced({**context, field: value}, shown=shown), plain[key])
            if changes:
                break
        assert changes, f"the field {field!r} changes nothing (tried {', '.join(str(value) for value, _ in tried)})"


def players_are_optimized_as_their_field_says(subject: Subject) -> None:
    """Another rate ends with other weights, for each player."""
    for player in subject.kind.players:
        slow, fast = ({"kind": "sgd", "rate": rate} for rate in (0.01, 0.02))
        said = f"{player} is not moved by the optimizer that {player!r} describes"
        assert differs_from(subject.traced({player: fast}), subject.trace({player: slow})), said


def ablations_run_and_differ(subject: Subject) -> None:
    """From the default and from one another, in a network that is unsure of many voxels or in one unsure of a few."""
    options: dict[str, Options] = {"default": {}, **{name: dict(of) for name, of in subject.kind.ablations.items()}}
    many = {name: subject.trace(of, sharpness=SHARP) for name, of in options.items()}
    few = {name: subject.trace(of, "unet3d", SHARP_UNET) for name, of in options.items()}
    for name in options:
        finite = all(torch.isfinite(value).all() for value in (many[name] | few[name]).values())
        assert finite, f"with the ablation {name!r} something is not finite"
    for one, other in itertools.combinations(options, 2):
        assert differ(many[one], many[other]) or differ(few[one], few[other]), f"the ablation {one!r} is {other!r}"


def _own(subject: Subject) -> list[str]:
    """The method's own fields, and further ones of which another value is known."""
    known = subject.known.alternatives
    return [name for name in subject.fields() if name in known or name not in MethodConfig.model_fields]


def _alternatives(subject: Subject, field: str) -> Iterator[Alternative]:
    """Other values of a field: what is known of it, or as far as its type tells."""
    if field in subject.known.alternatives:
        yield subject.known.alternatives[field]
        return
    value, annotation = getattr(subject.config(), field), subject.kind.Config.model_fields[field].annotation
    guesses: list[Any] = [word for part in (annotation, *get_args(annotation)) if get_origin(part) is not None
                          for word in get_args(part) if isinstance(word, str)]  # fmt: skip
    if isinstance(value, bool):
        guesses = [not value]
    elif isinstance(value, int):
        guesses = [value + 1, max(value - 1, 0), 2 * value]
    elif isinstance(value, float):
        guesses = [value / 2, value / 10, 2 * value + 0.1]
    yield from ((guess, {}) for guess in guesses if guess != value and _accepted(subject, {field: guess}))


def _accepted(subject: Subject, options: Options) -> bool:
    try:
        subject.config(options)
    except ValidationError:
        return False
    return True
