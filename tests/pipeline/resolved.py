"""In what a resolved configuration is not what a table written by hand says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from semivox.pipeline.recipe import plain
from tests.pipeline.published_values import IDLE, IDLE_IN_CLUSTERS

OPTIMIZERS = ("network", "discriminator", "rebuilding")


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields whose value is another, as (found, expected)."""
    wrong = {}
    for name, value in expected.items():
        if isinstance(value, Mapping):
            wrong |= {f"{name}.{key}": pair for key, pair in differences(found[name], value).items()}
        elif found[name] != (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value):
            wrong[name] = (found[name], value)
    return wrong


def unnamed(method: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> set[str]:
    """Fields with a use of which the table says nothing."""
    forgotten = set(found) - set(expected) - IDLE.get(method, set())
    for name in set(OPTIMIZERS) & set(expected):
        forgotten |= {f"{name}.{field}" for field in read_of(found[name]) - set(expected[name])}
    if "clusters" in expected:
        forgotten |= set(found["clusters"]) - set(expected["clusters"]) - IDLE_IN_CLUSTERS
    return forgotten


def read_of(optimizer: Mapping[str, Any]) -> set[str]:
    """The fields of an optimizer that its kind and its schedule read."""
    of_kind = {"momentum", "nesterov"} if optimizer["kind"] == "sgd" else {"betas"}
    of_schedule = {"drop_every", "drop_to"} if optimizer["schedule"] == "steps" else set()
    return {"kind", "rate", "decay", "schedule", "warmup"} | of_kind | of_schedule


def as_numbers(values: Any) -> Any:
    """Plain values with floats for all numbers and lists for all sequences, at every depth."""
    if isinstance(values, Mapping):
        return {name: as_numbers(value) for name, value in values.items()}
    return [as_numbers(one) for one in values] if isinstance(values, list | tuple) else plain(values)
