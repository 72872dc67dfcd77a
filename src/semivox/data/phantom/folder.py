"""The folder of the built-in data set: made once, known again by its recipe, and described as any data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import fresh, make_folder, write_text
from semivox.core.geometry import Shape, Spacing

LABELS = {"background": 0, "bone": 1}
"""What the files show: pelvis and femoral heads as one object, as in Xie et al., MIDL 2024, arXiv:2407.04638."""


def claim(folder: Path, recipe: Mapping[str, object], shape: Shape, spacing: Spacing) -> None:
    """Make sure that ``folder`` is ours to write, and drop scans of another recipe from it."""
    if min(shape) < 16 or min(spacing) <= 0:
        raise InputError(f"a phantom needs at least 16 voxels a side and positive spacing, not {shape} at {spacing} mm")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the built-in data set")
    make_folder(folder)
    written = recipe_of(folder)
    if written is None and not fresh(folder, "dataset.json"):
        raise InputError(f"{folder} is not empty and does not hold the built-in data set; give a new or empty folder")
    if written is not None and written != recipe:
        for path in folder.glob("*T[rs]/hip_*.nii.gz"):
            path.unlink()
    describe(folder, recipe, 0)


def recipe_of(folder: Path) -> object | None:
    """What an earlier call wrote here, or None where it was not ours."""
    try:
        description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return description.get("semivox_phantom") if isinstance(description, dict) else None


def describe(folder: Path, recipe: Mapping[str, object], labeled: int) -> None:
    """Write dataset.json, which names the classes and keeps the recipe."""
    description = {
        "name": "hip phantom",
        "description": "Invented CT scans of hips, drawn from a seed. Scores on them say nothing about patients.",
        "channel_names": {"0": "CT"},
        "labels": LABELS,
        "numTraining": labeled,
        "file_ending": ".nii.gz",
        "semivox_phantom": recipe,
    }
    write_text(folder / "dataset.json", json.dumps(description, indent=2) + "\n")
