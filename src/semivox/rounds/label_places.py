"""Where the label of a case belongs in a data folder of each layout, and how the folder is told of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.core.reading import lines_of
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import registry
from semivox.data.formats.scan import Segment
from semivox.data.formats.volume import stem, write_label, write_segmentation
from semivox.data.layouts import csv as layout_csv
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.roles import child, roles
from semivox.inference.jobs import safe_name

PLAIN = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
"""Endings of files that a label of the same name may replace."""

NAMING = ".seg.nrrd"
"""The ending of a label that names its classes."""


@dataclass(frozen=True)
class LabelPlace:
    """The file of a label, and a list or table that must name it."""

    label: Path
    list: Path | None = None
    """A table or JSON file of the data folder that must change; None: the file alone tells."""
    change: Callable[[str], str] | None = None
    """From the text of ``list`` to the new one."""

    def enter(self) -> None:
        """Name the label in the list. Raises SemivoxError."""
        if self.list is not None and self.change is not None:
            write_text(self.list, self.change(self.list.read_text(encoding="utf-8-sig")))


def label_place(dataset: Dataset, entry: CaseFiles, *, names: bool = False) -> LabelPlace:
    """Where the label of a case is to be written. Raises InputError for a layout in which somebody must do it.

    ``names``: the file must name its classes (.seg.nrrd), which tell what was looked for in it.
    """
    ending = NAMING if names else ".nii.gz"
    root, name = dataset.root, f"{safe_name(entry.name)}{ending}"
    if entry.label is not None:
        there = registry.suffix_of(entry.label)
        if entry.label.is_file() and (there == NAMING if names else there in PLAIN):
            return LabelPlace(entry.label)
        if names and there in PLAIN:
            raise InputError(
                f"it names only some of the classes, and {entry.label}, which it would replace, cannot say that nobody "
                "looked for the others; draw the others as well, or take that label away first"
            )
        raise InputError(f"{entry.label} is of a format that is not written here; replace it by hand")
    if dataset.layout == "two folders":
        return LabelPlace(roles(root).get(("labels", "training"), root / "labels") / name)
    if dataset.layout == "nnU-Net raw" and not isinstance(layout_description.load(root).get("dataset"), dict):
        return LabelPlace(child(root, "labelsTr") / name)
    if dataset.layout == "labels beside images":
        image = entry.images[0]
        base = stem(image) if len(entry.images) == 1 else safe_name(entry.name)
        return LabelPlace(image.parent / f"{base}_seg{ending}")
    if dataset.layout == "CSV":
        table = root if root.suffix.lower() in layout_csv.ENDINGS else _table(root)
        return LabelPlace(
            table.parent / "labels" / name, table, lambda text: _in_table(text, entry.name, f"labels/{name}")
        )
    if dataset.layout == "MSD":
        file = layout_description.locate(root)
        labels = [other.label.parent for other in dataset.entries if other.label is not None]
        folder = labels[0] if labels and labels[0].is_relative_to(file.parent) else file.parent / "labelsTr"
        given = (folder / name).relative_to(file.parent).as_posix()
        return LabelPlace(folder / name, file, lambda text: _in_list(text, file, entry, f"./{given}"))
    raise InputError(
        f"labels are not written into data folders of the layout {dataset.layout}; put the label of {entry.name!r} "
        "there by hand"
    )


def write_naming(path: Path, values: np.ndarray, grid: Grid, classes: Sequence[ClassInfo]) -> None:
    """Write class values (X, Y, Z), on the source grid; with the names of ``classes``, where there are any."""
    if classes:
        write_segmentation(path, values, grid, [Segment(info.name, info.value) for info in classes])
    else:
        write_label(path, values, grid)


def _table(root: Path) -> Path:
    return next(path for path in sorted(root.iterdir()) if path.suffix.lower() in layout_csv.ENDINGS)


def _in_table(text: str, case: str, label: str) -> str:
    """The table with the label in the row of the case; a column ``label`` is added where there is none."""
    lines = lines_of(text)
    delimiter = max(",;\t", key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=delimiter))
    names = [name.strip().lower() for name in rows[0]]
    if "label" not in names:
        rows[0].append("label")
        names.append("label")
    place, key = names.index("label"), names.index("case_id")
    for row in rows[1:]:
        if len(row) > key and row[key].strip() == case:
            row += [""] * (len(names) - len(row))
            row[place] = label
            if "split" in names and row[names.index("split")].strip().lower() in ("unlabeled", "unlabelled"):
                row[names.index("split")] = "training"
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _in_list(text: str, file: Path, entry: CaseFiles, label: str) -> str:
    """The lists with the case under ``training``, with its label."""
    content = json.loads(text)
    wanted = {path.resolve() for path in entry.images}
    for name in ("unlabeled", "training"):
        for item in list(content.get(name) or []):
            image = item if isinstance(item, str) else item.get("image")
            images = [image] if isinstance(image, str) else list(image or [])
            if wanted & {(file.parent / one).resolve() for one in images}:
                content[name].remove(item)
                described = {"image": image} if isinstance(item, str) else dict(item)
                content.setdefault("training", []).append({**described, "label": label})
                return json.dumps(content, indent=2) + "\n"
    raise InputError(f"{file} does not list the scan of {entry.name!r}; put its label there by hand")
