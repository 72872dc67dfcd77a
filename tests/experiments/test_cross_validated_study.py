"""A study without test cases cross-validates: folds are pooled, and a study of one half of them is not reported."""

import pytest

from semivox.core.errors import InputError
from semivox.experiments import runner, study
from semivox.experiments.collect import collect, unfinished
from semivox.experiments.record import load_record
from semivox.experiments.study_file import CaseChoice
from semivox.reports.study import report_study
from tests.experiments.here import Here
from tests.experiments.tiny import STUDY, wait_for_nobody
from tests.reports.parsed_page import Page

FOLDS = STUDY.model_copy(update={"cases": CaseChoice(labeled=(3,), folds="auto")})


pytestmark = pytest.mark.usefixtures("quick", "undrawn")


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(4, 0, 0)


@pytest.fixture(scope="module")
def finished(scans, tmp_path_factory):
    out = tmp_path_factory.mktemp("studies") / "study"
    with pytest.MonkeyPatch.context() as patch:
        wait_for_nobody(patch)
        assert study.run_study(FOLDS, scans, scans, out, engine=Here()).done == 6
    return out


def test_each_labeled_case_is_scored_once_by_a_model_that_did_not_see_it(finished):
    results = collect(finished)
    assert results.record.scored_on == "cross-validation"
    for group in results.groups:
        (run,) = group.runs.values()
        assert sorted(run.scored) == sorted(run.split.labeled)
        assert len(run.folders) == len(run.costs) == 3
        for case in run.scored:
            trained = load_split(run.folder_of(case))
            assert case in trained.test
            assert case not in (*trained.labeled, *trained.unlabeled)
    found = results.comparisons("labeled-3", "dice")["mean_teacher"]
    assert (found.cases, found.verdict) == (3, "inconclusive")


def load_split(run):
    from semivox.core.split import Split

    return Split.load(run / "split.json")


def test_the_page_says_that_folds_share_training_scans(finished):
    page = Page(report_study(finished).read_text(encoding="utf-8"))
    assert "trained on partly the same scans" in page.text
    assert "Scored by 3-fold cross-validation, all folds pooled." in page.text
    assert "hardly found" in page.text  # two steps teach nothing
    assert ",cross-validation,3," in (finished / "report" / "table.csv").read_text(encoding="utf-8")


def test_a_fold_that_is_missing_keeps_its_method_out_of_the_tables(finished):
    scores = finished / "labeled-3/draw-0/folds/1/seed-1/mean_teacher/scores.json"
    content = scores.read_bytes()
    scores.unlink()
    try:
        assert unfinished(finished, load_record(finished)) == ["labeled-3/draw-0/folds/1/seed-1/mean_teacher"]
        assert [group.arm.name for group in collect(finished).groups] == ["supervised"]
    finally:
        scores.write_bytes(content)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ({"labeled": (3,), "folds": 4}, "4 folds need labeled scans of as many patients"),
        ({"labeled": (1,), "folds": "auto"}, "at least two patients"),
        ({"labeled": (3,)}, 'or folds = "auto" for cross-validation'),
    ],
)
def test_what_cannot_be_cross_validated_is_refused_before_anything_is_done(scans, tmp_path, cases, said):
    asked = STUDY.model_copy(update={"cases": CaseChoice(**cases)})
    with pytest.raises(InputError, match=said):
        study.run_study(asked, scans, scans, tmp_path / "study", engine=Here())
    assert not (tmp_path / "study").exists()


def test_folds_and_test_cases_exclude_each_other():
    with pytest.raises(ValueError, match="both say what is scored"):
        CaseChoice(labeled=(3,), test=1, folds=2)


def test_a_stopped_study_of_folds_does_only_what_is_left(finished, scans):
    engine = Here()
    (finished / "labeled-3/draw-0/folds/2/seed-1/supervised/scores.json").unlink()
    assert study.run_study(FOLDS, scans, scans, finished, engine=engine).done == 6
    assert engine.started == ["labeled-3/draw-0/folds/2/seed-1/supervised"]
    assert runner.POLL == 0.0
