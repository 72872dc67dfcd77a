"""JSON as it must be to be trusted: every key once, no endless nesting, no number that is none."""

from __future__ import annotations

import json
from typing import Any


def parsed(content: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError saying what is wrong with it."""
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ; of two values of one key, a reader and a person might each take another."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} appears twice")
    return value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not a number that can be used")
