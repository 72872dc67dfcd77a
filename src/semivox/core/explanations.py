"""What is wrong with a value, in our words: which field, what would be right, what was received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from semivox.core.spelling import suggestion

LONGEST = 80
"""Letters of a received value that are shown."""
NEEDED: Mapping[str, str] = {
    "missing": "is missing",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "has {actual_length} values, and needs {min_length} or more",
    "too_long": "has {actual_length} values, and may have {max_length} at most",
    "json_invalid": "is not JSON: {error}",
    "recursion_loop": "contains itself",
}
"""Kind of error -> what the field must be; the numbers are pydantic's."""
KINDS: tuple[tuple[str, str], ...] = (
    ("int_", "must be a whole number"),
    ("float_", "must be a number"),
    ("decimal_", "must be a number"),
    ("bool_", "must be true or false"),
    ("string_", "must be text"),
    ("tuple_", "must be a list"),
    ("list_", "must be a list"),
    ("set_", "must be a list"),
    ("frozen_set_", "must be a list"),
    ("dict_", "must be a table of names and values"),
    ("mapping_", "must be a table of names and values"),
    ("model_", "must be a table of names and values"),
    ("none_", "must be none"),
    ("path_", "must be a path"),
)
"""Beginning of a kind of error -> what the field must be."""


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """A validation error in one line per field, without the words of the library that found it.

    ``model``: whose fields are looked through for the nearest right name of one that does not exist.
    """
    lines: dict[str, str] = {}
    for item in error.errors(include_url=False):
        kind, place = str(item["type"]), [part for part in item["loc"] if _named(part)]
        field = ".".join(str(part) for part in place) or "(top level)"
        text = needed(kind, item.get("ctx") or {}, str(item["msg"]))
        if kind == "missing" and isinstance(item["loc"][-1], int):
            field, text = ".".join(str(part) for part in place[:-1]), "has too few values"
        if kind == "extra_forbidden":
            text = unknown(str(place[-1]), known_fields(model, place[:-1]))
        elif kind == "literal_error":
            text += suggestion(str(item.get("input")), _quoted(str((item.get("ctx") or {}).get("expected", ""))))
        ours = not place and kind == "value_error"  # about the whole value, in words of its own
        told = ours or kind in ("missing", "extra_forbidden") or "(received" in text  # within a table that was read
        shown = "" if told else f" (received {_short(item.get('input'))})"
        line = f"  {text}" if ours else f"  {field}: {text}{shown}"
        lines[field] = line if field not in lines else f"{lines[field]}, or {line.partition(': ')[2]}"
    return "\n".join(lines.values())


def needed(kind: str, numbers: Mapping[str, Any], message: str) -> str:
    """What a value must be, by the kind of its error."""
    if kind in ("value_error", "assertion_error"):  # our own words
        return message.partition(", ")[2]
    if kind in NEEDED:
        return NEEDED[kind].format_map({name: _number(value) for name, value in numbers.items()})
    return next((text for start, text in KINDS if kind.startswith(start)), "is not understood")


def unknown(name: str, known: Sequence[str]) -> str:
    """That a field does not exist, with the nearest right name and all there are."""
    there = f"; choose from {', '.join(known)}" if known else ""
    return f"there is no {name!r}{suggestion(name, known)}{there}"


def known_fields(model: type[BaseModel] | None, place: Sequence[int | str]) -> list[str]:
    """The fields of the value at a place within a model; none where that is no value of named fields."""
    for part in place:
        if model is None:
            return []
        if isinstance(part, int) or part not in model.model_fields:
            continue  # a key of a table, or a position in a list
        model = next(_models(model.model_fields[part].annotation), None)
    return list(model.model_fields) if model else []


def _models(annotation: Any) -> Any:
    """The value classes within a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _named(part: int | str) -> bool:
    """Whether a part of a place is a field, a key or a position, and no name of a type among several."""
    return isinstance(part, int) or not (part.startswith("function-") or "[" in part or part in ("int", "str", "float"))


def _quoted(expected: str) -> list[str]:
    """``"'a', 'b' or 'c'"`` -> a, b, c."""
    return expected.split("'")[1::2]


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
