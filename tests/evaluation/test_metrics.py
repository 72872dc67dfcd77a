"""The metrics stand in one table: a new one is one field, and appears wherever scores do."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from semivox.evaluation.metrics import METRICS, Masks, measured
from semivox.evaluation.tables import COLUMNS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-metric.md").read_text(encoding="utf-8")
(FIELD,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def masks(prediction, reference):
    return Masks(np.asarray(prediction, bool), np.asarray(reference, bool), (1.0, 1.0, 2.0))


def test_every_metric_says_how_it_is_compared_and_printed():
    assert set(METRICS) < set(COLUMNS)
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.heading
        assert metric.meaning
        assert metric.higher_is_better == (metric.arrow == "↑")
        if metric.unit:  # the column names its unit
            assert name.endswith(f"_{metric.unit}")


@pytest.mark.parametrize("missed", ["prediction", "reference"])
def test_what_a_missed_or_invented_object_is_worth_follows_from_the_kind(missed):
    some, none = np.ones((2, 2, 2)), np.zeros((2, 2, 2))
    found = measured(masks(none, some) if missed == "prediction" else masks(some, none))
    for name, metric in METRICS.items():
        expected = {"overlap": 0.0, "distance": None}.get(metric.kind, found[name])
        assert found[name] == expected
    assert found["volume_error_ml"] == pytest.approx(-0.016 if missed == "prediction" else 0.016)


def test_values_lie_within_their_bounds():
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = measured(masks(*rng.integers(0, 2, (2, 4, 5, 3))))
        for name, metric in METRICS.items():
            least, most = metric.bounds
            assert least is None or found[name] >= least
            assert most is None or found[name] <= most


def test_the_metric_of_the_page_is_one_field_and_stands_in_the_score_files(tmp_path):
    package = tmp_path / "changed" / "semivox"
    shutil.copytree(ROOT / "src" / "semivox", package, ignore=shutil.ignore_patterns("__pycache__", "vendored"))
    path = package / "evaluation" / "metrics.py"
    before, after = path.read_text(encoding="utf-8").split("\n\n\ndef metrics_of(")
    path.write_text(f"{before}\n{FIELD}\n\ndef metrics_of({after}", encoding="utf-8")
    label = np.zeros((6, 6, 6), np.uint8)
    label[1:5, 1:5, 1:5] = 1
    for part, array in (("reference", label), ("prediction", label * (np.arange(6) < 3))):
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(array.astype(np.uint8), np.eye(4)), tmp_path / part / "a.nii.gz")
    command = [sys.executable, "-m", "semivox", "evaluate", "-r", "reference", "-p", "prediction", "-o", "scores"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "changed")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "scores" / "scores.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["sensitivity"]) == 0.5
    assert "sensitivity" in (tmp_path / "scores" / "scores.json").read_text(encoding="utf-8")
