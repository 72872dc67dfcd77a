"""Folder against folder: what is scored, what is refused, and tables that read back as they were written."""

import csv
import json

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.evaluation.score import Row, score
from semivox.evaluation.tables import COLUMNS, evaluate_folders, read_scores, write_rows, write_scores

from .folders import SPACING, label, write_label

CLASSES = [ClassInfo(name="background", value=0), ClassInfo(name="head", value=1), ClassInfo(name="tail", value=2)]


@pytest.fixture
def folders(tmp_path):
    """Three cases with two classes; predictions differ from references."""
    reference, prediction = tmp_path / "reference", tmp_path / "prediction"
    for index in range(3):
        write_label(reference / f"case {index}.nii.gz", label(index))
        write_label(prediction / f"case {index}.nii.gz", label(100 + index))
    return reference, prediction


def test_each_case_and_class_is_scored_with_the_spacing_of_the_reference(folders):
    rows = evaluate_folders(*folders, CLASSES)
    assert [(row.case, row.class_name) for row in rows] == [
        (f"case {index}", name) for index in range(3) for name in ("head", "tail")
    ]
    for row in rows:
        index, value = int(row.case[-1]), 1 if row.class_name == "head" else 2
        spacing = tuple(float(np.float32(length)) for length in SPACING)
        expected = score(label(100 + index) == value, label(index) == value, spacing)
        for name, number in expected.model_dump().items():
            assert getattr(row, name) == (number if isinstance(number, str) else pytest.approx(number)), name
        assert row.diagonal_mm == pytest.approx(np.linalg.norm([12 * 0.8, 10, 8 * 2]))


def test_without_classes_every_value_of_the_references_is_scored(folders):
    assert {row.class_name for row in evaluate_folders(*folders)} == {"1", "2"}
    write_label(folders[0] / "case 2.nii.gz", label(2, classes=3))
    rows = evaluate_folders(*folders)
    assert [row.empty for row in rows if row.class_name == "3"] == ["both", "both", "prediction"]
    assert len(rows) == 9


def test_files_in_another_orientation_score_the_same(folders):
    before = evaluate_folders(*folders, CLASSES)
    for index in range(3):
        write_label(folders[1] / f"case {index}.nii.gz", label(100 + index), flipped=True)
    assert evaluate_folders(*folders, CLASSES) == before


def test_workers_change_nothing_and_progress_counts_cases(folders):
    seen = []
    serial = evaluate_folders(*folders, CLASSES, progress=lambda done, total: seen.append((done, total)))
    assert evaluate_folders(*folders, CLASSES, workers=2) == serial
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_two_files_are_a_folder_of_one(folders):
    reference, prediction = (folder / "case 0.nii.gz" for folder in folders)
    assert evaluate_folders(reference, prediction, CLASSES) == evaluate_folders(*folders, CLASSES)[:2]


def test_ignored_voxels_are_not_scored(folders):
    reference = label(0)
    reference[:, :5] = 9
    write_label(folders[0] / "case 0.nii.gz", reference)
    row = evaluate_folders(*folders, CLASSES, ignore=9)[0]
    kept = reference != 9
    assert row.dice == pytest.approx(score((label(100) == 1) & kept, reference == 1, SPACING).dice)
    assert "9" not in {row.class_name for row in evaluate_folders(*folders, ignore=9)}


def test_missing_predictions_are_listed_not_skipped(folders):
    (folders[1] / "case 1.nii.gz").unlink()
    (folders[1] / "case 2.nii.gz").unlink()
    with pytest.raises(InputError, match=r"2 cases \(case 1, case 2\)"):
        evaluate_folders(*folders, CLASSES)


def test_predictions_without_reference_and_hidden_files_are_left_alone(folders):
    before = evaluate_folders(*folders, CLASSES)
    write_label(folders[1] / "another.nii.gz", label(5, shape=(5, 6, 7)))
    (folders[0] / "._case 0.nii.gz").write_bytes(b"not a scan")
    (folders[0] / "notes.txt").write_text("hello")
    assert evaluate_folders(*folders, CLASSES) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shift": (2.5, 0.0, 0.0)}, r"prediction/case 1.*2\.5 mm apart"),
        ({"spacing": (0.8, 1.0, 2.1)}, r"prediction/case 1.*0\.7 mm apart.*0\.8 x 1 x 2\.1"),
        ({"array": label(1, shape=(12, 10, 9))}, r"prediction/case 1.*\(12, 10, 9\).*\(12, 10, 8\)"),
        ({"array": label(1).astype(np.float32) + 0.4}, "prediction/case 1"),
        ({"array": np.arange(960).reshape(12, 10, 8).astype(np.int16)}, "prediction/case 1.*image"),
        ({"array": np.arange(960).reshape(12, 10, 8).astype(np.uint16)}, "prediction/case 1.*image"),
    ],
)
def test_predictions_that_cannot_be_compared_are_named(folders, change, words):
    write_label(folders[1] / "case 1.nii.gz", **{"array": label(101), **change})
    with pytest.raises(InputError, match=words):
        evaluate_folders(*folders, CLASSES)


def test_rounding_of_positions_is_no_mismatch(folders):
    write_label(folders[1] / "case 1.nii.gz", label(101), shift=(0.004, 0.0, -0.004))
    assert len(evaluate_folders(*folders, CLASSES)) == 6


