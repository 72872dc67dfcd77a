"""Attributes of a data set as plain numbers and words; what is not one is a sentence about the file."""

from __future__ import annotations

import math
from collections.abc import MutableSequence as Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from semivox.core.plurals import plural
from semivox.data.formats.scan import ScanError


def numbers(path: Path, data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """``count`` finite numbers; None where the attribute is missing or empty. Raises ScanError."""
    value = data.get(keyword)
    if value is None or value == "" or (hasattr(value, "__len__") and len(value) == 0):
        return None
    items = [value] if count == 1 else value
    try:
        found = tuple(float(item) for item in items)
    except (TypeError, ValueError, OverflowError):
        found = ()
    if len(found) != count or not all(math.isfinite(number) for number in found):
        raise ScanError(
            "bad_header", f"{path}: {keyword} is {str(value)[:60]!r}; it must be {plural(count, 'finite number')}.",
            "Export it again.",
        )  # fmt: skip
    return found


def number(path: Path, data: Dataset, keyword: str) -> float | None:
    """One finite number, or None where there is none. Raises ScanError."""
    found = numbers(path, data, keyword, 1)
    return None if found is None else found[0]


def whole(path: Path, data: Dataset, keyword: str, otherwise: int | None = None) -> int:
    """A whole number from 0; ``otherwise`` where the attribute is missing. Raises ScanError."""
    found = number(path, data, keyword)
    if found is None and otherwise is not None:
        return otherwise
    if found is None or found < 0 or found != int(found):
        said = "is missing" if found is None else f"is {found:g}"
        raise ScanError("bad_header", f"{path}: {keyword} {said}.", "Export it again.")
    return int(found)


def word(data: Dataset, keyword: str) -> str:
    """Text without padding; empty where there is none."""
    value = data.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def item(data: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence; an empty data set where there is none."""
    return next(iter(items(data, keyword)), Dataset())


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """All items of a sequence; none where it is missing or no sequence."""
    value = data.get(keyword)
    return [one for one in value if isinstance(one, Dataset)] if isinstance(value, Sequence) else []
