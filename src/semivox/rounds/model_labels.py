"""What the models of a job said of a scan: tells a label that somebody drew from a model's, and finds mirrored ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.data.dataset import CaseFiles
from semivox.data.formats.sources import fresh_digest_of
from semivox.data.formats.volume import read_label
from semivox.data.origins import Origin, path_of
from semivox.experiments.labels import FOLDER
from semivox.inference.jobs import safe_name
from semivox.rounds.acquisition import Box
from semivox.rounds.folder import job_of, rounds_of

ALIEN = 0.1
"""Dice to what the model says below which a label is doubted to be of this scan."""
MIRRORED = 0.2
"""By so much a mirrored label must agree better with the model before it is asked whether it was saved mirrored."""


def model_labels(target: Path, entry: CaseFiles) -> list[np.ndarray]:
    """The labels of a scan by the models of a job, the last first, (X, Y, Z) canonical; none where it is no job."""
    try:
        job = job_of(target)
    except InputError:
        return []
    name = f"{safe_name(entry.name)}.nii.gz"
    files = [each.folder / FOLDER / name for each in reversed(rounds_of(job))]
    files += [folder / name for folder in sorted((job / "suggested").glob("*/proposals"), reverse=True)]
    return [read_label(file).array[0] for file in files if file.is_file()]


def is_untouched(label: Path, case: str) -> bool:
    """Whether a file is a label as ``semivox predict`` or a job wrote it, by the record beside it."""
    try:
        record = Origin.load(path_of(label, safe_name(case)))
    except InputError:
        return False
    return record.files.get(label.name) == fresh_digest_of(label)


def joint_dice(a: np.ndarray, b: np.ndarray, ignore: int | None) -> float | None:
    """Dice over all structures together, each voxel by its class; voxels that either ignores are left out."""
    known = np.ones(a.shape, bool) if ignore is None else (a != ignore) & (b != ignore)
    sizes = int(np.count_nonzero((a > 0) & known) + np.count_nonzero((b > 0) & known))
    return 2 * int(np.count_nonzero((a == b) & (a > 0) & known)) / sizes if sizes else None


def doubt_of(label: np.ndarray, models: np.ndarray | None, ignore: int | None) -> str:
    """What makes one doubt a label, as the end of a sentence; empty where nothing does."""
    if not ((label > 0) & (label != ignore)).any():
        return "it shows no structure: is that so in this scan?"
    if models is None or models.shape != label.shape:
        return ""
    dice = joint_dice(models, label, ignore)
    if dice is None:
        return ""
    mirrored = {axis: joint_dice(models, np.flip(label, index), ignore) or 0.0 for index, axis in enumerate("xyz")}
    axis = max(mirrored, key=lambda name: mirrored[name])
    if mirrored[axis] > dice + MIRRORED:
        return (
            f"its Dice to what the model finds is {dice:.2f}, and would be {mirrored[axis]:.2f} mirrored along {axis}: "
            "was it saved mirrored?"
        )
    return "it shares next to nothing with what the model finds: is it of this scan?" if dice < ALIEN else ""


def doubt_outside(label: np.ndarray, boxes: Sequence[Box], ignore: int | None) -> str:
    """The same, of a label that was to be drawn in boxes: programs that do not know the value to ignore lose it."""
    if not boxes or ignore is None:
        return ""
    outside = np.ones(label.shape, bool)
    for box in boxes:
        outside[box.slices] = False
    looked_at = label[outside & (label != ignore)]
    if looked_at.any() or 2 * looked_at.size <= np.count_nonzero(outside):
        return ""
    where = "its box" if len(boxes) == 1 else "its boxes"
    return (
        f"all of it outside {where} is background now, where the proposal had {ignore} (to be ignored): was the whole "
        f"scan looked at? If not, put {ignore} back, and adopt it again with --overwrite"
    )
