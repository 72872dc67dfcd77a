"""nnU-Net raw: ``imagesTr/CASE_0000.nii.gz`` per channel, ``labelsTr/CASE.nii.gz``, ``dataset.json``.

Beyond nnU-Net itself, scans in ``imagesUn/`` and scans of ``imagesTr/`` without a label count as unlabeled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import by_case, by_channel, channel_count, distinct, pair, scans, unread_labels
from semivox.data.layouts.paths import Paths
from semivox.data.layouts.roles import child
from semivox.data.remarks import Remark

PARTS = {"Tr": "training", "Va": "validation", "Ts": "test"}
"""Ending of a pair of folders -> what its cases are for."""


def matches(root: Path) -> bool:
    """Whether there is a folder ``imagesTr``, or a ``dataset.json`` that lists files as nnU-Net does."""
    if child(root, "imagesTr").is_dir():
        return True
    return isinstance(layout_description.load(root).get("dataset"), dict)


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a bad ``dataset.json`` or a name that two files claim."""
    content = layout_description.load(root)
    described = layout_description.describe(root, content)
    skipped: list[str] = []
    remarks: tuple[Remark, ...] = ()
    count = len(described.channels) if described.channels else channel_count(scans(child(root, "imagesTr"), []))
    entries = pair(by_channel(scans(child(root, "imagesUn"), skipped), count), {}, "training")
    if isinstance(content.get("dataset"), dict):
        paths = Paths(layout_description.locate(root).parent, layout_description.NAME)
        entries += _listed(root, paths, content["dataset"])
        remarks = paths.remarks()
    else:
        entries += _pairs(root, "Tr", count, skipped)
    for ending in ("Va", "Ts"):
        entries += _pairs(root, ending, count, skipped)
    for ending in PARTS:
        remarks += unread_labels(child(root, f"labels{ending}"), entries)
    return Dataset(
        root,
        "nnU-Net raw",
        distinct(entries),
        described.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        remarks,
    )


def _pairs(root: Path, ending: str, count: int, skipped: list[str]) -> list[CaseFiles]:
    """Cases of one pair of folders, with ``count`` channels each."""
    images = by_channel(scans(child(root, f"images{ending}"), skipped), count)
    return pair(images, by_case(scans(child(root, f"labels{ending}"), skipped)), PARTS[ending])


def _listed(root: Path, paths: Paths, cases: dict[str, Any]) -> list[CaseFiles]:
    """Cases listed in ``dataset.json`` as {name: {"images": [...], "label": ...}}."""
    entries = []
    for name, files in cases.items():
        if not isinstance(files, dict) or not isinstance(files.get("images"), list):
            raise InputError(f'{root / "dataset.json"}: "dataset" / {name!r} must be {{"images": [...], "label": ...}}')
        label = files.get("label")
        entries.append(
            CaseFiles(
                name,
                tuple(paths.find(str(path)) for path in files["images"]),
                paths.find(str(label)) if label else None,
                "training",
            )
        )
    return entries
