"""What trainings warned of stands in the summary, of every fold, also where nothing could be scored."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from semivox.experiments.arms import Arm
from semivox.experiments.fitness import unfitness
from semivox.experiments.health import health_warnings, training_warnings
from semivox.experiments.provenance import Provenance
from semivox.experiments.runs import Place, Run
from semivox.experiments.summary import unscored
from semivox.reports.first_screen import first_screen
from semivox.training.folder import RunFolder

ARM = Arm(name="ua_mt", method="ua_mt", twin="supervised")
ABOUT = Provenance(
    semivox="0.1.0", dataset="hips", labeled=1, unlabeled=2, scored=0, scored_on="nothing", steps=10, seed=1,
    selection="last", spacing=(1.0, 1.0, 1.0), patch=(16, 16, 16), network="vnet", precision="32-true",
    augmentation="standard", plan="abc", split="def",
)  # fmt: skip


def warned(tmp_path, fold, code, text, arm=ARM):
    one = Run(Place("", 0, None, arm.name, fold), arm, 1)
    folder = RunFolder(tmp_path / one.name)
    folder.path.mkdir(parents=True)
    folder.warn(8, code, text)
    return one


def test_warnings_of_every_fold_are_told(tmp_path):
    runs = [warned(tmp_path, fold, f"code{fold}", f"trouble {fold}") for fold in (None, 0, 1, 2)]
    told = training_warnings(tmp_path, runs)
    assert [line.rpartition(": ")[2] for line in told] == [f"trouble {fold}" for fold in (None, 0, 1, 2)]
    assert "folds/2/ua_mt, step 8" in told[-1]


def test_a_job_that_was_scored_tells_them_beside_what_its_scores_show(tmp_path):
    runs = [warned(tmp_path, fold, f"code{fold}", f"trouble {fold}") for fold in (None, 1)]
    told = health_warnings(SimpleNamespace(folder=tmp_path, groups=()), runs)
    assert [line.rpartition(": ")[2] for line in told] == ["trouble None", "trouble 1"]


def test_a_job_that_could_score_nothing_tells_them_too(tmp_path):
    run = warned(tmp_path, None, "vanished_class", "the class 'a' has vanished")
    found = unscored(ABOUT, ARM, training_warnings(tmp_path, [run]))
    assert any("has vanished" in warning for warning in found.warnings)
    assert "has vanished" in found.text()


@pytest.mark.parametrize("fold", [None, 2])
def test_a_class_that_vanished_speaks_against_the_chosen_model_on_the_first_screen(tmp_path, fold):
    """Also where another arm lost it too, and is named first."""
    gone = f"a has vanished: {tmp_path.name}"
    other = ARM.model_copy(update={"name": "supervised", "method": "supervised"})
    runs = [warned(tmp_path, fold, "vanished_class", gone, arm) for arm in (other, ARM)]
    found = unscored(ABOUT, ARM, training_warnings(tmp_path, runs))
    for chosen in ("supervised", "ua_mt"):
        summary = found.model_copy(update={"chosen": chosen})
        assert gone in first_screen(summary, "job").unfit
        assert gone in summary.text()
    assert gone not in unfitness(found.model_copy(update={"chosen": "mt"}))
    harmless = warned(tmp_path, 5, "silent_term", "a term is silent")
    assert "silent" not in unfitness(unscored(ABOUT, ARM, training_warnings(tmp_path, [harmless])))


def test_a_class_that_came_back_is_told_as_such_and_no_longer_speaks_against_the_model(tmp_path):
    run = warned(tmp_path, None, "constant", "the network gives the same answer at every voxel")
    folder = RunFolder(tmp_path / run.name)
    for name in ("a", "b"):
        folder.warn(9, "vanished_class", f"{name} has vanished: nowhere", name)
    folder.warn(12, "returned_class", "a is drawn again: it was found nowhere from step 9 to 12", "a")
    told = training_warnings(tmp_path, [run])
    assert [line.partition(": ")[2].split(":")[0] for line in told] == [
        "the network gives the same answer at every voxel",
        "b has vanished",
        "a is drawn again",
    ]
    assert unfitness(unscored(ABOUT, ARM, told)).startswith("b has vanished")
    folder.warn(15, "vanished_class", "a has vanished: nowhere", "a")
    assert [line.partition(": ")[2] for line in training_warnings(tmp_path, [run])][-1] == "a has vanished: nowhere"
