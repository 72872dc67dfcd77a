"""A study file says everything once, refuses what it does not know, and becomes the runs it names."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.split import Split
from semivox.data.dataset import CaseFiles, Dataset
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.labeled_sets import labeled_sets_of, permuted
from semivox.experiments.runs import run_named, runs_of
from semivox.experiments.study_file import CaseChoice, StudyFile
from semivox.experiments.study_text import load_study_file

TEXT = """
methods = ["supervised", "mean-teacher", "ua_mt"]
seeds = [1, 2]

[cases]
labeled = [2, 4]
draws = 2
test = 3
validation = 1

[plan]
steps = 5
patch = [16, 16, 8]

[options]
decay = 0.9
network.rate = 0.01

[method.ua_mt]
ablations = ["one pass"]
options.passes = 4
"""


def study_file_of(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_study_file(path)


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


def dataset_of(tmp_path, names, bare=(), groups=None):
    entries = tuple(
        CaseFiles(
            name,
            (tmp_path / f"{name}.nii",),
            None if name in bare else tmp_path / f"{name}_label.nii",
            None,
            (groups or {}).get(name),
        )
        for name in sorted(names)
    )
    return Dataset(tmp_path, "folders", entries, ("CT",), (ClassInfo(name="background", value=0),))


NAMES = [f"case_{index:02d}" for index in range(12)]


def test_a_study_file_becomes_every_method_in_every_labeled_set_draw_and_seed(tmp_path):
    study_file = study_file_of(tmp_path, TEXT)
    labeled_sets = labeled_sets_of(study_file.cases, dataset_of(tmp_path, NAMES), tmp_path)
    runs = runs_of(study_file, labeled_sets)
    assert [arm.name for arm in arms_of(study_file)] == ["supervised", "mean_teacher", "ua_mt", "ua_mt~one-pass"]
    assert len(runs) == len({run.name for run in runs}) == 2 * 2 * 2 * 4
    assert runs[0].name == "labeled-2/draw-0/seed-1/supervised"
    assert all(run_named(study_file, run.name) == run for run in runs)
    with pytest.raises(InputError, match="no run"):
        run_named(study_file, "labeled-2/draw-0/seed-1/cct")


def test_all_runs_of_a_seed_are_asked_the_same_but_for_what_the_method_has_of_its_own(tmp_path):
    study_file = study_file_of(tmp_path, TEXT)
    configs = {arm.name: config_of(study_file, arm, 2, 0) for arm in arms_of(study_file)}
    assert len({config.train for config in configs.values()}) == 1
    assert configs["supervised"].train.seed == 2
    assert {config.options["network"]["rate"] for config in configs.values()} == {0.01}
    assert configs["mean_teacher"].options["decay"] == configs["ua_mt"].options["decay"] == 0.9
    assert configs["ua_mt"].options["passes"] == 4
    assert {arm.name: arm.own(study_file) for arm in arms_of(study_file)}["ua_mt"] == ("passes 4",)


def test_every_method_has_a_supervised_twin_with_its_own_network(tmp_path):
    text = 'methods = ["mean_teacher", "ua_mt"]\n[method.ua_mt.network]\nname = "unet3d"\n'
    arms = {arm.name: arm for arm in arms_of(study_file_of(tmp_path, text))}
    assert list(arms) == ["supervised", "supervised~unet3d", "mean_teacher", "ua_mt"]
    assert arms["mean_teacher"].twin == "supervised"
    assert arms["ua_mt"].twin == "supervised~unet3d"
    assert arms["supervised~unet3d"].network == arms["ua_mt"].network
    assert arms["supervised"].twin is None


def test_a_twin_with_its_own_network_is_optimized_as_the_method_beside_it(tmp_path):
    text = (
        'methods = ["mean_teacher", "ua_mt"]\n[options.network]\nkind = "sgd"\nrate = 0.01\n'
        '[method.ua_mt]\nnetwork = {name = "unet3d"}\noptions.network = {kind = "adam", rate = 1e-4}\n'
    )
    study_file = study_file_of(tmp_path, text)
    optimized = {arm.name: config_of(study_file, arm, 1, 0).options["network"] for arm in arms_of(study_file)}
    assert optimized["supervised"] == optimized["mean_teacher"]
    assert optimized["supervised~unet3d"] == optimized["ua_mt"]
    assert optimized["ua_mt"]["kind"] == "adam"
    assert optimized["supervised"]["kind"] == "sgd"


def test_folds_of_a_study_keep_patients_together_and_are_the_same_for_all_seeds(tmp_path):
    groups = {name: f"patient {index // 2}" for index, name in enumerate(NAMES)}
    study_file = study_file_of(
        tmp_path, 'methods = ["ua_mt"]\nseeds = [1, 2]\n[cases]\nlabeled = [8]\nfolds = "auto"\n'
    )
    (chosen,) = labeled_sets_of(study_file.cases, dataset_of(tmp_path, NAMES, groups=groups), tmp_path)
    assert [part.fold for part in chosen.parts] == [0, 1, 2]
    assert sorted(name for part in chosen.parts for name in part.split.test) == sorted(chosen.split.labeled)
    for part in chosen.parts:
        trained = {groups[name] for name in (*part.split.labeled, *part.split.unlabeled)}
        assert not trained & {groups[name] for name in part.split.test}
    runs = runs_of(study_file, (chosen,))
    assert len(runs) == 2 * 3 * 2
    assert runs[0].name == "labeled-8/draw-0/folds/0/seed-1/supervised"
    assert all(run_named(study_file, run.name) == run for run in runs)


def networks(**wanted):
    """The arms of methods with networks of their own."""
    study_file = StudyFile(methods=tuple(wanted), method=wanted, cases=CaseChoice(labeled=(1,), test=1))
    return {arm.name: arm for arm in arms_of(study_file)}


UXNET = {"network": {"name": "uxnet"}, "options": {"network": {"kind": "adam", "rate": 1e-4}}}
WIDER = {"network": {"name": "uxnet", "options": {"width": 8}}}


def test_twins_are_named_by_what_they_are_whatever_other_methods_there_are():
    alone = networks(ua_mt=UXNET)
    for arms in (networks(caml=WIDER, ua_mt=UXNET), networks(ua_mt=UXNET, caml=WIDER)):
        assert arms["ua_mt"].twin == alone["ua_mt"].twin == "supervised~uxnet"
        assert arms["supervised~uxnet"] == alone["supervised~uxnet"]
        assert arms["caml"].twin == networks(caml=WIDER)["caml"].twin == "supervised~uxnet-width-8"
        assert arms["supervised~uxnet-width-8"].network == arms["caml"].network
    many = {"network": {"name": "uxnet", "options": {"features": list(range(40))}}}
    assert len(networks(caml=many)["caml"].twin) < 30


def test_methods_with_one_network_and_one_optimizer_share_a_twin_and_others_do_not():
    shared = networks(ua_mt=UXNET, mean_teacher=UXNET)
    assert list(shared) == ["supervised~uxnet", "ua_mt", "mean_teacher"]
    plain = {"network": {"name": "uxnet"}}
    for arms in (networks(ua_mt=UXNET, caml=plain), networks(caml=plain, ua_mt=UXNET)):
        assert len(arms) == 4
        assert arms["ua_mt"].twin != arms["caml"].twin  # neither has the name that one of them would have alone
        assert all(re.fullmatch(r"supervised~uxnet-[0-9a-f]{8}", arms[name].twin) for name in ("ua_mt", "caml"))
        assert arms[arms["ua_mt"].twin].optimizer == {"kind": "adam", "rate": 1e-4}
        assert arms[arms["caml"].twin].optimizer is None


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


def test_labeled_sets_are_nested_and_scored_cases_fixed(tmp_path):
    choice = CaseChoice(labeled=(4, 2), draws=3, test=3, validation=1)
    labeled_sets = labeled_sets_of(choice, dataset_of(tmp_path, NAMES), tmp_path)
    assert [chosen.folder for chosen in labeled_sets][:3] == [
        "labeled-2/draw-0",
        "labeled-4/draw-0",
        "labeled-2/draw-1",
    ]
    by_folder = {chosen.folder: chosen.split for chosen in labeled_sets}
    for draw in range(3):
        few, more = by_folder[f"labeled-2/draw-{draw}"], by_folder[f"labeled-4/draw-{draw}"]
        assert more.labeled[:2] == few.labeled
        for split in (few, more):
            assert split.test == tuple(NAMES[-3:])
            assert split.validation == (NAMES[-4],)
            assert sorted((*split.labeled, *split.unlabeled)) == NAMES[:8]
    assert by_folder["labeled-4/draw-0"].labeled == tuple(NAMES[:4])
    assert len({by_folder[f"labeled-4/draw-{draw}"].labeled for draw in range(3)}) == 3
    again = labeled_sets_of(choice, dataset_of(tmp_path, NAMES), tmp_path)
    assert again == labeled_sets


def test_an_order_file_decides_draw_0_and_a_split_gives_pool_and_test(tmp_path):
    dataset = dataset_of(tmp_path, NAMES)
    (tmp_path / "order.txt").write_text("\n".join([*reversed(NAMES), ""]))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,), order="order.txt", test=1), dataset, tmp_path)
    assert chosen.split.labeled == (NAMES[-1], NAMES[-2])
    assert chosen.split.test == (NAMES[0],)
    split = Split(labeled=("case_03",), unlabeled=("case_01", "case_05"), test=("case_07",))
    split.save(tmp_path / "hc-1.json")
    (chosen,) = labeled_sets_of(CaseChoice(split="hc-1.json"), dataset, tmp_path)
    assert (chosen.folder, chosen.split) == ("hc-1/draw-0", split)
    (chosen,) = labeled_sets_of(CaseChoice(split="hc-1.json", labeled=(2,)), dataset, tmp_path)
    assert chosen.split.labeled == ("case_03", "case_01")
    assert chosen.split.test == ("case_07",)


def test_cases_without_label_are_never_called_labeled_or_scored(tmp_path):
    dataset = dataset_of(tmp_path, NAMES, bare=("case_00", "case_11"))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,), test=("case_10",)), dataset, tmp_path)
    assert chosen.split.labeled == ("case_01", "case_02")
    assert {"case_00", "case_11"} <= set(chosen.split.unlabeled)
    with pytest.raises(InputError, match="case_11"):
        labeled_sets_of(CaseChoice(labeled=(2,), test=2), dataset, tmp_path)
    with pytest.raises(InputError, match="only 9"):
        labeled_sets_of(CaseChoice(labeled=(10,), test=("case_10",)), dataset, tmp_path)
    with pytest.raises(InputError, match="no test case"):
        labeled_sets_of(CaseChoice(labeled=(2,)), dataset, tmp_path)
    with pytest.raises(InputError, match="held out"):
        labeled_sets_of(CaseChoice(labeled=(2,), test=12), dataset, tmp_path)


def test_excluded_cases_are_not_scored_and_must_exist(tmp_path):
    dataset = dataset_of(tmp_path, NAMES)
    (tmp_path / "test.txt").write_text("case_04\ncase_03\n")
    for test in (("case_04", "case_03"), "test.txt"):
        choice = CaseChoice(labeled=(2,), exclude="case_04", test=test, validation=("case_05", "case_04"))
        (chosen,) = labeled_sets_of(choice, dataset, tmp_path)
        assert (chosen.split.test, chosen.split.validation) == (("case_03",), ("case_05",))
        assert "case_04" not in (*chosen.split.labeled, *chosen.split.unlabeled)
    with pytest.raises(InputError, match=r"no case 'case_4' .* excluded"):
        labeled_sets_of(CaseChoice(labeled=(2,), exclude="case_4", test=1), dataset, tmp_path)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ({"test": ("case_04",), "validation": ("case_04",)}, "'case_04' is in both 'validation' and 'test'"),
        ({"test": ("case_04", "case_04")}, "'case_04' is in both 'test' and 'test'"),
        ({"test": 1, "order": "order.txt"}, "'case_01' is in both 'labeled' and 'labeled'"),
    ],
)
def test_a_case_that_stands_twice_is_refused(tmp_path, cases, said):
    (tmp_path / "order.txt").write_text("case_01\ncase_01\ncase_02\ncase_03\n")
    with pytest.raises(InputError, match=said):
        labeled_sets_of(CaseChoice(labeled=(2,), **cases), dataset_of(tmp_path, NAMES), tmp_path)


def test_the_whole_pool_is_one_draw(tmp_path):
    """All draws of it would be the same labeled set."""
    choice = CaseChoice(labeled=(2, 8), draws=(1, 2, 3), test=3)
    found = labeled_sets_of(choice, dataset_of(tmp_path, NAMES, bare=("case_00",)), tmp_path)
    assert [chosen.folder for chosen in found] == [
        *("labeled-2/draw-1", "labeled-8/draw-1"),
        *("labeled-2/draw-2", "labeled-2/draw-3"),
    ]


def test_test_scans_without_label_are_not_trained_on(tmp_path):
    dataset = dataset_of(tmp_path, ["a", "b", "c", "t", "u"], bare=("c", "u"))
    parts = {"t": "test", "u": "test"}
    dataset = replace(dataset, entries=tuple(replace(e, part=parts.get(e.name)) for e in dataset.entries))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,)), dataset, tmp_path)
    assert chosen.split.unlabeled == ("c",)
    assert chosen.split.test == ("t",)


def test_patches_of_one_scan_stay_together_in_every_draw():
    groups = {name: name[:-1] for name in NAMES}
    for draw in range(5):
        order = permuted(NAMES, groups, 0, draw)
        assert sorted(order) == NAMES
        blocks = [groups[name] for name in order]
        assert len([1 for a, b in pairwise(blocks) if a != b]) == len(set(blocks)) - 1


def test_where_all_are_labeled_only_methods_that_need_no_unlabeled_scan_run(tmp_path):
    study_file = StudyFile(methods=("ua_mt",), cases=CaseChoice(labeled=(9,), test=3))
    labeled_sets = labeled_sets_of(study_file.cases, dataset_of(tmp_path, NAMES), tmp_path)
    assert [run.arm.name for run in runs_of(study_file, labeled_sets)] == ["supervised"]
