"""Where only some classes were looked for, the rest is unlabeled: not background in training, not scored."""

import json
import shutil

import numpy as np
import pytest

from semivox.core.case import IGNORE
from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.data import layouts
from semivox.data.formats.volume import read_label, write_label, write_map
from semivox.pipeline.options import RunOptions
from semivox.pipeline.patch_dataset import make_patches
from semivox.pipeline.planning import planned
from semivox.pipeline.predict import prediction_of, score_entries
from semivox.pipeline.stages import check_or_raise, load_dataset, prepare_cases

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
    assert set(np.unique(partly)) == {1, IGNORE}
    assert (partly == 1).sum() == 125
    assert plan.classes[1] == ClassInfo(name="liver", value=1)


def test_a_changed_list_prepares_the_case_again(data, tmp_path):
    prepared(data, tmp_path / "prepared")
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
    with pytest.raises(InputError, match="shows 'spleen', which is not among"):
        prepared(data, tmp_path / "prepared")


def test_without_any_case_that_was_looked_through_there_is_no_background(data):
    describe(data, {"a": ["liver", "spleen"], "b": ["liver"]})
    with pytest.raises(InputError, match="no voxel is known to be background"):
        load_dataset(data)


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
