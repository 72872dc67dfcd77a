"""What a job's models say of their own labels is measured on the scans that they were scored on."""

from pathlib import Path
from types import SimpleNamespace

from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.origins import Origin, path_of
from semivox.experiments.calibrate import calibrate, calibration_of_group
from semivox.inference.confidence_table import calibration_of
from tests.experiments.made import row

CASES = tuple(f"c{index}" for index in range(4))


def group(folder, rows):
    """An arm whose one run scored these rows."""
    run = SimpleNamespace(rows=tuple(rows), folder_of=lambda case: folder / "ua_mt")
    return SimpleNamespace(arm=SimpleNamespace(name="ua_mt"), runs={(0, 1): run})


def test_pairs_of_expected_and_true_dice_go_to_the_model(tmp_path):
    run = tmp_path / "ua_mt"
    (run / "model").mkdir(parents=True)
    dataset = Dataset(tmp_path, "made up", tuple(CaseFiles(case, (Path(case),), Path(case)) for case in CASES))
    for index, case in enumerate(CASES[:3]):  # the last one was predicted before that was noted
        label = run / "predictions" / f"{case}.nii.gz"
        path_of(label, case).parent.mkdir(parents=True, exist_ok=True)
        expected = {"organ": None if index == 2 else 0.9 - 0.1 * index}
        Origin(case=case, scan="s", source=(), model="m", options={}, expected_dice=expected).save(path_of(label, case))
    rows = [row(case, 0.8 - 0.2 * index) for index, case in enumerate(CASES)]
    calibrate(SimpleNamespace(groups=(group(tmp_path, rows),), folder=tmp_path), dataset, "validation")
    known = calibration_of(run)
    assert known.measured_on == "validation"
    assert known.classes["organ"].estimates == (0.9, 0.8)
    assert [round(dice, 3) for dice in known.classes["organ"].dice] == [0.8, 0.6]


def test_nothing_is_written_where_nothing_was_scored(tmp_path):
    (tmp_path / "ua_mt" / "model").mkdir(parents=True)
    dataset = Dataset(tmp_path, "made up", ())
    calibrate(SimpleNamespace(groups=(group(tmp_path, []),), folder=tmp_path), dataset, "nothing")
    assert calibration_of(tmp_path / "ua_mt") is None


def test_each_scan_is_asked_of_the_fold_that_held_it_out(tmp_path):
    """The other folds were trained on it, and are too sure of it."""
    dataset = Dataset(tmp_path, "made up", tuple(CaseFiles(case, (Path(case),), Path(case)) for case in CASES[:2]))
    for fold in range(2):
        for index, case in enumerate(CASES[:2]):
            label = tmp_path / "folds" / str(fold) / "predictions" / f"{case}.nii.gz"
            path_of(label, case).parent.mkdir(parents=True, exist_ok=True)
            expected = {"organ": 0.5 + 0.1 * index if fold == index else 0.99}
            Origin(case=case, scan="s", source=(), model="m", options={}, expected_dice=expected).save(
                path_of(label, case)
            )
    run = SimpleNamespace(
        rows=(row(CASES[0], 0.4), row(CASES[1], 0.6), row(CASES[1], 0.0).model_copy(update={"dice": None})),
        folder_of=lambda case: tmp_path / "folds" / str(CASES.index(case)),
    )
    known = calibration_of_group(SimpleNamespace(runs={(0, 1): run}), dataset, "cross-validation")
    assert known.classes["organ"].estimates == (0.5, 0.6)
    assert known.classes["organ"].dice == (0.4, 0.6)
