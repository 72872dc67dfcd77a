"""Where only some classes were looked for, the rest is unlabeled: not background in training, not scored."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from semivox.cli import app
from semivox.core.case import IGNORE, REST
from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.core.split import Split
from semivox.core.voxel_codes import MOST_CLASSES, any_of
from semivox.data import layouts
from semivox.data.batches.patches import Patches
from semivox.data.formats.scan import Segment
from semivox.data.formats.volume import read_label, write_label, write_map, write_segmentation
from semivox.data.prepared.labels import partly_annotated, rest_of
from semivox.pipeline.options import RunOptions
from semivox.pipeline.patch_dataset import make_patches
from semivox.pipeline.planning import planned
from semivox.pipeline.predict import prediction_of, score_entries
from semivox.pipeline.stages import check_or_raise, load_dataset, prepare_cases
from semivox.training.checkpoint import State
from semivox.training.folder import RunFolder
from semivox.training.run import whole_labels
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec
from semivox.training.validation import BestWeights

SHAPE = (20, 18, 16)
GRID = Grid(SHAPE, np.eye(4))
BOXES = {1: np.s_[3:8, 3:8, 3:8], 2: np.s_[11:16, 9:14, 6:11]}
"""Liver and spleen of every scan."""


def drawn(*values):
    array = np.zeros(SHAPE, np.uint8)
    for value in values:
        array[BOXES[value]] = value
    return array


@pytest.fixture
def data(tmp_path):
    """Three scans: all classes in a, liver alone in b, spleen alone in the test scan t."""
    root = tmp_path / "data"
    for folder, name, values in (("", "a", (1, 2)), ("", "b", (1,)), ("test_", "t", (2,))):
        image = np.random.default_rng(ord(name)).normal(size=SHAPE) + drawn(1, 2)
        write_map(root / f"{folder}images" / f"{name}.nii.gz", image, GRID)
        write_label(root / f"{folder}labels" / f"{name}.nii.gz", drawn(*values), GRID)
    describe(root, {"b": ["liver"], "t": ["spleen"]})
    return root


def label_of(root, name, *values):
    write_label(root / "labels" / f"{name}.nii.gz", drawn(*values), GRID)


def describe(root, annotated):
    content = {"labels": {"background": 0, "liver": 1, "spleen": 2}, "annotated": annotated}
    (root / "dataset.json").write_text(json.dumps(content))


def prepared(root, out):
    dataset, split = load_dataset(root)
    inspected = check_or_raise(dataset, split, 0)
    options = RunOptions.of({}, {"spacing": (1.0, 1.0, 1.0), "patch": (16, 16, 16), "network": "small", "steps": 1})
    plan = planned(inspected, options.plan, "cpu")
    return prepare_cases(dataset, split, plan, out, 0), plan, dataset


def test_what_was_not_looked_for_is_unlabeled_and_not_background(data, tmp_path):
    store, plan, _ = prepared(data, tmp_path / "prepared")
    whole, partly = (np.asarray(store.case(name, label=True).label) for name in ("a", "b"))
    assert set(np.unique(whole)) == {0, 1, 2}
    assert set(np.unique(partly)) == {1, REST}
    assert (store.case("a", label=True).rest, store.case("b", label=True).rest) == (None, any_of((0, 2)))
    assert (partly == 1).sum() == 125
    assert plan.classes[1] == ClassInfo(name="liver", value=1)


def test_a_changed_list_prepares_the_case_again(data, tmp_path):
    before = prepared(data, tmp_path / "prepared")[0].content("b")
    describe(data, {"b": ["liver", "spleen"], "t": ["spleen"]})
    assert (
        prepared(data, tmp_path / "prepared")[0].content("b") != before
    )  # a run that used it is not resumed unnoticed
    describe(data, {"t": ["spleen"]})
    store, _, _ = prepared(data, tmp_path / "prepared")
    assert set(np.unique(store.case("b", label=True).label)) == {0, 1}


def test_a_class_that_nobody_looked_for_is_not_scored(data, tmp_path):
    _, plan, dataset = prepared(data, tmp_path / "prepared")
    entry = dataset.entry("t")
    run = tmp_path / "run"
    write_label(prediction_of(run, entry), drawn(1, 2), GRID)
    (row,) = score_entries(run, [entry], plan)  # predicting the liver there is no mistake that anyone could see
    assert (row.class_name, row.dice) == ("spleen", 1.0)
    assert read_label(entry.label).array.max() == 2


def test_a_label_that_shows_what_was_not_looked_for_is_refused(data, tmp_path):
    describe(data, {"a": ["liver"], "b": ["liver"]})
    shutil.copyfile(data / "labels" / "a.nii.gz", data / "labels" / "c.nii.gz")
    shutil.copyfile(data / "images" / "a.nii.gz", data / "images" / "c.nii.gz")
    with pytest.raises(InputError, match="shows spleen, and only liver was looked for"):
        prepared(data, tmp_path / "prepared")


def test_no_case_need_be_looked_through_whole(data, tmp_path):
    label_of(data, "a", 2)
    describe(data, {"a": ["spleen"], "b": ["liver"]})
    store, plan, _ = prepared(data, tmp_path / "prepared")
    assert plan.reasons["classes"].endswith(
        "liver in 1 of 1, spleen in 1 of 1 in which it was looked for (of 2 in all)"
    )
    split = load_dataset(data)[1].for_training()
    patches = Patches(store, split, plan, seed=0, steps=2, labeled=2, unlabeled=0)
    batch = patches[0]
    seen = {case: set(label.unique().tolist()) for case, label in zip(batch.cases, batch.label, strict=True)}
    assert seen["a"] <= {0, 2, any_of((0, 1))}  # 0: beyond the scan
    assert seen["b"] <= {0, 1, any_of((0, 2))}
    assert min(seen["a"]) == any_of((0, 1))
    assert min(seen["b"]) == any_of((0, 2))


def test_what_a_method_derives_from_labels_is_of_what_was_looked_for(data, tmp_path):
    label_of(data, "a", 2)
    describe(data, {"a": ["spleen"], "b": ["liver"]})
    store, plan, _ = prepared(data, tmp_path / "prepared")
    training, told = load_dataset(data)[1].for_training(), []
    targets = {"seen": lambda label, *_: told.append(label) or label}
    Patches(store, training, plan, seed=0, steps=1, labeled=2, unlabeled=0, targets=targets)[0]
    for labels in (told, whole_labels(store, training)):
        assert {int(label.min()) for label in labels} == {any_of((0, 1)), any_of((0, 2))}


def test_a_class_that_nobody_looked_for_is_refused_by_run_and_told_by_check(data):
    label_of(data, "a", 1)
    describe(data, {"a": ["liver"], "b": ["liver"]})
    with pytest.raises(InputError, match="'spleen' was looked for in no labeled scan for training"):
        load_dataset(data)
    told = CliRunner().invoke(app, ["check", str(data)])
    assert told.exit_code == 2
    assert "looked for in none of the 2 labeled scans for training: spleen" in " ".join(told.output.split())


def test_more_classes_than_can_be_joined_need_a_case_that_was_looked_through(data):
    many = {"background": 0, "liver": 1, "spleen": 2} | {f"part {value}": value for value in range(3, 70)}
    (data / "dataset.json").write_text(json.dumps({"labels": many, "annotated": {"b": ["liver"]}}))
    load_dataset(data)
    (data / "dataset.json").write_text(json.dumps({"labels": many, "annotated": {"a": ["spleen"], "b": ["liver"]}}))
    with pytest.raises(InputError, match="only some of 70 classes were looked for, and at most 63"):
        load_dataset(data)


def test_where_classes_are_too_many_for_a_code_what_was_not_looked_for_is_ignored():
    plan = SimpleNamespace(classes=[ClassInfo(name=f"part {value}", value=value) for value in range(MOST_CLASSES + 1)])
    assert rest_of(plan, ["part 1"]) is None
    index = np.array([0, 1, IGNORE], np.uint8)
    assert partly_annotated(index, plan, ["part 1"]).tolist() == [IGNORE, 1, IGNORE]


def test_check_says_who_was_looked_through_for_what(data):
    told = " ".join(CliRunner().invoke(app, ["check", str(data)]).output.split())
    assert "Looked for: liver in 2, spleen in 1 of 2 labeled scans; not background elsewhere." in told


def test_a_label_of_a_class_that_was_not_looked_for_is_an_error_of_the_check(data):
    describe(data, {"a": ["liver"], "b": ["liver"]})
    told = CliRunner().invoke(app, ["check", str(data)])
    assert told.exit_code == 2
    assert "the label shows spleen, and only liver was looked for" in " ".join(told.output.split())


def test_validation_during_a_run_leaves_out_what_nobody_looked_for(data, tmp_path):
    store, plan, _ = prepared(data, tmp_path / "prepared")
    split = Split(labeled=("a",), validation=("b",))
    best = BestWeights(
        RunSpec(RunFolder(tmp_path / "run"), store, split, plan, RunConfig(method="supervised", options={})), State()
    )
    best.predicted = lambda *_: drawn(1, 2)  # a spleen, too, which nobody looked for in b
    assert best.scores(torch.nn.Identity()) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("annotated", "said"),
    [
        ({"b": ["lung"]}, "'lung' was looked for, and is no class"),
        ({"nobody": ["liver"]}, "has no scan"),
        ({"b": []}, "no class was looked for"),
        ({"b": "liver"}, "must be like"),
    ],
)
def test_wrong_lists_are_told(data, annotated, said):
    describe(data, annotated)
    with pytest.raises(InputError, match=said):
        layouts.find(data)


def test_a_table_says_it_in_a_column(data):
    describe(data, {})
    table = "case_id,image,label,annotated\na,images/a.nii.gz,labels/a.nii.gz,\n"
    (data / "cases.csv").write_text(table + "b,images/b.nii.gz,labels/b.nii.gz,liver | spleen\n")
    found = layouts.find(data)
    assert (found.entry("a").annotated, found.entry("b").annotated) == (None, ("liver", "spleen"))


def test_patches_do_not_keep_it_and_say_so(data, tmp_path):
    from semivox.data.fixed_patches import PatchChoice

    with pytest.raises(InputError, match="patches do not keep"):
        make_patches(data, tmp_path / "patches", PatchChoice())


def with_segments(root, name, *values, also=()):
    """The label as 3D Slicer saves it, with the names of what was looked for."""
    names = {1: "Liver", 2: "spleen"}
    (root / "labels" / f"{name}.nii.gz").unlink()
    segments = [Segment(names[value], value) for value in (*values, *also)]
    write_segmentation(root / "labels" / f"{name}.seg.nrrd", drawn(*values), GRID, segments)


def test_files_that_name_their_classes_can_say_what_was_looked_for(data):
    with_segments(data, "a", 2)
    with_segments(data, "b", 1, also=(2,))  # looked for, and not there
    describe(data, "segments")
    found = {entry.name: entry.annotated for entry in layouts.find(data).entries}
    assert found == {"a": ("spleen",), "b": ("liver", "spleen"), "t": None}  # t: a plain file, which names none
    describe(data, {})
    assert {entry.annotated for entry in layouts.find(data).entries} == {
        None
    }  # unasked, what is not there is background
    describe(data, "segmentz")
    with pytest.raises(InputError, match='or "segments"; received'):
        layouts.find(data)
