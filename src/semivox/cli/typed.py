"""What was typed after an option -> its value, and results as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError


def triple(text: str | None, option: str) -> tuple[float, float, float] | None:
    """``"1,1,2.5"``, or one number for all axes -> three numbers. Raises InputError."""
    from semivox.pipeline.assignments import parse_triple

    return None if text is None else parse_triple(text, option)


def whole_triple(text: str | None, option: str) -> tuple[int, int, int] | None:
    """The same for whole numbers. Raises InputError."""
    numbers = triple(text, option)
    if numbers is None:
        return None
    if any(number != int(number) for number in numbers):
        raise InputError(f"{option} {text!r} is not understood; give three whole numbers of voxels, such as 64,64,48")
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


def assignments(texts: list[str] | None, option: str) -> dict[str, str]:
    """``["partition=gpu"]`` -> ``{"partition": "gpu"}``. Raises InputError."""
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"{option} {text!r} is not understood; give NAME=VALUE, such as partition=gpu")
        found[name.strip().replace("-", "_")] = value.strip()
    return found


def names(text: str | None, option: str) -> tuple[str, ...]:
    """``"a,b"`` -> names; none without the option. Raises InputError where it is given and names nothing."""
    found = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if text is not None and not found:
        raise InputError(f"{option} {text!r} names nothing; give NAME,NAME,... or leave it out")
    return found


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def put(value: Mapping[str, Any] | list[Any]) -> None:
    """Print a result as JSON on stdout."""
    json.dump(value, sys.stdout, indent=2)
    print()


def who(split: Path | None, labeled: int | None) -> Path | int | None:
    """Who is trained on, by a split file or by the number of labeled scans. Raises InputError where both are given."""
    if split is not None and labeled is not None:
        raise InputError("--split and --labeled both say who is labeled; give one of them")
    return labeled if split is None else split
