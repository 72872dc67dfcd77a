"""A study's folder may hold more than its study file asks for, and less; the report says which."""

import json
import shutil

import pytest

from semivox.core.errors import InputError
from semivox.experiments.collect import collect, unfinished
from semivox.experiments.record import Record, load_record
from semivox.reports import study
from semivox.reports.study_warnings import study_warnings
from semivox.reports.table import lines_of
from semivox.training.model import ModelCard, model_digest
from tests.experiments import made

SMALL = {"methods": ("supervised", "mean_teacher"), "method": {}}


def small(**changes):
    return made.study_file(**(SMALL | changes))


def asked(folder, study_file, runs=()):
    """Let study.json hold this study file, and these names of runs."""
    Record(study_file=study_file, data="nowhere", files="0", runs=runs).save_in(folder)


def warnings(folder):
    results = collect(folder)
    return " ".join(study_warnings(results, lines_of(results)))


@pytest.fixture
def folder(tmp_path):
    return made.study(tmp_path / "study", small(cases={"labeled": [4, 8], "draws": 2, "test": 12}, seeds=(1, 2)))


def names_of(results):
    return {
        f"{group.labeled_set}/draw-{draw}/seed-{seed}/{group.arm.name}"
        for group in results.groups
        for draw, seed in group.runs
    }


def test_only_what_the_study_file_asks_for_is_reported(folder):
    assert len(names_of(collect(folder))) == 16
    asked(folder, small(cases={"labeled": [8], "draws": 1, "test": 12}, seeds=(2,)))
    arms = ("supervised", "mean_teacher")
    assert names_of(collect(folder)) == {f"labeled-8/draw-0/seed-2/{arm}" for arm in arms}
    kept = ("labeled-4/draw-1/seed-1/supervised",)
    asked(folder, small(cases={"labeled": [4, 8], "draws": 2, "test": 12}, seeds=(1, 2)), kept)
    assert names_of(collect(folder)) == set(kept)


@pytest.mark.parametrize("copy", ["labeled-8/draw-0-backup", "labeled-8/draw-0/seed-1 (old)", "labeled-8 old/draw-0"])
def test_copied_folders_are_passed_over(folder, copy):
    before = names_of(collect(folder))
    shutil.copytree(folder / "labeled-8" / "draw-0", folder / copy)
    assert names_of(collect(folder)) == before


def test_runs_that_are_due_are_missing_though_they_were_not_begun(folder):
    study_file = load_record(folder).study_file
    runs = tuple(sorted(names_of(collect(folder))))
    for name in ("labeled-4/draw-1/seed-2/mean_teacher", "labeled-8/draw-0/seed-1/mean_teacher"):
        shutil.rmtree(folder / name)
    (folder / "labeled-8/draw-0/seed-1/supervised/scores.json").unlink()
    assert unfinished(folder, load_record(folder)) == ["labeled-8/draw-0/seed-1/supervised"]
    asked(folder, study_file, runs)
    assert collect(folder).missing == 3
    assert "3 runs have no scores yet" in warnings(folder)
    assert "mean_teacher 2, supervised 1." in warnings(folder)


def test_a_study_whose_runs_are_all_due_says_that_none_is_finished(tmp_path):
    asked(tmp_path, small(cases={"labeled": [4], "test": 12}), ("labeled-4/draw-0/seed-1/supervised",))
    with pytest.raises(InputError, match="no finished run"):
        collect(tmp_path)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ({"labeled": [4], "test": 12}, "otherwise; give draws = 3 or more."),
        ({"labeled": [4], "draws": [2], "test": 12}, "otherwise; give draws = 3 or more."),
        (
            {"labeled": [4], "draws": 3, "test": 12},
            "otherwise; the study file asks for 3 draws, whose runs are not finished.",
        ),
        ({"labeled": [20], "test": 12}, ""),
    ],
)
def test_the_warning_about_one_draw_follows_what_the_study_file_asks(tmp_path, cases, said):
    whole = small(cases=cases)
    first = small(cases=cases | {"draws": whole.cases.draws[:1]})
    folder = made.study(tmp_path / "study", first)
    asked(folder, whole)
    assert ("these labeled cases only" in warnings(folder)) == bool(said)
    assert said in warnings(folder)


def test_a_split_by_itself_is_told_how_to_have_draws(folder):
    asked(folder, small(cases={"split": "some/labeled-8.json"}))
    assert "otherwise; give labeled = [how many] and draws = 3 or more." in warnings(folder)


def test_runs_that_are_not_what_the_study_file_says_are_named(folder):
    """As in folders of a version that let finished runs stand when their study file changed."""
    study_file = load_record(folder).study_file
    assert "another way" not in warnings(folder)
    asked(folder, study_file.model_copy(update={"options": {"network": {"rate": 0.5}}}))
    assert "labeled-4/draw-0/seed-1/supervised: options.network.rate: was " in warnings(folder)


def test_no_correction_is_named_where_nothing_is_compared(tmp_path):
    one = made.study_file(methods=("supervised",), method={}, cases={"labeled": [4], "test": 12})
    assert "Holm" not in study._note(lines_of(collect(made.study(tmp_path / "one", one))))
    two = made.study_file(methods=("mean_teacher", "ua_mt"), method={}, cases={"labeled": [4], "test": 12})
    assert "comparisons (Holm)." in study._note(lines_of(collect(made.study(tmp_path / "two", two))))


@pytest.mark.parametrize(("steps", "said"), [(7, None), (8, "holds scores of another model than")])
def test_scores_of_another_model_are_not_reported(folder, steps, said):
    """As where a run was copied into another's place, or trained again: the model is no longer that of the scores."""
    run = folder / "labeled-4" / "draw-0" / "seed-1" / "supervised"
    card = ModelCard(
        semivox="0.1.0", method="supervised", options={}, plan=made.PLAN, selection="last", steps=7, seed=1,
        weights="ab" * 32,
    )  # fmt: skip
    (run / "model").mkdir()
    card.save(run / "model" / "model.json")
    scores = json.loads((run / "scores.json").read_text())
    scores["made_from"] = {"t": {"prediction": "a", "reference": "b", "model": model_digest(run)}}
    (run / "scores.json").write_text(json.dumps(scores))
    card.model_copy(update={"steps": steps}).save(run / "model" / "model.json")
    if said is None:
        assert len(names_of(collect(folder))) == 16
    else:
        with pytest.raises(InputError, match=said) as error:
            collect(folder)
        assert str(run) in str(error.value)
