"""``dataset.json`` of nnU-Net and of the Medical Segmentation Decathlon: channels, classes, and lists of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.json_text import parsed
from semivox.core.plan import MOST_CLASSES, ClassInfo
from semivox.core.reading import text_of
from semivox.data.layouts.roles import child

NAME = "dataset.json"
MOST_VALUE = 65535
"""Labels are written with 16 bits at most."""
MOST_BYTES = 10_000_000
"""Larger JSON files are no lists of cases and are not opened to see."""


@dataclass(frozen=True)
class Description:
    """What ``dataset.json`` says; None where it says nothing."""

    channels: tuple[str, ...] | None = None
    classes: tuple[ClassInfo, ...] | None = None
    ignore: int | None = None


def locate(root: Path) -> Path:
    """The description of a data folder: the file itself if one is given, ``dataset.json``, else a datalist.

    A datalist is the only other JSON file of the folder that has a list ``training``, as MONAI's have.
    """
    if root.suffix.lower() == ".json" and root.is_file():
        return root
    folder = root if root.is_dir() else root.parent
    usual = child(folder, NAME)
    if usual.is_file():
        return usual
    lists = [path for path in sorted(folder.glob("*.json")) if path.is_file() and _is_datalist(path)]
    if len(lists) > 1:
        raise InputError(f"{folder} holds {len(lists)} lists of cases, {lists[0].name} and {lists[1].name}; give one")
    return lists[0] if lists else usual


def load(root: Path) -> dict[str, Any]:
    """The object in the description of a folder; empty if there is none. Raises InputError."""
    path = locate(root)
    if not path.is_file():
        return {}
    try:
        content = parsed(text_of(path))
    except (InputError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; it must be a JSON object") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must be a JSON object {{...}}")
    return content


def _is_datalist(path: Path) -> bool:
    """Whether a JSON file has a list ``training`` of files."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return False
        content = parsed(text_of(path))
    except (OSError, InputError, ValueError):
        return False
    items = content.get("training") if isinstance(content, dict) else None
    return isinstance(items, list) and all(isinstance(item, str) or "image" in item for item in items)


def describe(root: Path, content: dict[str, Any]) -> Description:
    """Channels and classes of a loaded ``dataset.json``. Raises InputError naming the field."""
    path = locate(root)
    named = content.get("channel_names", content.get("modality"))
    channels = None
    if named is not None:
        if not isinstance(named, dict) or not all(str(key).isdecimal() for key in named):
            raise InputError(f'{path}: "channel_names" must be like {{"0": "CT"}}; received {named!r}')
        channels = tuple(str(named[key]) for key in sorted(named, key=int))
    classes, ignore = _classes(path, content.get("labels"))
    return Description(channels, classes, ignore)


def _classes(path: Path, labels: Any) -> tuple[tuple[ClassInfo, ...] | None, int | None]:
    """Classes and the value to ignore from nnU-Net's name -> number or MSD's number -> name."""
    if labels is None:
        return None, None
    if not isinstance(labels, dict) or not labels:
        raise InputError(f'{path}: "labels" must be like {{"background": 0, "liver": 1}}; received {labels!r}')
    values: dict[str, int] = {}
    for key, value in labels.items():
        name, number = (str(value), str(key)) if str(key).isdecimal() and isinstance(value, str) else (str(key), value)
        if isinstance(number, list):
            raise InputError(
                f"{path}: the class {name!r} is a region of several values {number}; give one value a class"
            )
        if not str(number).isdecimal():
            raise InputError(f"{path}: the class {name!r} has the value {number!r}; it must be a whole number from 0")
        if len(str(number)) > 9 or int(number) > MOST_VALUE:
            raise InputError(f"{path}: the class {name[:40]!r} has the value {str(number)[:40]}; at most {MOST_VALUE}")
        values[name] = int(number)
    if len(values) > MOST_CLASSES + 1:
        raise InputError(f'{path}: {len(values)} classes in "labels" are too many; at most {MOST_CLASSES}')
    ignore = values.pop("ignore", None)
    if len(set(values.values()) | {ignore}) != len(values) + 1:
        raise InputError(f'{path}: two classes in "labels" share a value: {labels!r}')
    for name, value in values.items():
        if (name.lower() == "background") != (value == 0) and (name.lower() == "background" or "background" in values):
            raise InputError(f"{path}: the class {name!r} has the value {value}; 0 is background, and nothing else is")
    if 0 not in values.values():
        values = {"background": 0, **values}
    ordered = sorted(values.items(), key=lambda item: item[1])
    return tuple(ClassInfo(name=name, value=value) for name, value in ordered), ignore
