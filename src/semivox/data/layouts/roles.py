"""What a folder is for, from its name: ``images``, ``Labels``, ``test_images``, ``val/masks``, ``imagesTr``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from semivox.core.errors import InputError

Kind: TypeAlias = Literal["images", "labels", "unlabeled"]
Part: TypeAlias = Literal["training", "validation", "test"]

KINDS: dict[str, Kind] = {  # pyrefly: ignore[bad-assignment]
    **dict.fromkeys(("images", "image", "imgs", "img", "scans", "volumes", "imaging"), "images"),
    **dict.fromkeys(
        ("labels", "label", "masks", "mask", "segmentations", "segmentation", "segs", "seg", "annotations", "gt"),
        "labels",
    ),
    **dict.fromkeys(("unlabeled", "unlabelled", "un"), "unlabeled"),
}  # fmt: skip
"""Word in a folder's name -> what it holds."""
PARTS: dict[str, Part] = {  # pyrefly: ignore[bad-assignment]
    **dict.fromkeys(("train", "training", "tr"), "training"),
    **dict.fromkeys(("val", "validation", "valid", "va"), "validation"),
    **dict.fromkeys(("test", "testing", "ts"), "test"),
}
"""Word in a folder's name -> what its cases are for; without such a word, for training."""


def roles(root: Path) -> dict[tuple[Kind, Part], Path]:
    """What is held -> the folder. Raises InputError where two folders claim to hold the same."""
    found: dict[tuple[Kind, Part], Path] = {}
    for folder in _folders(root):
        words = _words(folder.name)
        if _kinds(words) == {"images"} and holds_data(folder):  # scans/, with images/ and labels/ of its own
            continue
        _claim(found, words, folder)
        if len(words) == 1:  # train/images, images/train
            for inner in _folders(folder):
                _claim(found, [*words, *_words(inner.name)], inner)
    return found


def holds_data(folder: Path) -> bool:
    """Whether a folder holds images and labels in folders of their own, by the names of these."""
    try:
        held = {kind for kind, _ in roles(folder)}
    except (InputError, OSError):
        return False
    return {"images", "labels"} <= held


def child(root: Path, name: str) -> Path:
    """The entry of that name, capitals aside; ``root / name`` if there is none. Raises InputError for two of them."""
    if (root / name).exists() or not root.is_dir():
        return root / name
    found = [path for path in sorted(root.iterdir()) if path.name.casefold() == name.casefold()]
    if len(found) > 1:
        raise InputError(f"{found[0]} and {found[1]} differ in capitals only; keep one of them")
    return found[0] if found else root / name


def _claim(found: dict[tuple[Kind, Part], Path], words: list[str], folder: Path) -> None:
    """Enter a folder whose words say what it holds, if all of them are known."""
    kinds = _kinds(words)
    parts: set[Part] = {PARTS[word] for word in words if word in PARTS}
    if not words or any(word not in KINDS and word not in PARTS for word in words):
        return
    if "unlabeled" in kinds:  # unlabeled_images, too
        kinds.intersection_update({"unlabeled"})
    if len(kinds) != 1 or len(parts) > 1:
        return
    role: tuple[Kind, Part] = kinds.pop(), parts.pop() if parts else "training"
    first = found.setdefault(role, folder)
    if first == folder:
        return
    if not any(first.iterdir()) or folder.parent == first:  # images/train inside images/
        found[role] = folder
    else:
        raise InputError(f"two folders seem to hold the same ({' '.join(role)}): {first} and {folder}; rename one")


def _folders(root: Path) -> Iterable[Path]:
    return [path for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []


def _kinds(words: Iterable[str]) -> set[Kind]:
    return {KINDS[word] for word in words if word in KINDS}


def _words(name: str) -> list[str]:
    """``testImages`` and ``Test_images`` -> test, images."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
