"""The table beside labels says what to expect, what to look at, and only of labels that this program vouches for."""

import csv

import numpy as np

from semivox.data.origins import Origin, path_of
from semivox.inference.confidence import ClassCalibration, calibration
from semivox.inference.confidence_table import TABLE, confidences, told, write_confidence


def record(case, expected, unlike=()):
    return Origin(
        case=case, scan="s", source=(), model="m", options={}, files={f"{case}.nii.gz": "x"},
        expected_dice={"liver": expected}, unlike=unlike,
    )  # fmt: skip


KNOWN = calibration({"liver": [(x, 2 * x - 1) for x in np.linspace(0.7, 0.95, 11)]}, "test")


def test_a_calibrated_line_holds_dice_and_interval_and_is_not_looked_at():
    (line,) = confidences([record("a", 0.8)], KNOWN)
    assert round(line.predicted.dice, 4) == 0.6
    assert line.predicted.lower is not None
    assert line.why == ()


def test_what_is_missing_unsure_or_unlike_is_looked_at_with_the_reason():
    lines = confidences([record("a", None), record("b", 0.6), record("c", 0.9, ("its voxels are 9 mm",))], KNOWN)
    assert [line.why for line in lines] == [
        ("not found",),
        ("the model is less sure of it than of any scan that it was measured on",),
        ("its voxels are 9 mm",),
    ]
    assert confidences([record("a", 0.45)], None)[0].why == ("the model is unsure of it (expected Dice 0.45)",)


def test_the_table_is_written_for_labels_that_are_there(tmp_path):
    for case in ("a", "gone"):
        label = tmp_path / f"{case}.nii.gz"
        label.touch()
        path_of(label, case).parent.mkdir(exist_ok=True)
        record(case, 0.8).save(path_of(label, case))
    (tmp_path / "gone.nii.gz").unlink()
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    KNOWN.save(model / "confidence.json")
    lines = write_confidence(tmp_path, tmp_path / "run")
    with (tmp_path / TABLE).open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["case"] for row in rows] == ["a"]
    assert (rows[0]["dice_to_expect"], rows[0]["look_at_it"]) == ("0.6", "")
    (sentence,) = told(lines, tmp_path, KNOWN)
    assert "11 held-out scans" in sentence
    (sentence,) = told(lines, tmp_path, None)
    assert "uncalibrated" in sentence


def test_one_class_with_one_scan_has_an_unknown_error():
    assert ClassCalibration(estimates=(0.9,), dice=(0.5,)).error is None
    assert "unknown" in calibration({"liver": [(0.9, 0.5)]}, "test").text()
