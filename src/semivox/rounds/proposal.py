"""The folder that a suggestion is: scans and proposals that Slicer, ITK-SNAP and MITK open, and a page of reasons."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.files import write_atomically, write_text, writing
from semivox.core.frozen import Frozen
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles
from semivox.data.formats import registry
from semivox.data.formats.scan import Segment
from semivox.data.formats.volume import to_source, write_label, write_map
from semivox.export.colors import color_of
from semivox.export.descriptions import description
from semivox.inference.jobs import safe_name
from semivox.rounds.acquisition import Box

RECORD = "suggestion.json"
PAGE = "suggestion.md"
Picture = Callable[[Volume, np.ndarray, Sequence[str]], bytes]
"""From a scan, class indices (X, Y, Z) and the classes' names to a PNG."""


class SuggestedCase(Frozen):
    """One scan of a suggestion."""

    case: str
    reasons: tuple[str, ...]
    boxes: tuple[Box, ...] = ()
    """In voxels of the canonical (RAS+) grid; none: the whole scan."""
    slices: int = 0
    """On which the prediction shows a structure."""
    minutes: float | None = None
    """A guess from the slices; None without a model."""
    proposal: str | None = None
    """SHA-256 of the proposed label's voxels, in the file's orientation; None without a model."""


class Suggestion(Frozen):
    """What was suggested and why (``suggestion.json``)."""

    version: Literal[1] = 1
    data: str
    round: int
    """The round whose models were asked; 0: none."""
    unit: str
    seed: int
    classes: tuple[ClassInfo, ...] = ()
    cases: tuple[SuggestedCase, ...]
    gain: str
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For people."""
        lines = [f"# {plural(len(self.cases), 'scan')} to label next", "", *(f"{note}\n" for note in self.notes)]
        for number, case in enumerate(self.cases, 1):
            about = f", about {case.minutes:.0f} min" if case.minutes is not None else ""
            where = f" ({plural(len(case.boxes), 'box', 'boxes')})" if case.boxes else ""
            lines.append(f"{number}. **{case.case}**{where}{about}: {'; '.join(case.reasons)}")
        return "\n".join([*lines, "", self.gain, ""])


def require_free(out: Path) -> None:
    """Raise InputError where the folder holds something: somebody may have corrected labels in it."""
    if out.is_file():
        raise InputError(f"{out} is a file; give a new folder to --out")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty, and may hold corrections; adopt them, or give another --out")


def write_scan(out: Path, entry: CaseFiles, volume: Volume) -> None:
    """The scan as ``images/CASE...``: its own files where they are single ones, else (DICOM) as NIfTI."""
    folder, name = out / "images", safe_name(entry.name)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    single = all(path.is_file() for path in entry.images)
    channels = len(entry.images) if single else len(volume.array)
    for index in range(channels):
        ending = "" if channels == 1 else f"_{index:04d}"
        if single:
            source = entry.images[index]
            target = folder / f"{name}{ending}{registry.suffix_of(source)}"
            write_atomically(target, lambda temporary, source=source: shutil.copyfile(source, temporary))  # type: ignore[misc]
        else:
            write_map(folder / f"{name}{ending}.nii.gz", to_source(volume.array[index], volume), volume.source)


def write_proposal(
    out: Path, case: str, volume: Volume, values: np.ndarray, boxes: Sequence[Box], ignore: int | None
) -> str:
    """``labels/CASE.nii.gz``: the predicted values (X, Y, Z, canonical), ignored outside the boxes if any.

    Returns the SHA-256 of its voxels.
    """
    shown = values
    if boxes:
        assert ignore is not None
        shown = np.full_like(values, ignore)
        for box in boxes:
            shown[box.slices] = values[box.slices]
    label = to_source(shown, volume)
    for folder in ("labels", "proposals"):  # the one to correct, and what it was
        write_label(out / folder / f"{safe_name(case)}.nii.gz", label, volume.source)
    return voxel_digest(label)


def voxel_digest(label: np.ndarray) -> str:
    """SHA-256 of a label's voxels as numbers, whatever their type."""
    return hashlib.sha256(np.ascontiguousarray(label, dtype=np.uint16).tobytes()).hexdigest()


def write_names(out: Path, classes: Sequence[ClassInfo]) -> None:
    """``labels/classes.label``, from which ITK-SNAP has names and colors; semivox reads it too."""
    segments = [Segment(one.name, one.value, color_of(one.value), 0, one.value) for one in classes if one.value]
    write_text(out / "labels" / "classes.label", description(segments))
