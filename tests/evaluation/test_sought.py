"""`semivox evaluate` scores what was looked for: a class that nobody looked for in a case is not absent there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.evaluation.tables import read_scores
from tests.evaluation.folders import label, write_label

CLASSES = {"background": 0, "liver": 1, "spleen": 2}


@pytest.fixture
def folders(tmp_path):
    """Predictions of both classes; in the references of b and c only the liver is drawn."""
    for seed, name in enumerate("abc"):
        whole = label(seed)
        write_label(tmp_path / "out" / f"{name}.nii.gz", whole)
        drawn = whole if name == "a" else np.where(whole == 1, whole, 0).astype(np.uint8)
        write_label(tmp_path / "data" / "labels" / f"{name}.nii.gz", drawn)
    return tmp_path


def describe(root, where="data", **content):
    (root / where / "dataset.json").write_text(json.dumps({"labels": CLASSES, **content}))


def evaluated(root, capsys, *more, code=0, reference="data/labels"):
    out = root / "scores"
    command = ["evaluate", "-r", str(root / reference), "-p", str(root / "out"), "-o", str(out), *more]
    assert exit_code(command) == code
    said = capsys.readouterr()
    rows = [(row.case, row.class_name, row.dice) for row in read_scores(out)] if code == 0 else []
    return rows, " ".join((said.out + said.err).split())


@pytest.mark.parametrize("scans", [True, False])
@pytest.mark.parametrize("where", ["data", "data/labels"])
def test_a_class_that_nobody_looked_for_in_a_reference_has_no_row_there(folders, capsys, scans, where):
    if scans:
        for name in "abc":
            write_label(folders / "data" / "images" / f"{name}.nii.gz", label(7))
    rows, _ = evaluated(folders, capsys)
    assert ("b", "2", 0.0) in rows  # nothing says that it was not looked for
    describe(folders, where, annotated={"b": ["liver"], "c": ["liver"]})
    rows, said = evaluated(folders, capsys)
    assert rows == [("a", "1", 1.0), ("a", "2", 1.0), ("b", "1", 1.0), ("c", "1", 1.0)]
    assert "In 2 of 3 references only some classes were looked for (b, c)" in said


def test_a_reference_that_is_a_file_or_stands_in_a_table_is_known_too(folders, capsys):
    for name in "abc":
        write_label(folders / "data" / "scans" / f"{name}.nii.gz", label(7))
    lines = [f"{name},scans/{name}.nii.gz,labels/{name}.nii.gz,{'liver' if name != 'a' else ''}" for name in "abc"]
    (folders / "data" / "cases.csv").write_text("\n".join(["case_id,image,label,annotated", *lines]) + "\n")
    describe(folders)
    rows, _ = evaluated(folders, capsys)
    assert rows == [("a", "1", 1.0), ("a", "2", 1.0), ("b", "1", 1.0), ("c", "1", 1.0)]
    out, one = folders / "scores", folders / "data" / "labels" / "b.nii.gz"
    assert exit_code(["evaluate", "-r", str(one), "-p", str(folders / "out" / "b.nii.gz"), "-o", str(out)]) == 0
    assert [(row.class_name, row.dice) for row in read_scores(out)] == [("1", 1.0)]


def test_the_value_to_ignore_is_the_data_sets_unless_another_is_given(folders, capsys):
    array = label(0)
    array[-1, -1] = 9
    write_label(folders / "data" / "labels" / "a.nii.gz", array)
    (folders / "data" / "dataset.json").write_text(json.dumps({"labels": {**CLASSES, "ignore": 9}}))
    rows, said = evaluated(folders, capsys)
    assert {name for _, name, _ in rows} == {"1", "2"}
    assert "Voxels with the value 9 are not scored" in said
    rows, said = evaluated(folders, capsys, "--ignore", "2")
    assert {name for _, name, _ in rows} == {"1", "9"}
    assert "Voxels with" not in said


def test_what_cannot_be_meant_is_refused_in_a_sentence_and_a_data_set_of_another_kind_hinders_nothing(folders, capsys):
    describe(folders, annotated={"b": ["kidney"]})
    assert "'kidney' was looked for, and is no class" in evaluated(folders, capsys, code=2)[1]
    (folders / "data" / "dataset.json").write_text(json.dumps({"labels": {"whole": [1, 2]}}))
    assert evaluated(folders, capsys)[0]
    (folders / "data" / "dataset.json").write_text("[]")
    assert evaluated(folders, capsys)[0]
