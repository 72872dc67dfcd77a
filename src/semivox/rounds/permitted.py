"""Whether a label may be taken back: what stands in its place, and what was looked for in the scan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.checks.label import place_findings
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.volume import read_grid, read_label
from semivox.data.layouts.annotated import segments_tell, sought_in
from semivox.rounds.origins import LabelOrigin


def sought_by(dataset: Dataset, path: Path) -> tuple[str, ...] | None:
    """The classes that a label names, where the data set goes by that and these are not all; else None."""
    sought = sought_in(path, dataset.classes) if segments_tell(dataset.root) else None
    if sought is None or dataset.classes is None or set(sought) == {one.name for one in dataset.classes if one.value}:
        return None
    return sought


def is_there(
    entry: CaseFiles,
    path: Path,
    origin: LabelOrigin | None,
    classes: Sequence[ClassInfo] | None,
    sought: tuple[str, ...] | None = None,
) -> bool:
    """Whether a case has this very label already, and not as one that a model made and nobody has looked at.

    ``sought``: as ``sought_by`` has it; equal voxels that tell of other classes are another label.
    """
    if sought is not None and entry.annotated != sought:
        return False
    if entry.label is None or (origin is not None and origin.origin == "pseudo"):
        return False
    grid = read_grid(entry.images[0])
    one, other = (read_label(label, grid, classes) for label in (entry.label, path))
    stands = np.allclose(one.grid.affine, other.grid.affine, atol=1e-3)  # else its own check says where it is
    return stands and np.array_equal(one.array, other.array)


def require_free(entry: CaseFiles, origin: LabelOrigin | None, overwrite: bool) -> None:
    """Raise InputError where a label stands that only its owner may give up."""
    if entry.label is None or overwrite:
        return
    said = origin.origin if origin else "expert"
    if said != "pseudo":
        raise InputError(f"{entry.name!r} has a label already ({said}: {entry.label}); give --overwrite to replace it")


def require_sought(entry: CaseFiles, found: Collection[int], classes: Sequence[ClassInfo]) -> None:
    """Raise InputError where a label shows a class for which nobody looked in that scan, as the data set says."""
    if entry.annotated is None:
        return
    shown = [info.name for info in classes if info.value and info.value in found and info.name not in entry.annotated]
    if shown:
        raise InputError(
            f"it shows {shown[0]}, and the data set says that in {entry.name!r} only {', '.join(entry.annotated)} was "
            'looked for; add it to "annotated" of that scan first, or take the scan off that list if all were'
        )


def require_named(sought: Collection[str] | None, found: Collection[int], classes: Sequence[ClassInfo]) -> None:
    """Raise InputError where a label that names the classes looked for shows another one."""
    shown = [] if sought is None else [c.name for c in classes if c.value and c.value in found and c.name not in sought]
    if shown:
        raise InputError(f"it has voxels of {shown[0]}, which it does not name; name that segment, or take it away")


def doubt_of_place(path: Path, label: Volume, image: Volume) -> str:
    """What to ask about a label that lies a little off its scan; empty where it lies on it.

    Raises InputError where it does not lie on it, by the rule of ``semivox check``.
    """
    for found in place_findings(path, label.grid, image.grid):
        text = found.message.removeprefix(f"{path.name}: ")
        if found.level == "error":
            raise InputError(f"{text}; save it on the grid of its own scan, not resampled or moved")
        return f"{text}, and it was taken voxel by voxel, to where its scan lies: was it drawn on that very grid?"
    return ""
