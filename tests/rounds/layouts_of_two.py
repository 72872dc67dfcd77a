"""Sets of two scans, a with a label and b without, in each layout that takes labels back."""

import json

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.volume import write_label, write_map

SHAPE = (6, 5, 4)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0]))


def scan(path):
    write_map(path, np.random.default_rng(1).normal(size=SHAPE), GRID)


def label(path, value=1):
    array = np.zeros(SHAPE, np.uint8)
    array[2:4, 2:4, 1:3] = value
    write_label(path, array, GRID)


def two_folders(root):
    for name in "ab":
        scan(root / "images" / f"{name}.nii.gz")
    label(root / "labels" / "a.nii.gz")


def nnunet(root):
    for name in "ab":
        scan(root / "imagesTr" / f"{name}_0000.nii.gz")
    label(root / "labelsTr" / "a.nii.gz")
    (root / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1}, "file_ending": ".nii.gz"}))


def table(root):
    for name in "ab":
        scan(root / "scans" / f"{name}.nii.gz")
    label(root / "scans" / "drawn_a.nii.gz")
    rows = ["case_id;image;label;split;comment", "a;scans/a.nii.gz;scans/drawn_a.nii.gz;train;x"]
    (root / "cases.csv").write_text("\n".join([*rows, "b;scans/b.nii.gz;;unlabeled;y"]) + "\n")


def decathlon(root):
    for name in "ab":
        scan(root / "imagesTr" / f"{name}.nii.gz")
    label(root / "labelsTr" / "a.nii.gz")
    content = {
        "labels": {"0": "background", "1": "liver"},
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
        "unlabeled": ["./imagesTr/b.nii.gz"],
        "licence": "kept",
    }
    (root / "dataset.json").write_text(json.dumps(content))


def beside(root):
    for name in "ab":
        scan(root / f"{name}.nii.gz")
    label(root / "a_seg.nii.gz")


LAYOUTS = {"two folders": two_folders, "nnU-Net raw": nnunet, "CSV": table, "MSD": decathlon,
           "labels beside images": beside}  # fmt: skip
