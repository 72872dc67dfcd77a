"""A folder a patient within ``images/`` and ``labels/``: ``images/p1/ct.nii.gz`` and ``labels/p1/liver.nii.gz``.

Several images of a patient are channels, unless some patient has several labels named as images are: then each image
is a case (a visit) of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.data.dataset import CaseFiles
from semivox.data.layouts.names import by_case, scans
from semivox.data.layouts.patients import PatientFolder, entries_of
from semivox.data.layouts.roles import Kind, Part
from semivox.data.layouts.tags import composed, printable
from semivox.data.remarks import Remark


@dataclass(frozen=True)
class Nested:
    """The cases in folders of patients."""

    entries: tuple[CaseFiles, ...] = ()
    channels: tuple[str, ...] | None = None
    remarks: tuple[Remark, ...] = ()


def patients_within(places: Mapping[tuple[Kind, Part], Path], skipped: list[str]) -> Nested:
    """Cases of folders below those for images and labels; folders that are a scan by themselves (DICOM) are none."""
    folders: list[PatientFolder] = []
    parts: tuple[Part, ...] = ("training", "validation", "test")
    for part in parts:
        images = _inner(places, "images", part, skipped)
        labels = _inner(places, "labels", part, skipped)
        for name in sorted(images.keys() | labels.keys()):
            folders.append(PatientFolder(name, part, None, images.get(name, ()), labels.get(name, ())))
        unlabeled = _inner(places, "unlabeled", part, skipped)
        folders += [PatientFolder(name, part, None, files, ()) for name, files in unlabeled.items()]
    if not folders:
        return Nested()
    if any(len(folder.labels) > 1 and _pairs(folder) for folder in folders):
        folders = [one for folder in folders for one in _visits(folder)]
    entries, channels, remarks = entries_of(folders)
    return Nested(tuple(entries), channels, tuple(remarks))


def _inner(
    places: Mapping[tuple[Kind, Part], Path], kind: Kind, part: Part, skipped: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Patient -> the scans in the folder of that name."""
    root = places.get((kind, part))
    if root is None:
        return {}
    known = {path.resolve() for path in places.values()}
    scans_themselves = set(scans(root, []))
    found = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if folder in scans_themselves or folder.resolve() in known:
            continue
        passed: list[str] = []
        if inside := scans(folder, passed):
            found[composed(folder.name)] = tuple(inside)
            label = f"{printable(root.name)}/{printable(folder.name)}:"  # it was told to hold no DICOM slices
            skipped[:] = [*(line for line in skipped if not line.startswith(label)), *passed]
    return found


def _pairs(folder: PatientFolder) -> set[str]:
    """Names that an image and a label of a patient share."""
    return set(by_case(folder.images)) & set(by_case(folder.labels))


def _visits(folder: PatientFolder) -> Sequence[PatientFolder]:
    """Every image of a patient as a case of its own, with the label of its name."""
    images, labels = by_case(folder.images), by_case(folder.labels)
    return [
        PatientFolder(
            f"{folder.name}_{name}",
            folder.part,
            folder.name,
            (images[name],) if name in images else (),
            (labels[name],) if name in labels else (),
        )
        for name in sorted(images.keys() | labels.keys())
    ]
