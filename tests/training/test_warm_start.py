"""Weights that are taken over have not seen what is to be scored, by whatever part it is scored in."""

import pytest

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.training.folder import RunFolder
from semivox.training.warm_start import require_unseen_by


@pytest.fixture
def run(tmp_path):
    """A run in a job, trained on ``a`` with its label and on ``b`` without."""
    folder = tmp_path / "job" / "mean_teacher"
    (folder / "model").mkdir(parents=True)
    Split(labeled=("a",), unlabeled=("b",), validation=("v",), test=("t",)).save(RunFolder(folder).split)
    return folder


@pytest.mark.parametrize("place", ["run", "job"])
@pytest.mark.parametrize("part", ["test", "validation"])
@pytest.mark.parametrize("name", "ab")
def test_what_was_trained_on_with_or_without_label_is_not_scored(run, place, part, name):
    split = Split.model_validate({"labeled": ("c",), part: (name, "z")})
    with pytest.raises(InputError, match=f"trained on 1 scan to be scored here, '{name}' among them"):
        require_unseen_by(run if place == "run" else run.parent, "mean_teacher", split)


def test_what_the_weights_were_scored_on_may_be_scored_again(run):
    require_unseen_by(run, "mean_teacher", Split(labeled=("a", "c"), validation=("v",), test=("t",)))


def test_of_a_model_without_its_run_nothing_is_known(run):
    RunFolder(run).split.unlink()
    require_unseen_by(run, "mean_teacher", Split(labeled=("c",), test=("a",)))
