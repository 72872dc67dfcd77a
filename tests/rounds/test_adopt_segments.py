"""Where labels name what was looked for in them, one of some classes stays that: the rest never becomes background."""

import json

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.geometry import Grid
from semivox.data import layouts
from semivox.data.formats.scan import Segment
from semivox.data.formats.volume import read_grid, read_label, write_label, write_map, write_segmentation
from semivox.rounds.origins import FILE, origins_of

SHAPE = (6, 5, 4)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0]))
CLASSES = {"background": 0, "liver": 1, "spleen": 2}


def drawn(*values):
    array = np.zeros(SHAPE, np.uint8)
    for value in values:
        array[2:4, 2:4, value] = value
    return array


def two_folders(root):
    for name in "ab":
        write_map(root / "images" / f"{name}.nii.gz", np.random.default_rng(1).normal(size=SHAPE), GRID)
    write_label(root / "labels" / "a.nii.gz", drawn(1, 2), GRID)
    (root / "dataset.json").write_text(json.dumps({"labels": CLASSES, "annotated": "segments"}))


def decathlon(root):
    two_folders(root)
    content = {
        "labels": {str(value): name for name, value in CLASSES.items()},
        "training": [{"image": "./images/a.nii.gz", "label": "./labels/a.nii.gz"}],
        "unlabeled": ["./images/b.nii.gz"],
        "annotated": "segments",
    }
    (root / "dataset.json").write_text(json.dumps(content))


def table(root):
    two_folders(root)
    rows = ["case_id,image,label", "a,images/a.nii.gz,labels/a.nii.gz", "b,images/b.nii.gz,"]
    (root / "cases.csv").write_text("\n".join(rows) + "\n")


def beside(root):
    two_folders(root)
    for name in "ab":
        (root / "images" / f"{name}.nii.gz").rename(root / f"{name}.nii.gz")
    (root / "labels" / "a.nii.gz").rename(root / "a_seg.nii.gz")
    (root / "labels").rmdir()
    (root / "images").rmdir()


def data_of(tmp_path, make=two_folders):
    data = tmp_path / "data"
    data.mkdir()
    make(data)
    return data


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.name.endswith("lock")}


@pytest.mark.parametrize("make", [two_folders, decathlon, table, beside])
def test_classes_that_a_label_does_not_name_stay_unlabeled(make, tmp_path):
    data = data_of(tmp_path, make)
    corrected = tmp_path / "mine" / "b.seg.nrrd"
    write_segmentation(corrected, drawn(2) // 2, GRID, [Segment("Spleen", 1)])
    assert exit_code(["adopt", str(data), str(tmp_path / "mine")]) == 0
    entry = layouts.find(data).entry("b")
    assert entry.annotated == ("spleen",)
    classes = layouts.find(data).classes
    np.testing.assert_array_equal(read_label(entry.label, read_grid(entry.images[0]), classes).array[0], drawn(2))


def test_the_same_label_again_is_there_already_and_another_replaces_it(tmp_path, capsys):
    data = data_of(tmp_path)
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(2), GRID, [Segment("spleen", 2)])
    command = ["adopt", str(data), str(tmp_path / "mine")]
    assert exit_code(command) == 0
    assert exit_code(command) == 0
    assert "In the data set already: b" in capsys.readouterr().out
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(1), GRID, [Segment("liver", 1)])
    assert exit_code(command) == 2
    assert exit_code([*command, "--overwrite"]) == 0
    assert layouts.find(data).entry("b").annotated == ("liver",)


def test_a_class_looked_for_and_not_found_is_kept_and_all_classes_are_a_plain_label(tmp_path):
    data = data_of(tmp_path)
    both = [Segment("liver", 1), Segment("spleen", 2)]
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(2), GRID, both)
    assert exit_code(["adopt", str(data), str(tmp_path / "mine")]) == 0
    assert layouts.find(data).entry("b").label.name == "b.nii.gz"
    assert layouts.find(data).entry("b").annotated is None


def test_it_does_not_replace_a_label_that_cannot_say_so(tmp_path, capsys):
    """Also where its voxels are those that stand there: they say more than the corrected label does."""
    data = data_of(tmp_path)
    write_label(data / "labels" / "b.nii.gz", drawn(2), GRID)
    before = files(data)
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(2), GRID, [Segment("spleen", 2)])
    assert exit_code(["adopt", str(data), str(tmp_path / "mine"), "--overwrite"]) == 2
    assert "cannot say that nobody looked for the others" in capsys.readouterr().err
    assert files(data) == before


def test_voxels_of_a_class_without_a_name_are_refused(tmp_path, capsys):
    data = data_of(tmp_path)
    before = files(data)
    segments = [Segment("spleen", 2), Segment("Segment_1", 1)]
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(1, 2), GRID, segments)
    assert exit_code(["adopt", str(data), str(tmp_path / "mine")]) == 2
    assert "voxels of liver, which it does not name" in capsys.readouterr().err
    assert files(data) == before


def test_where_a_table_says_otherwise_nothing_is_written(tmp_path, capsys):
    data = data_of(tmp_path, table)
    rows = ["case_id,image,label,annotated", "a,images/a.nii.gz,labels/a.nii.gz,", "b,images/b.nii.gz,,liver"]
    (data / "cases.csv").write_text("\n".join(rows) + "\n")
    before = files(data)
    write_segmentation(tmp_path / "mine" / "b.seg.nrrd", drawn(2), GRID, [Segment("spleen", 2)])
    assert exit_code(["adopt", str(data), str(tmp_path / "mine")]) == 2
    assert "other classes were looked for in 'b'" in capsys.readouterr().err
    assert {path: held for path, held in files(data).items() if path.name != FILE} == before
    assert not origins_of(data)


@pytest.mark.parametrize("grid", [Grid((5, 6, 4), GRID.affine), Grid(SHAPE, np.diag([1.0, 1.0, 1.0, 1.0]))])
def test_a_label_on_another_grid_is_told_what_to_do(grid, tmp_path, capsys):
    """The check does not look at files outside the data set, so it is no advice."""
    data = data_of(tmp_path)
    before = files(data)
    write_label(tmp_path / "mine" / "b.nii.gz", np.zeros(grid.shape, np.uint8), grid)
    assert exit_code(["adopt", str(data), str(tmp_path / "mine"), "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert "save it on the grid of its own scan" in said
    assert "run check" not in said
    assert files(data) == before
