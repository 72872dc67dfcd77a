"""What a study has done must be what its study file still asks for; a study file may grow."""

import json

import pytest

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.experiments.runs import runs_of
from semivox.experiments.unchanged import changed_parts, check_unchanged
from tests.experiments import made

FOUR = {"labeled": [4], "test": 12}
SPLIT = Split(
    labeled=tuple(f"l0_{index}" for index in range(4)),
    unlabeled=tuple(f"u_{index}" for index in range(16)),
    test=made.CASES,
)
UA_MT = "labeled-4/draw-0/seed-1/ua_mt"


def study_file(**changes):
    return made.study_file(**({"cases": FOUR} | changes))


def compare(out, asked, split=SPLIT):
    """The study in ``out`` with the study file and the labeled set that it is asked to go on with."""
    sets = [made.labeled_set("labeled-4", 0, split)]
    check_unchanged(out, asked, sets, runs_of(asked, sets))


@pytest.fixture
def study(tmp_path):
    out = made.study(tmp_path / "study", study_file())
    SPLIT.save(out / "labeled-4" / "draw-0" / "split.json")
    made.PLAN.save(out / "labeled-4" / "draw-0" / "plan.json")
    return out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"network": {"rate": 0.5}}}, "supervised: options.network.rate: was"),
        ({"train": {"clip": 1.0}}, r"ua_mt: train.clip: was 12.0, is 1.0"),
        ({"train": {"augmentation": "none"}}, "train.augmentation: was None, is none"),
        ({"method": {"ua_mt": {"options": {"passes": 8}}}}, rf"{UA_MT}: options.passes: was 4, is 8"),
        ({"method": {"ua_mt": {"labeled_per_step": 3}}}, "train.labeled_per_step: was None, is 3"),
        (
            {"method": {"ua_mt": {"network": {"name": "unet3d"}, "options": {"passes": 4}}}},
            "network.name: was vnet, is",
        ),
    ],
)
def test_finished_runs_refuse_a_study_file_that_asks_something_else_of_them(study, changes, said):
    compare(study, study_file())
    with pytest.raises(InputError, match=said) as error:
        compare(study, study_file(**({"method": {"ua_mt": {"options": {"passes": 4}}}} | changes)))
    assert error.value.code == 2


def test_a_study_file_may_grow_and_shrink(study):
    more = {"ua_mt": {"options": {"passes": 4}, "ablations": "all"}, "mc_net": {"options": {"decay": 0.5}}}
    compare(
        study, study_file(methods=("supervised", "ua_mt", "mean_teacher", "mc_net"), method={"ua_mt": more["ua_mt"]})
    )
    compare(study, study_file(seeds=(1, 2), method={"ua_mt": {"options": {"passes": 4}}}))
    compare(study, study_file(methods=("mean_teacher",), method={}))


def test_what_changes_no_number_may_change(study):
    own = {"ua_mt": {"options": {"passes": 4}}}
    compare(
        study, study_file(method=own, train={"workers": 1, "save_every": 9.0, "tensorboard": True, "device": "cpu"})
    )
    (study / UA_MT / "done").unlink()  # one that would be resumed on another device is no longer the same run
    with pytest.raises(InputError, match=r"train\.device: was auto, is cpu"):
        compare(study, study_file(method=own, train={"device": "cpu"}))


def test_an_option_of_a_later_version_counts_with_its_default(study):
    path = study / UA_MT / "config.json"
    content = json.loads(path.read_text())
    del content["options"]["decay"], content["train"]["tensorboard"]
    path.write_text(json.dumps(content))
    compare(study, study_file())
    content["options"]["was_taken_out"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"options.was_taken_out: was 1, is None"):
        compare(study, study_file())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test": made.CASES[:5]}, "labeled-4/draw-0: other test cases"),
        ({"validation": ("v",)}, "other validation cases"),
        ({"labeled": SPLIT.labeled[::-1]}, "other labeled cases"),
        ({"unlabeled": SPLIT.unlabeled[1:]}, "other unlabeled cases"),
    ],
)
def test_labeled_sets_refuse_other_cases(study, change, said):
    other = Split(**{**SPLIT.model_dump(), **change})
    with pytest.raises(InputError, match=said):
        compare(study, study_file(), other)


def test_labeled_sets_that_left_the_study_file_must_be_scored_on_the_same_cases(study):
    left = study / "labeled-2" / "draw-0"
    left.mkdir(parents=True)
    Split(labeled=("a", "b"), test=made.CASES).save(left / "split.json")
    compare(study, study_file())
    Split(labeled=("a", "b"), test=made.CASES[1:]).save(left / "split.json")
    with pytest.raises(InputError, match="labeled-2/draw-0: other test cases"):
        compare(study, study_file())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"test": 5}, ["cases.test"]),
        ({"validation": 2}, ["cases.validation"]),
        ({"order": "order.txt"}, ["cases.order"]),
        ({"draw_seed": 1}, ["cases.draw_seed"]),
        ({"exclude": ["x"]}, ["cases.exclude"]),
        ({"test": 0, "folds": 3}, ["cases.test", "cases.folds"]),
        ({"labeled": [4, 8], "draws": 3}, []),
        ({"exclude": []}, []),
    ],
)
def test_choices_of_cases_that_decide_who_is_scored_may_not_change(changes, said):
    assert changed_parts(study_file(), study_file(cases=FOUR | changes)) == said


def test_a_study_file_may_move_with_its_files():
    before, now = ({"labeled": [4], "split": split} for split in ("../splits/hc.json", "/other/place/hc.json"))
    assert changed_parts(study_file(cases=before), study_file(cases=now)) == []
    assert changed_parts(study_file(cases=before), study_file(cases=now | {"split": "la.json"})) == ["cases.split"]
