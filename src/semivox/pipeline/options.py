"""What the user decides instead of the planner or the paper: options by name, checked before anything runs."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen, explain
from semivox.core.geometry import Shape, Spacing
from semivox.core.mappings import merged
from semivox.core.plan import Plan

DECIDED = ("version", "dataset", "classes", "channels", "fingerprint", "forecast", "reasons")
"""Fields of a plan that describe data or measurements and are not for choosing."""


class PlanChoices(Frozen):
    """What the user has decided about the plan; what is None is the planner's choice."""

    memory_gb: float | None = Field(None, gt=0)
    """Memory that training may use."""
    hours: float | None = Field(None, gt=0)
    """Time that training may take."""
    spacing: Spacing | None = None
    """mm per voxel of the prepared scans."""
    patch: Shape | None = None
    """Voxels."""
    network: str | None = None
    """vnet, unet3d, uxnet, or small."""
    steps: int | None = Field(None, ge=1)
    """Optimization steps."""
    fields: Mapping[str, Any] = {}
    """Any other field of the plan, nested fields as nested mappings."""


class Overrides(NamedTuple):
    """The values of ``--set``, by what they belong to."""

    method: dict[str, Any]
    train: dict[str, Any]
    plan: dict[str, Any]


def parse_overrides(texts: Iterable[str]) -> Overrides:
    """``["method.decay=0.95", "train.clip=5"]`` -> nested values. Raises InputError with the nearest right name."""
    result = Overrides({}, {}, {})
    for section, chosen in assigned(texts, 2, "section.field=value, such as method.decay=0.95").items():
        if section not in Overrides._fields:
            hint = suggestion(section, Overrides._fields)
            raise InputError(f"--set {section}...: {section!r} is none of method, train, plan{hint}")
        getattr(result, section).update(chosen)
    known = [name for name in Plan.model_fields if name not in DECIDED]
    for name in result.plan:
        if name not in known:
            raise InputError(f"a plan has no choice {name!r}{suggestion(name, known)}; it has {', '.join(known)}")
    return result


def assigned(texts: Iterable[str], depth: int, form: str) -> dict[str, Any]:
    """``["a.b=1", "a.c=x"]`` -> ``{"a": {"b": 1, "c": "x"}}``.

    ``depth``: a name has at least so many parts; ``form``: how it is written, for the InputError of one that is not.
    """
    result: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        path = name.strip().split(".")
        if not equals or len(path) < depth or not all(path):
            raise InputError(f"--set {text!r} is not understood; write {form}")
        place = result
        for key in path[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise InputError(f"--set {text!r} contradicts an earlier --set, which gave {key!r} one plain value")
        place[path[-1]] = parse_value(value.strip())
    return result


def parse_value(text: str) -> Any:
    """JSON where it is JSON (numbers, true, lists), ``none`` as no value, ``1,2,3`` as a list, else the text itself."""
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    for candidate in (text, f"[{text}]") if "," in text else (text,):
        try:
            return json.loads(candidate)
        except json.JSONDecodeError:
            continue
    return [part.strip() for part in text.split(",")] if "," in text else text


def parse_triple(text: str, option: str) -> tuple[float, float, float]:
    """``"1,1,2.5"`` (or one number for all three axes) -> three numbers. Raises InputError."""
    parts = text.replace("x", ",").split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers = numbers * 3
    if len(numbers) != 3 or not all(0 < number < math.inf for number in numbers):
        raise InputError(f"{option} {text!r} is not understood; give x,y,z, three positive numbers, such as 1,1,2.5")
    return numbers[0], numbers[1], numbers[2]


Choices = TypeVar("Choices", bound=Frozen)


def checked(kind: type[Choices], what: str, **fields: Any) -> Choices:
    """The value of these fields. Raises InputError that names the field and the nearest right name."""
    for name in fields:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise InputError(f"{what}: there is no {name!r}{suggestion(name, kind.model_fields)}; there are {known}")
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{what}:\n{explain(error)}") from error


def known_options(method: str, options: Mapping[str, Any]) -> None:
    """Raise InputError with the nearest right name where the method has no such option."""
    from semivox.methods import find

    known = find(method).Config.model_fields
    for name in options:
        if name not in known:
            there = ", ".join(known)
            raise InputError(f"{method} has no option {name!r}{suggestion(name, known)}; it has {there}")


def with_fields(plan: Plan, fields: Mapping[str, Any]) -> Plan:
    """The plan with fields as the user wants them, and that as their reason. Raises InputError naming the field."""
    if not fields:
        return plan
    reasons = dict(plan.reasons) | dict.fromkeys(fields, "set by the user")
    content = merged(plan.model_dump(), {**fields, "reasons": reasons})
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise InputError(f"the plan cannot be changed so:\n{explain(error)}") from error


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """``", did you mean 'decay'?"`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""
