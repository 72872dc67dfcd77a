"""What stands in a data folder: which files are scans, which are their labels, and what each case is for.

Eight layouts are found by themselves: a CSV table, lists in a JSON file, nnU-Net raw, two folders, BIDS, labels
beside their images, DICOM exports, and the left-atrium benchmark's HDF5 files.
Nothing is read here but names, small text files, and the headers of DICOM exports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.spelling import not_there
from semivox.core.split import Split
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.registry import readable
from semivox.data.layouts import benchmark as layout_benchmark
from semivox.data.layouts import bids as layout_bids
from semivox.data.layouts import csv as layout_csv
from semivox.data.layouts import dicom as layout_dicom
from semivox.data.layouts import folders as layout_folders
from semivox.data.layouts import msd as layout_msd
from semivox.data.layouts import nnunet as layout_nnunet
from semivox.data.layouts import patients as layout_patients
from semivox.data.layouts.annotated import with_annotated
from semivox.data.layouts.groups import grouped
from semivox.data.layouts.nearby import meant_instead
from semivox.data.layouts.tags import printable, require_text

LAYOUTS = """Accepted layouts:
  two folders   images/CASE.nii.gz and labels/CASE.nii.gz (or images/CASE/..., labels/CASE/...); an image without a
                label is unlabeled;
                optional: unlabeled/, validation_images/ + validation_labels/, test_images/ + test_labels/, dataset.json
  beside        CASE.nii.gz and CASE_seg.nii.gz (or _label, _mask) in one folder, or one folder a patient
  BIDS          sub-01/anat/sub-01_T1w.nii.gz, labels *_dseg or *_mask below derivatives/
  nnU-Net raw   imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json; optional: imagesUn/, imagesTs/, labelsTs/
  lists         dataset.json (or a MONAI datalist) with a list "training" of {"image": ..., "label": ...}
  DICOM         an export such as PATIENT/STUDY/SERIES; SEG and RTSTRUCT files are the labels of the series they name
  benchmark     the left-atrium files as released: NAME/mri_norm2.h5, train.list and test.list
  CSV           a table with the columns case_id,image[,image_2...],label,split,group (paths relative to the table)
"""


def accepted() -> str:
    """The layouts and formats, for a message about a folder that has none of them."""
    return f"{LAYOUTS}Scans may be {readable()}."


def find(root: Path) -> Dataset:
    """Recognize the layout of a folder (or a CSV table) and list its cases. Raises InputError showing what is right."""
    root = Path(root)
    require_text(root)
    if not root.exists():
        raise InputError(f"{not_there(root)}; give the folder of your scans, or a CSV table")
    finders: tuple[tuple[Callable[[Path], bool], Callable[[Path], Dataset]], ...] = (
        (layout_benchmark.matches, layout_benchmark.find),
        (layout_csv.matches, layout_csv.find),
        (layout_msd.matches, layout_msd.find),
        (layout_nnunet.matches, layout_nnunet.find),
        (layout_folders.matches, layout_folders.find),
        (layout_bids.matches, layout_bids.find),
        (layout_patients.matches, layout_patients.find),
        (layout_dicom.matches, layout_dicom.find),
    )
    for matches, finder in finders:
        if matches(root):
            dataset = finder(root)
            if not dataset.entries:
                raise InputError(f"{root} has the layout {dataset.layout} but holds no scan. {accepted()}")
            entries, remarks = grouped(dataset.entries)
            return with_annotated(replace(dataset, entries=entries, remarks=(*dataset.remarks, *remarks)))
    raise InputError(_unknown(root))


def _unknown(root: Path) -> str:
    """What is said of a folder or file that is no data set."""
    if (meant := meant_instead(root)) is not None:
        return f"{root} is not a data set, but {meant} is; give that"
    if root.is_dir():
        inside = some(sorted(printable(path.name) for path in root.iterdir()))
        found = f"found: {inside}" if inside else "it is empty"
    else:
        found = "it is a file"
    return f"{root} has no known layout; {found}. {accepted()}"


def default_split(dataset: Dataset, labeled: int | None = None) -> Split:
    """The split that the files themselves suggest: trained with label, without, for validation, for test.

    ``labeled``: so many training cases keep their label, the first that have one in the data set's order (by name where
    its lists have none); those of the others stay closed. Raises InputError where there are fewer.
    """
    parts = parts_of(dataset)
    if not parts["labeled"]:
        raise InputError(f"{dataset.root} holds no case with both image and label for training. {accepted()}")
    if labeled is not None:
        if not 1 <= labeled <= len(parts["labeled"]):
            raise InputError(
                f"{labeled} labeled cases are wanted, but {dataset.root} has {len(parts['labeled'])} with a label "
                f"for training; give a number from 1 to {len(parts['labeled'])}"
            )
        places = {name: place for place, name in enumerate(dataset.order)}
        ordered = sorted(parts["labeled"], key=lambda name: (places.get(name, len(places)), name))
        parts["labeled"], closed = ordered[:labeled], ordered[labeled:]
        parts["unlabeled"] += closed
    return Split(**{part: tuple(sorted(names)) for part, names in parts.items()})


def parts_of(dataset: Dataset) -> dict[str, list[str]]:
    """The cases for each part of a split, as the files suggest; ``labeled`` is empty where nothing has a label yet."""
    parts: dict[str, list[str]] = {"labeled": [], "unlabeled": [], "validation": [], "test": []}
    for entry in dataset.entries:
        if entry.images and (place := _place(entry)) is not None:
            parts[place].append(entry.name)
    return parts


def _place(entry: CaseFiles) -> str | None:
    """The part of the split a case belongs to; None for a test or validation scan that cannot be scored."""
    if entry.part in ("validation", "test"):
        return entry.part if entry.label is not None else None
    return "labeled" if entry.label is not None else "unlabeled"
