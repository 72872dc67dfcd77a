"""What methods are called in lists, sentences and figures: by the first line of their modules, read from source."""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from semivox.methods import METHODS, PRETRAININGS

LONGEST = 30
"""Letters of a name; more is a sentence."""


@cache
def titles() -> dict[str, str]:
    """Method -> the first line of its module's docstring: its name, a colon, and what it does."""
    places = METHODS | {point.name: point.value for point in entry_points(group="semivox.methods")}
    return {name: first_line(place.partition(":")[0]) for name, place in places.items()}


def shown(arm: str) -> str:
    """An arm as sentences name it: ``ua_mt`` -> ``UA-MT``, ``mean_teacher`` -> ``mean teacher``.

    Of an ablation ``ua_mt~no-threshold``: ``UA-MT (no threshold)``.
    """
    method, rest = arm.partition("~")[0], arm.partition("~")[2]
    known = METHODS | PRETRAININGS
    title = first_line(known[method].partition(":")[0]) if method in known else ""
    name, colon, _ = title.partition(":")
    if not colon or len(name) > LONGEST:
        name = method.replace("_", " ")
    first = name.partition(" ")[0]
    if first[1:] == first[1:].lower() and len(first) > 1:  # a word, and not an abbreviation: within a sentence
        name = name[0].lower() + name[1:]
    return f"{name} ({rest.replace('-', ' ')})" if rest else name


def first_line(module: str) -> str:
    """Of a module's docstring, from its source."""
    return docstring(module).partition("\n")[0]


@cache
def docstring(module: str) -> str:
    """A module's docstring, from its source."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return "(its package is not installed completely)"
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
