"""A study file becomes the runs it names: every method beside a twin with its network."""

import re

import pytest

from semivox.core.errors import InputError
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.labeled_sets import labeled_sets_of
from semivox.experiments.runs import run_named, runs_of
from semivox.experiments.study_file import CaseChoice, StudyFile
from tests.experiments.study_files import NAMES, TEXT, UXNET, WIDER, dataset_of, study_file_of


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


def networks(**wanted):
    """The arms of methods with networks of their own."""
    study_file = StudyFile(methods=tuple(wanted), method=wanted, cases=CaseChoice(labeled=(1,), test=1))
    return {arm.name: arm for arm in arms_of(study_file)}


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


def test_where_all_are_labeled_only_methods_that_need_no_unlabeled_scan_run(tmp_path):
    study_file = StudyFile(methods=("ua_mt",), cases=CaseChoice(labeled=(9,), test=3))
    labeled_sets = labeled_sets_of(study_file.cases, dataset_of(tmp_path, NAMES), tmp_path)
    assert [run.arm.name for run in runs_of(study_file, labeled_sets)] == ["supervised"]
