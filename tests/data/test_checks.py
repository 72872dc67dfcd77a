"""Every bad input gets the verdict it deserves, good data gets none, and hidden labels stay closed."""

from __future__ import annotations

import builtins
import io
import json
import pickle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data.checks.findings import CheckReport
from semivox.data.checks.run import check
from semivox.data.formats.scan import ScanError
from semivox.data.layouts.recognize import default_split, find
from semivox.data.planning.fingerprint import fingerprint
from tests import corpus
from tests.corpus.every import BAD


@pytest.fixture
def root(tmp_path: Path) -> Path:
    corpus.good(tmp_path)
    return tmp_path


def test_good_data_has_no_finding(root):
    report = check(find(root))
    assert report.ok
    assert not report.findings
    assert all(case.verdict == "ok" and not case.findings for case in report.cases)
    assert [case.case for case in report.cases if case.facts] == ["a", "b", "c", "u"]  # never of test cases


def test_corpus_has_at_least_150_bad_inputs():
    assert len(BAD) >= 150
    assert len({item.name for item in BAD}) == len(BAD)


@pytest.mark.parametrize("item", BAD, ids=lambda item: item.name)
def test_bad_input_gets_its_verdict(root, item):
    if item.level == "option":
        with pytest.raises(InputError, match=item.code):
            item.make(root)
        return
    item.make(root)
    if item.level == "refused":
        with pytest.raises(InputError, match=item.code):
            find(root)
        return
    report = check(find(root))
    found = [*report.findings, *(finding for case in report.cases for finding in case.findings)]
    assert (item.level, item.code) in {(finding.level, finding.code) for finding in found}, report.text()
    assert report.ok == (item.level != "error"), report.text()
    assert all(finding.fix and finding.message for finding in found)
    for case in report.cases:
        if case.verdict == "error":
            assert case.facts is None


def test_labels_of_unlabeled_cases_are_never_opened(root, monkeypatch):
    hidden = root / "labels" / "b.nii.gz"
    opened: list[str] = []

    def spy(original):
        def call(file, *args, **kwargs):
            opened.append(str(file))
            return original(file, *args, **kwargs)

        return call

    monkeypatch.setattr(builtins, "open", spy(builtins.open))
    monkeypatch.setattr(io, "open", spy(io.open))
    split = Split(labeled=("a",), unlabeled=("b", "c", "u"), test=("t",))
    report = check(find(root), split)
    assert report.ok
    assert str(root / "labels" / "a.nii.gz") in opened  # the spy sees what is opened
    assert str(hidden) not in opened
    hidden.write_bytes(b"poison")
    assert check(find(root), split) == report


def test_workers_change_nothing(root):
    (root / "images" / "b.nii.gz").write_bytes(b"")
    seen: list[tuple[int, int]] = []
    alone, together = check(find(root)), check(find(root), workers=2, progress=lambda *done: seen.append(done))
    assert alone == together
    assert seen == [(index, 5) for index in range(1, 6)]


def test_report_reads_back_from_json_and_as_text(root):
    (root / "images" / "b.nii.gz").write_bytes(b"")
    report = check(find(root))
    assert CheckReport.model_validate_json(report.model_dump_json()) == report
    text = report.text()
    assert "error empty_file" in text
    assert "fix: Copy or download it again." in text
    assert "5 cases: 4 ok, 0 warning, 1 error." in text


def test_split_of_unknown_cases_is_refused(root):
    with pytest.raises(InputError, match="'nobody'"):
        check(find(root), Split(labeled=("a", "nobody")))


def test_errors_survive_the_way_between_processes():
    error = pickle.loads(pickle.dumps(ScanError("truncated", "It ends early.", "Copy again.")))
    assert (error.finding, str(error)) == ("truncated", "It ends early. Copy again.")


def test_facts_are_those_of_the_voxels(root):
    dataset = find(root)
    split = default_split(dataset)
    facts = [case.facts for case in check(dataset).cases if case.facts]
    print_ = fingerprint(dataset, split, facts)
    assert [case.name for case in print_.cases] == ["a", "b", "c", "u"]
    assert [info.name for info in print_.classes] == ["background", "one", "two"]
    image = np.asarray(nib.load(root / "images" / "a.nii.gz").dataobj).astype(float)
    first, label = print_.cases[0], corpus.box()
    assert first.voxels == {value: int((label == value).sum()) for value in (0, 1, 2)}
    assert first.channels[0].mean == pytest.approx(image.mean())
    assert first.channels[0].upper == pytest.approx(np.percentile(image, 99.5))
    assert first.foreground[0].std == pytest.approx(image[label > 0].std())
    assert print_.cases[3].voxels == {}


@pytest.mark.parametrize("value", [1e7, -1e7])
def test_a_voxel_gone_wrong_moves_no_mean_and_no_spread(root, value):
    """Else a scan with a hot voxel would be said to be unlike all that a model was trained on."""
    path = root / "images" / "a.nii.gz"
    plain = facts_of_first(root)
    values = np.asarray(nib.load(path).dataobj).astype(np.float32)
    values[3, 4, 5] = value
    corpus.save(path, values)
    hot = facts_of_first(root)
    assert hot.mean == pytest.approx(plain.mean, abs=0.01 * plain.std)
    assert hot.std == pytest.approx(plain.std, rel=0.01)
    assert max(abs(hot.minimum), hot.maximum) == 1e7  # what the file holds is still said


def facts_of_first(root):
    """What is measured on the first channel of the case a."""
    return next(case.facts.channels[0] for case in check(find(root)).cases if case.case == "a")


def test_classes_are_those_found_where_none_are_named(root):
    (root / "dataset.json").unlink()
    dataset = find(root)
    facts = [case.facts for case in check(dataset).cases if case.facts]
    classes = fingerprint(dataset, default_split(dataset), facts).classes
    assert [(info.name, info.value) for info in classes] == [("background", 0), ("class 1", 1), ("class 2", 2)]


def test_ignored_voxels_are_no_foreground(root):
    content = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    content["labels"]["ignore"] = 3
    corpus.describe(root, content)
    label = corpus.box()
    label[0] = 3
    corpus.save(root / "labels" / "a.nii.gz", label)
    image = np.asarray(nib.load(root / "images" / "a.nii.gz").dataobj).astype(float)
    report = check(find(root))
    assert report.ok
    (facts,) = (case.facts for case in report.cases if case.case == "a")
    assert facts.foreground[0].mean == pytest.approx(image[(label > 0) & (label < 3)].mean())


@pytest.mark.parametrize("name", ["hippocampus", "left-atrium"])
@pytest.mark.slow
def test_real_data_is_ok(data, name):
    report = check(find(data / name), workers=2)
    assert report.ok, report.text()