def test_a_damaged_file_is_named(folders):
    path = folders[1] / "case 1.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="case 1"):
        evaluate_folders(*folders, CLASSES)


def test_label_values_that_mean_nothing_to_the_references_are_refused(folders):
    for index in range(3):
        write_label(folders[1] / f"case {index}.nii.gz", (label(index) > 0).astype(np.uint8) * 255)
    for classes in (None, CLASSES):
        with pytest.raises(InputError, match="255"):
            evaluate_folders(*folders, classes)


@pytest.mark.parametrize("side", [0, 1])
def test_an_image_of_few_gray_values_is_no_label(folders, side):
    noise = np.random.default_rng(0).integers(0, 60, (12, 10, 8)).astype(np.int16)
    write_label(folders[side] / "case 1.nii.gz", noise)
    for classes in (None, CLASSES):
        with pytest.raises(InputError, match=r"case 1.*image"):
            evaluate_folders(*folders, classes)


def test_empty_predictions_are_scored_as_missed(folders):
    for index in range(3):
        write_label(folders[1] / f"case {index}.nii.gz", np.zeros((12, 10, 8), np.uint8))
    assert {(row.dice, row.hd95_mm, row.empty) for row in evaluate_folders(*folders)} == {(0.0, None, "prediction")}


def test_folders_that_cannot_be_evaluated_are_refused(folders, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no label file"):
        evaluate_folders(empty, folders[1])
    with pytest.raises(InputError, match="nowhere does not exist"):
        evaluate_folders(tmp_path / "nowhere", folders[1])
    with pytest.raises(InputError, match="besides the background"):
        evaluate_folders(*folders, CLASSES[:1])
    write_label(folders[0] / "case 0.nii", label(0))
    with pytest.raises(InputError, match="two files for the case 'case 0'"):
        evaluate_folders(*folders)


def test_references_without_any_class_are_refused(tmp_path):
    for folder in ("a", "b"):
        write_label(tmp_path / folder / "one.nii.gz", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InputError, match="no class"):
        evaluate_folders(tmp_path / "a", tmp_path / "b")


def rows_of_every_kind():
    volumes = {"prediction_ml": 1 / 3, "reference_ml": 0.1}
    names = ["plain", "=1+1", "+x", "-x", "@x", "'=quoted", "'", 'a "b", c', "Öhr ärgert", "line\nbreak", "007", "1e3"]
    rows = [
        Row(case=name, class_name=name, dice=0.1 + 0.2, hd95_mm=1e-17, empty="neither", diagonal_mm=2 / 3, **volumes)
        for name in names
    ]
    return [*rows, Row(case="missed", class_name="1", dice=0.0, empty="prediction", **volumes)]


@pytest.mark.parametrize("file", ["scores.csv", "scores.json", ""])
def test_tables_read_back_exactly_as_written(tmp_path, file):
    rows = rows_of_every_kind()
    write_scores(tmp_path / "run", rows)
    assert read_scores(tmp_path / "run" / file) == rows


def test_the_csv_has_the_agreed_columns_empty_cells_and_no_formulas(tmp_path):
    write_rows(tmp_path / "scores.csv", rows_of_every_kind())
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as stream:
        header, *lines = list(csv.reader(stream))
    agreed = (
        "case,class,dice,jaccard,hd95_mm,hd95_max_mm,assd_mm,asd_mm,nsd_1mm,volume_error_ml,"
        "empty,prediction_ml,reference_ml"
    )
    assert header == [*agreed.split(","), "diagonal_mm"] == list(COLUMNS)
    assert not any(line[column].startswith(("=", "+", "-", "@")) for line in lines for column in (0, 1))
    assert lines[-1][3:10] == [""] * 7
    assert lines[-1][2] == "0.0"


def test_the_json_holds_rows_and_summary(folders, tmp_path):
    write_scores(tmp_path, evaluate_folders(*folders, CLASSES))
    content = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert content["rows"][0]["class"] == "head"
    assert content["summary"]["cases"] == 3
    assert content["summary"]["overall"]["dice"]["defined"] == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,class,empty,prediction_ml,reference_ml\na,b,neither,1,x\n", "line 2.*\n.*reference_ml"),
        ("case,class,empty,prediction_ml,reference_ml\na,b,neither,1,1,9\n", "line 2"),
        ("case,class\na,b\n", "line 2.*\n.*empty"),
        ("case,class,empty,prediction_ml,reference_ml,dize\na,b,neither,1,1,9\n", "dize"),
    ],
)
def test_a_spoiled_table_is_refused_by_line_and_column(tmp_path, text, words):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_scores(path)


def test_a_missing_or_binary_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "scores.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        read_scores(tmp_path)


def test_the_summary_counts_patients_where_several_cases_are_of_one(folders, tmp_path):
    rows = evaluate_folders(*folders, CLASSES)
    write_scores(tmp_path / "run", rows, {"case 0": "one", "case 1": "one"})
    summary = json.loads((tmp_path / "run" / "scores.json").read_text())["summary"]
    dice = {row.case: row.dice for row in rows if row.class_name == "head"}
    expected = (dice["case 0"] + dice["case 1"]) / 4 + dice["case 2"] / 2
    assert (summary["cases"], summary["units"]) == (3, 2)
    assert summary["classes"]["head"]["dice"]["mean"] == pytest.approx(expected)
