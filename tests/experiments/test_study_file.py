"""A study file says everything once, and refuses what it does not know."""

import re

import pytest

from semivox.core.errors import InputError
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.study_text import load_study_file
from tests.experiments.study_files import TEXT, study_file_of


def test_single_keys_are_set_from_the_command_line(tmp_path):
    plain = study_file_of(tmp_path, TEXT)
    sets = ["plan.steps=7", "cases.labeled=3,5", "options.network.rate=0.5", 'methods=["supervised", "ua_mt"]']
    study_file = load_study_file(tmp_path / "study.toml", sets)
    assert study_file.plan.steps == 7
    assert study_file.plan.patch == plain.plan.patch
    assert study_file.cases.labeled == (3, 5)
    assert study_file.options == {"decay": 0.9, "network": {"rate": 0.5}}
    assert study_file.methods == ("supervised", "ua_mt")


def test_one_name_or_number_stands_for_a_list_of_one(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('methods = "ua-mt"\nseeds = [7]\n[cases]\nlabeled = 4\nexclude = "a"')
    study_file = load_study_file(path)
    assert (study_file.methods, study_file.seeds, study_file.cases.labeled, study_file.cases.exclude) == (
        ("ua_mt",),
        (7,),
        (4,),
        ("a",),
    )
    assert load_study_file(path, ("cases.labeled=8",)).cases.labeled == (8,)


@pytest.mark.parametrize(
    ("wrong", "said"), [("plan.step=7", "did you mean 'steps'"), ("plan", "key=value"), ("a..b=1", "key=value")]
)
def test_a_wrong_key_from_the_command_line_is_refused(tmp_path, wrong, said):
    study_file_of(tmp_path, TEXT)
    with pytest.raises(InputError, match=said):
        load_study_file(tmp_path / "study.toml", [wrong])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("methods = [", "is not TOML"),
        ("methods = []", "needs 1 or more"),
        ('methods = ["supervised"]\nseedz = [1]', "did you mean 'seeds'"),
        ('methods = ["supervised"]\n[cases]\nlabelled = [4]', "did you mean 'labeled'"),
        ('methods = ["supervised"]\n[plan]\nstep = 4', "did you mean 'steps'"),
        ('methods = ["supervised"]\n[train]\nseed = 4', "seeds = "),
        ('methods = ["supervised"]\n[train]\nsteps = 4', "under .plan."),
        ('methods = ["supervised"]\n[train]\nclipp = 4', "clipp"),
        ('methods = ["supervised"]\n[method.ua_mt]\noptions.passes = 4', "not among the methods"),
        ('methods = ["ua_mt"]\n[method.ua_mt]\nablation = ["one pass"]', "did you mean 'ablations'"),
        ('methods = ["supervised"]\nseeds = [1, 1]', "different"),
        (
            'methods = ["supervised"]\nseeds = 3',
            r"seeds = \[3\] for one run with the seed 3, or such as seeds = \[1, 2, 3\]",
        ),
        ('methods = ["supervised"]\n[cases]\nlabeled = [0]', "at least 1"),
        ('methods = ["supervised"]\n[cases]\ndraws = 2', "need labeled"),
        ('methods = ["supervised"]\n[cases]\nsplit = "a.json"\ntest = 2', "itself"),
    ],
)
def test_a_wrong_study_file_is_refused_with_what_would_be_right(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        study_file_of(tmp_path, text)


def test_what_a_study_says_elsewhere_is_not_offered_under_train(tmp_path):
    """``seed`` and ``steps`` would be refused there in the next moment."""
    for word in ("clipp", "stepz", "sed"):
        with pytest.raises(InputError) as refused:
            study_file_of(tmp_path, f'methods = ["supervised"]\n[train]\n{word} = 4')
        offered = str(refused.value).partition("choose from ")[2].split(", ")
        assert "clip" in offered
        assert not {"seed", "steps"} & {*offered, *re.findall("did you mean '(.*?)'", str(refused.value))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('methods = ["magic"]', "choose from supervised"),
        ('methods = ["ua_mt"]\n[method.ua_mt]\noptions.pases = 4', "did you mean 'passes'"),
        ('methods = ["ua_mt"]\n[method.ua_mt]\nablations = ["two"]', "'one pass'"),
        ('methods = ["ua_mt"]\n[options]\npases = 4', "no method of the study has the option 'pases'"),
    ],
)
def test_wrong_methods_options_and_ablations_are_refused(tmp_path, text, message):
    study_file = study_file_of(tmp_path, text)
    with pytest.raises(InputError, match=message):
        _ = [config_of(study_file, arm, 1, 0) for arm in arms_of(study_file)]
