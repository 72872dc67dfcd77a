"""What stands before a study's runs: cases are checked once and again where some were added; one plan for all."""

import json
from contextlib import contextmanager

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.data.prepared.store import Store
from semivox.experiments import arrange
from semivox.experiments.experiment import study_experiment
from semivox.experiments.study_file import CaseChoice
from semivox.pipeline.progress import Quiet
from tests.experiments.tiny import STUDY

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Six scans without a description; the labels of all but the first hold a second class."""
    folder, random = tmp_path_factory.mktemp("data") / "scans", np.random.default_rng(0)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for index in range(6):
        label = np.zeros((20, 20, 16), np.uint8)
        label[4:9, 4:9, 4:9] = 1
        if index:
            label[11:16, 11:16, 8:12] = 2
        image = (label * 50 + random.normal(0, 5, label.shape)).astype(np.float32)
        for part, array in (("images", image), ("labels", label)):
            nib.save(nib.Nifti1Image(array, np.diag([4.0, 4.0, 4.0, 1.0])), folder / part / f"c{index}.nii.gz")
    return folder


@contextmanager
def arranged(scans, out, **cases):
    study_file = STUDY.model_copy(update={"cases": CaseChoice(**{"test": 2, **cases})})
    with arrange.arranged(study_experiment(study_file, scans, scans), out, Quiet()) as study:
        yield study


def classes(folder):
    return [info.value for info in Plan.load(folder / "plan.json").classes]


def test_classes_are_those_of_all_labeled_sets(scans, tmp_path):
    out = tmp_path / "study"
    with arranged(scans, out, labeled=(1, 3)) as study:
        assert [info.value for info in study.plan.classes] == [0, 1, 2]
    for count in (1, 3):
        assert classes(out / f"labeled-{count}" / "draw-0") == [0, 1, 2]
    prepared = Store(out / "labeled-3" / "draw-0" / "prepared")
    assert set(np.unique(prepared.case("c1", label=True).label)) == {0, 1, 2}


def test_a_class_that_a_later_labeled_set_shows_first_is_refused(scans, tmp_path):
    out = tmp_path / "study"
    with arranged(scans, out, labeled=(1,)):
        assert classes(out) == [0, 1]
    before = (out / "study.json").read_bytes()
    with pytest.raises(InputError, match=r"'c1' holds the value 2(.|\n)*Name all classes in dataset.json"):
        arranged(scans, out, labeled=(1, 2)).__enter__()
    assert (out / "study.json").read_bytes() == before
    with arranged(scans, out, labeled=(1,)):
        assert classes(out) == [0, 1]


def test_what_is_added_stands_in_the_record(scans, tmp_path):
    out = tmp_path / "study"
    with arranged(scans, out, labeled=(2,)):
        runs = [f"labeled-2/draw-0/seed-1/{arm}" for arm in ("supervised", "mean_teacher")]
        assert json.loads((out / "study.json").read_text())["runs"] == runs
    with arranged(scans, out, labeled=(2,), draws=2):
        assert len(json.loads((out / "study.json").read_text())["runs"]) == 4


def checked(scans, out, **cases):
    experiment = study_experiment(STUDY.model_copy(update={"cases": CaseChoice(**cases)}), scans, scans)
    found = arrange._checked(experiment, experiment.record(), out, Quiet())
    return found, experiment.labeled_sets


def test_cases_are_checked_once_and_again_where_one_was_added(scans, tmp_path):
    first, _ = checked(scans, tmp_path, labeled=(2, 3), test=2)
    written = (tmp_path / "check.json").stat().st_mtime_ns
    assert checked(scans, tmp_path, labeled=(2,), test=2)[0].report == first.report
    assert (tmp_path / "check.json").stat().st_mtime_ns == written
    for cases in ({"labeled": (4,), "test": 2}, {"labeled": (2,), "test": 1}, {"labeled": (2,), "test": 1}):
        again, (labeled_set,) = checked(scans, tmp_path, **cases)
        known = {case.case: case.facts for case in again.report.cases}
        assert all(known[name] is not None for name in (*labeled_set.split.labeled, *labeled_set.split.unlabeled))
        assert all(known[name].labeled for name in labeled_set.split.labeled)
