"""Options as text: ``--set method.decay=0.95``, ``--spacing 1,1,2.5``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from semivox.core.errors import InputError
from semivox.core.json_text import parsed
from semivox.core.spelling import suggestion
from semivox.data.planning.options import require_choosable

DEEPEST = 8
"""Parts of a name: no option lies deeper."""


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
            raise InputError(f"--set {section}...: {section!r} is not method, train or plan{hint}")
        getattr(result, section).update(chosen)
    for name in result.plan:
        try:
            require_choosable(name)
        except ValueError as error:
            raise InputError(str(error)) from error
    return result


def assigned(texts: Iterable[str], depth: int, form: str) -> dict[str, Any]:
    """``["a.b=1", "a.c=x"]`` -> ``{"a": {"b": 1, "c": "x"}}``.

    ``depth``: a name has at least so many parts; ``form``: how it is written, for the InputError of one that is not.
    """
    result: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        path = name.strip().split(".")
        if not equals or not depth <= len(path) <= DEEPEST or not all(path):
            raise InputError(f"--set {text!r} is not understood; write {form}")
        place = result
        for key in path[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise InputError(f"--set {text!r} contradicts an earlier --set, which gave {key!r} a single value")
        place[path[-1]] = parse_value(value.strip())
    return result


def parse_value(text: str) -> Any:
    """JSON where it is JSON (numbers, true, lists), ``none`` as no value, ``1,2,3`` as a list, else the text itself."""
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    for candidate in (text, f"[{text}]") if "," in text else (text,):
        try:
            return parsed(candidate)
        except ValueError:
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
