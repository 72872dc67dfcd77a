"""Sets that label different organs become one: classes by name, cases told apart, nothing unlabeled as background."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from semivox.cli import app
from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data import layouts
from semivox.data.formats.volume import read_label, write_label, write_map
from semivox.pipeline.stages import load_dataset

SHAPE = (20, 18, 16)
GRID = Grid(SHAPE, np.diag([2.0, 1.0, 1.5, 1.0]))
LIVER, SPLEEN = np.s_[3:8, 3:8, 3:8], np.s_[11:16, 9:14, 6:11]


def image(seed):
    return np.random.default_rng(seed).normal(size=SHAPE)


def scan(root, name, pixels, label=None, part=""):
    write_map(root / f"{part}images" / f"{name}.nii.gz", pixels, GRID)
    if label is not None:
        write_label(root / f"{part}labels" / f"{name}.nii.gz", label, GRID)


def drawn(**boxes):
    array = np.zeros(SHAPE, np.uint8)
    for value, box in boxes.items():
        array[box] = int(value[1:])
    return array


def describe(root, labels, **more):
    (root / "dataset.json").write_text(json.dumps({"labels": {"background": 0, **labels}, **more}))


@pytest.fixture
def sets(tmp_path):
    """Livers (1) in one set, spleens (1, too) and an unlabeled scan in the other; both have a scan "p1"."""
    one, other = tmp_path / "livers", tmp_path / "spleens"
    scan(one, "p1", image(1), drawn(v1=LIVER))
    scan(one, "p2", image(2), drawn(v1=LIVER))
    describe(one, {"liver": 1})
    scan(other, "p1", image(3), drawn(v1=SPLEEN))
    scan(other, "p3", image(4))
    scan(other, "p4", image(5), drawn(v1=SPLEEN), "test_")
    describe(other, {"Spleen": 1})
    return one, other


def join(*arguments):
    return CliRunner().invoke(app, ["join", *map(str, arguments)])


def refused(*arguments):
    told = join(*arguments)
    assert isinstance(told.exception, InputError)  # the command says it and ends with code 2
    return str(told.exception)


def test_two_sets_become_one_with_classes_by_name(sets, tmp_path):
    told = join(*sets, "-o", tmp_path / "both")
    assert told.exit_code == 0, told.output
    assert "liver (1) in 2, Spleen (2) in 2 of 4 labels" in told.output
    dataset, split = load_dataset(tmp_path / "both")
    assert [(info.name, info.value) for info in dataset.classes] == [("background", 0), ("liver", 1), ("Spleen", 2)]
    assert split.labeled == ("livers_p1", "p2", "spleens_p1")
    assert (split.unlabeled, split.test) == (("p3",), ("p4",))
    sought = {entry.name: entry.annotated for entry in dataset.entries}
    assert sought["livers_p1"] == ("liver",)
    assert sought["p4"] == ("Spleen",)
    assert sought["p3"] is None
    for name, box, value in (("livers_p1", LIVER, 1), ("spleens_p1", SPLEEN, 2)):
        label = read_label(dataset.entry(name).label).array[0]
        assert (label[box] == value).all()
        assert set(np.unique(label)) == {0, value}
    assert dataset.entry("livers_p1").images[0].resolve() == (sets[0] / "images" / "p1.nii.gz").resolve()


def test_the_joined_set_passes_the_check(sets, tmp_path):
    join(*sets, "-o", tmp_path / "both")
    told = CliRunner().invoke(app, ["check", str(tmp_path / "both")])
    assert told.exit_code == 0, told.output
    assert "Looked for: liver in 2, Spleen in 1 of 3 labeled scans" in " ".join(told.output.split())


def test_the_same_scan_in_both_gets_both_labels(sets, tmp_path):
    one, other = sets
    scan(other, "p1", image(1), drawn(v1=SPLEEN))
    told = join(one, other, "-o", tmp_path / "both")
    assert "1 scan is in several sets" in told.output
    entry = layouts.find(tmp_path / "both").entry("p1")
    assert entry.annotated is None  # every class was looked for
    label = read_label(entry.label).array[0]
    assert ((label == 1).sum(), (label == 2).sum()) == (125, 125)


def test_labels_of_one_scan_that_disagree_are_refused(sets, tmp_path):
    one, other = sets
    scan(other, "p1", image(1), drawn(v1=LIVER))
    assert "labels of the scan 'p1' that differ in 125 voxels" in refused(one, other, "-o", tmp_path / "both")
    scan(other, "p1", image(1), drawn(v1=SPLEEN), "test_")
    (other / "labels" / "p1.nii.gz").unlink()
    (other / "images" / "p1.nii.gz").unlink()
    said = refused(one, other, "-o", tmp_path / "again")
    assert "for test in one and for training in another" in said


def test_a_set_that_knows_some_classes_of_the_other_keeps_its_own_lists(sets, tmp_path):
    one, other = sets
    describe(other, {"liver": 3, "spleen": 1}, annotated={"p1": ["spleen"], "p4": ["spleen", "liver"]})
    join(one, other, "-o", tmp_path / "both")
    dataset = layouts.find(tmp_path / "both")
    sought = {entry.name: entry.annotated for entry in dataset.entries if entry.label}
    assert sought == {"livers_p1": ("liver",), "p2": ("liver",), "spleens_p1": ("spleen",), "p4": None}


def test_patients_of_the_same_number_in_two_sets_are_two(sets, tmp_path):
    for root in sets:
        rows = [f"{p.name[:-7]},images/{p.name},labels/{p.name},7" for p in sorted((root / "labels").iterdir())]
        (root / "cases.csv").write_text("case_id,image,label,group\n" + "\n".join(rows) + "\n")
    join(*sets, "-o", tmp_path / "both")
    groups = {entry.name: entry.group for entry in layouts.find(tmp_path / "both").entries}
    assert groups == {"livers_p1": "livers_7", "p2": "livers_7", "spleens_p1": "spleens_7"}


def test_what_cannot_be_joined_is_told_and_nothing_is_written(sets, tmp_path):
    one, other = sets
    out = tmp_path / "both"
    assert "give two data sets or more" in refused(one, "-o", out)
    assert "is named twice" in refused(one, one, "-o", out)
    assert "does not exist" in refused(one, tmp_path / "nowhere", "-o", out)
    describe(other, {"spleen": 1}, channel_names={"0": "CT"})
    describe(one, {"liver": 1}, channel_names={"0": "MR"})
    assert "has the channels MR" in refused(one, other, "-o", out)
    (other / "dataset.json").unlink()
    assert "does not name its classes" in refused(one, other, "-o", out)
    assert not out.exists()
    describe(other, {"spleen": 2})
    describe(one, {"liver": 1})
    assert "p1.nii.gz holds the value 1, which is no class of" in refused(one, other, "-o", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["livers", "spleens"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "is not empty" in refused(one, other, "-o", tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_what_nobody_looked_at_has_one_value(sets, tmp_path):
    one, other = sets
    describe(other, {"spleen": 1, "ignore": 9})
    label = drawn(v1=SPLEEN)
    label[:2] = 9
    scan(other, "p1", image(3), label)
    join(one, other, "-o", tmp_path / "both")
    dataset = layouts.find(tmp_path / "both")
    assert dataset.ignore == 9
    assert (read_label(dataset.entry("spleens_p1").label).array[0][:2] == 9).all()
