"""Folders of empty files for tests of layouts, which open none."""

from __future__ import annotations

import json
from pathlib import Path

from semivox.data.dataset import Dataset


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def describe(root: Path, name: str = "dataset.json", **content) -> None:
    (root / name).write_text(json.dumps(content), encoding="utf-8")


def told(dataset: Dataset) -> dict[str, list[str | None]]:
    """Case -> part, label, images and group, files as paths below the root."""

    def below(path: Path) -> str:
        return path.relative_to(dataset.root if dataset.root.is_dir() else dataset.root.parent).as_posix()

    return {
        entry.name: [entry.part, entry.label and below(entry.label), *(below(path) for path in entry.images)]
        for entry in dataset.entries
    }
