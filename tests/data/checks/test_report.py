"""The report says what will happen, and fits a screen however many scans there are."""

from __future__ import annotations

import json

import pytest

from semivox.cli import exit_code
from semivox.data.checks.findings import CaseVerdict, CheckReport, Finding
from semivox.data.checks.run import check
from semivox.data.checks.usage import _first
from semivox.data.layouts.recognize import find
from tests import corpus
from tests.data.checks.made import told

SCREEN = 60


def test_what_will_happen_is_said(tmp_path):
    corpus.good(tmp_path)
    text = check(find(tmp_path)).text()
    assert "Cases:    3 labeled, 1 unlabeled, 1 test." in text
    assert "labeled:    a, b, c" in text
    assert "Classes:  1 one, 2 two." in text
    assert "Channels: MR." in text


def test_sides_patients_and_test_scans_without_label_are_said(tmp_path):
    corpus.good(tmp_path)
    corpus.describe(tmp_path, {"labels": {"background": 0, "left": 1, "right": 2}})
    for name, seed in (("sub-1_ses-1", 70), ("sub-1_ses-2", 71)):
        corpus.save(tmp_path / "images" / f"{name}.nii.gz", corpus.gray(seed))
    corpus.save(tmp_path / "test_images" / "x.nii.gz", corpus.gray(72))
    text = check(find(tmp_path)).text()
    assert "3 labeled, 3 unlabeled, 1 test (of 6 patients)" in text
    assert "sides are classes: no mirroring left-right" in text
    assert "1 scan for test or validation without a label, not used: x" in text


def test_a_set_without_any_label_is_an_error(tmp_path):
    corpus.save(tmp_path / "images" / "a.nii.gz", corpus.gray(0))
    assert ("", "error", "no_label") in told(tmp_path)
    text = check(find(tmp_path)).text()
    assert "Cases:    0 labeled, 1 unlabeled, 0 test." in text
    assert "Classes:  none yet, as no label shows one" in text
    assert "Mirrored" not in text


def test_three_thousand_bad_cases_fit_a_screen():
    codes = [f"code_{index}" for index in range(30)]
    cases = [
        CaseVerdict(
            case=f"case_{number:04d}",
            verdict="error",
            findings=tuple(
                Finding(level=level, code=code, message=f"{code} of {number}", fix="fix it", file="")
                for level, code in zip(["error", "warning", "note"] * 10, codes, strict=True)
            ),
        )
        for number in range(3000)
    ]
    report = CheckReport(dataset="x", layout="y", cases=tuple(cases))
    text = report.text()
    assert len(text.splitlines()) <= SCREEN
    assert all(code in text for code in codes)
    assert "error code_0, 3000 cases: case_0000, case_0001," in text
    assert len(report.listing().splitlines()) > 3000 * 60


def test_names_of_three_thousand_scans_fit_a_line():
    line = _first([f"case_{number:04d}" for number in range(3000)])
    assert line.startswith("case_0000, case_0001, ")
    assert line.endswith(", ... (3000)")
    assert len(line) < 120
    assert _first(["a", "b"]) == "a, b"


@pytest.mark.parametrize("option", [[], ["--all"], ["--json"]])
def test_the_command_prints_and_writes(tmp_path, capsys, option):
    root, out = tmp_path / "scans", tmp_path / "check.json"
    corpus.good(root)
    assert exit_code(["check", str(root), "--workers", "0", "-o", str(out), *option]) == 0
    printed = capsys.readouterr().out
    assert CheckReport.load(out) == check(find(root))
    if option == ["--json"]:
        assert json.loads(printed)["summary"]["parts"]["labeled"] == ["a", "b", "c"]
    assert ("24 x 24 x 24 voxels of 1.5 x 1.5 x 1.5 mm" in printed) == (option == ["--all"])
