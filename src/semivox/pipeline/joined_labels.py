"""The label of one scan with joint values, put together where several sets have the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.volume import read_grid, read_label, to_source
from semivox.data.joining import JointClasses, looked_for


@dataclass(frozen=True)
class Member:
    """One scan as a set has it."""

    of: str
    """The set's short name."""
    dataset: Dataset
    entry: CaseFiles


def joint_label(
    name: str, members: Sequence[Member], joint: JointClasses
) -> tuple[np.ndarray, Grid, tuple[str, ...]] | None:
    """(X, Y, Z) as the scan's label file has it, its grid, and the classes that were looked for; None without a label.

    Raises InputError for values that are no class, and where the labels of two sets say two things of a voxel.
    """
    found: tuple[np.ndarray, Grid, tuple[str, ...]] | None = None
    for member in members:
        if member.entry.label is None:
            continue
        label, grid = _joint_values(member, joint)
        own = looked_for(member.entry, member.dataset, joint)
        if found is None:
            found = label, grid, own
            continue
        before, first, sought = found
        together = _both(
            name, before, label, [info.value for info in joint.classes if info.name in {*sought} & {*own}], joint
        )
        found = together, first, tuple(one for one in joint.foreground if one in {*sought, *own})
    return found


def _joint_values(member: Member, joint: JointClasses) -> tuple[np.ndarray, Grid]:
    """The label (X, Y, Z) with joint values as its file has it, and the grid. Raises InputError for unknown values."""
    path = member.entry.label
    assert path is not None
    volume = read_label(path, read_grid(member.entry.images[0]), member.dataset.classes)
    array, values = to_source(volume.array, volume)[0], joint.values(member.dataset)
    present = np.unique(array).tolist()
    if strange := [value for value in present if value not in values]:
        raise InputError(
            f"{path} holds the value {strange[0]}, which is no class of {member.dataset.root} ({sorted(values)}); "
            "correct the label, or name the value in dataset.json"
        )
    mapped = np.zeros(array.shape, np.uint16)
    for value in present:
        mapped[array == value] = values[value]
    return mapped, volume.source


def _both(name: str, one: np.ndarray, other: np.ndarray, common: Sequence[int], joint: JointClasses) -> np.ndarray:
    """Two labels of one scan as one; ``common``: values of classes that were looked for in both."""
    if one.shape != other.shape:
        raise InputError(f"the labels of {name!r} in two sets have {one.shape} and {other.shape} voxels; give one grid")
    unlike = (one > 0) & (other > 0) & (one != other)
    unlike |= (one != other) & (np.isin(one, common) | np.isin(other, common))
    if joint.ignore is not None:  # what one set left out the other may know
        left_out = (one == joint.ignore) | (other == joint.ignore)
        unlike &= ~left_out
        one = np.where((one == joint.ignore) & (other > 0), other, one)
        other = np.where(other == joint.ignore, 0, other)
    if unlike.any():
        raise InputError(
            f"two sets have labels of the scan {name!r} that differ in {int(unlike.sum())} voxels; leave it out of one "
            "set, or make them agree"
        )
    return np.where(one > 0, one, other)
