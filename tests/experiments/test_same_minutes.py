"""The two yardsticks of a gain: a twin that trained as long as its method, and all labels there are."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from semivox.cli import exit_code
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.experiments import same_minutes
from semivox.experiments.arms import arms_of
from semivox.experiments.collect import collect
from semivox.experiments.results import Results
from semivox.experiments.runs import runs_of
from semivox.experiments.study_file import CaseChoice, StudyFile
from semivox.reports.yardsticks import yardstick_table, yardsticks_of
from semivox.training import own_time
from tests.experiments import made
from tests.training import tiny

LONGER = "supervised~minutes-of-mean_teacher"
STUDY = """
methods = [{methods}]
same_minutes = true

[cases]
labeled = [1, "all"]

[plan]
spacing = [8.0, 8.0, 8.0]
patch = [16, 16, 8]
steps = 2

[plan.fields]
precision = "32-true"
channels_last = false
network = {{name = "vnet", options = {{width = 2}}}}

[train]
device = "cpu"
workers = 0
"""


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(2, 1, 1)


@pytest.fixture
def timed(monkeypatch):
    """Steps of a method take three times as long as the twin's; which were timed."""
    seen = []

    class Steps:
        def __init__(self, plan, config):
            self.method, self.steps = config.method, plan.steps

        def __enter__(self):
            seen.append(self.method)
            return self

        def __exit__(self, *exception):
            pass

        def __call__(self, one):
            return 0.1 if self.method == "supervised" else 0.3

    monkeypatch.setattr(same_minutes, "DrySteps", Steps)
    return seen


def asked(folder, *methods):
    path = folder / "study.toml"
    path.write_text(STUDY.format(methods=", ".join(map(repr, methods))))
    return path


@pytest.mark.usefixtures("quick", "undrawn")
def test_a_study_trains_the_twin_of_the_same_minutes_and_the_ceiling(scans, tmp_path, timed, capsys):
    out = tmp_path / "study"
    command = ["study", str(asked(tmp_path, "mean_teacher")), "--data", str(scans), "-o", str(out)]
    assert exit_code(command) == 0
    assert timed == ["mean_teacher", "supervised"]
    assert "so the twin of the same minutes trains 6 steps" in " ".join(capsys.readouterr().err.split())
    runs = out / "labeled-1" / "draw-0" / "seed-1"
    assert {path.name for path in runs.iterdir() if path.is_dir()} == {"supervised", "mean_teacher", LONGER}
    assert Plan.load(runs / LONGER / "plan.json").steps == 6
    assert Plan.load(runs / "supervised" / "plan.json").steps == 2
    assert (out / "labeled-all" / "draw-0" / "seed-1" / "supervised" / "scores.json").exists()
    assert exit_code(["report", str(out)]) == 0
    with (out / "report" / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows = {(row["setting"], row["arm"], row["score"]): row for row in csv.DictReader(stream)}
    own = rows["labeled-1", "mean_teacher", "dice"]
    dice = {key: float(row["mean"]) for key, row in rows.items() if key[2] == "dice"}
    longer = dice["labeled-1", "mean_teacher", "dice"] - dice["labeled-1", LONGER, "dice"]
    all_labels = dice["labeled-all", "supervised", "dice"] - dice["labeled-1", "supervised", "dice"]
    assert float(own["same_minutes_difference"]) == pytest.approx(longer, abs=1e-9)
    assert float(own["all_labels_gain"]) == pytest.approx(all_labels, abs=1e-9)
    assert rows["labeled-1", LONGER, "dice"]["its_own"] == "6 steps, the minutes of mean_teacher"
    assert rows["labeled-1", LONGER, "dice"]["verdict"] == ""  # no unlabeled scan, so no verdict on them
    assert "What the gain is worth" in (out / "report" / "report.html").read_text(encoding="utf-8")
    assert "What the gain is worth" in (out / "report" / "table.md").read_text(encoding="utf-8")

    timed.clear()
    finished = (runs / LONGER / "scores.json").stat().st_mtime_ns
    assert exit_code(command) == 0
    assert timed == []  # kept: a second timing would ask for other steps
    asked(tmp_path, "mean_teacher", "cps")
    assert exit_code(command) == 0
    assert timed == ["cps", "supervised"]
    assert json.loads((out / "study.json").read_text())["grid"]["same_minutes"] == {"mean_teacher": 6, "cps": 6}
    assert (runs / LONGER / "scores.json").stat().st_mtime_ns == finished


@pytest.mark.usefixtures("quick")
def test_steps_that_the_study_file_names_are_taken_and_nothing_is_timed(scans, tmp_path, timed):
    path, out = asked(tmp_path, "mean_teacher"), tmp_path / "study"
    text = path.read_text()
    path.write_text(text.replace("same_minutes = true", "same_minutes = {mean-teacher = 3}").replace(', "all"', ""))
    assert exit_code(["study", str(path), "--data", str(scans), "-o", str(out)]) == 0
    assert Plan.load(out / "labeled-1" / "draw-0" / "seed-1" / LONGER / "plan.json").steps == 3
    assert timed == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("same_minutes = {ua_mt = 3}", "same_minutes names ua_mt"),
        ("same_minutes = {mean_teacher = 0}", "same_minutes"),
        ("same_minutes = 3", "same_minutes"),
    ],
)
def test_a_wrong_wish_is_refused_before_any_work(scans, tmp_path, capsys, line, said):
    path, out = asked(tmp_path, "mean_teacher"), tmp_path / "study"
    path.write_text(path.read_text().replace("same_minutes = true", line))
    assert exit_code(["study", str(path), "--data", str(scans), "-o", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_all_labels_and_their_number_are_one_labeled_set(scans, tmp_path, capsys):
    path, out = asked(tmp_path, "mean_teacher"), tmp_path / "study"
    path.write_text(path.read_text().replace('[1, "all"]', '[2, "all"]'))
    assert exit_code(["study", str(path), "--data", str(scans), "-o", str(out)]) == 2
    assert '"all", and 2 cases are all there are' in capsys.readouterr().err
    path.write_text(path.read_text().replace('[2, "all"]', '[1, "every"]'))
    assert exit_code(["study", str(path), "--data", str(scans), "-o", str(out)]) == 2
    assert not out.exists()


def test_the_fastest_of_each_decide_and_warming_up_does_not_count():
    slower = iter([0.1, 9.0, 6.0, 8.0, 7.0, 6.5, 9.0, 9.0])
    faster = iter([0.1, 3.0, 2.0, 9.0, 9.0, 2.5, 2.5, 2.5])
    assert same_minutes.in_turn(lambda: next(slower), lambda: next(faster), lambda done, total: None) == 3.0


def test_both_are_timed_with_the_threads_that_find_a_core(monkeypatch, timed):
    """A ratio of steps with two threads and steps with one would be of no use."""
    seen, before = [], torch.get_num_threads()
    monkeypatch.setattr(own_time, "_sampled", lambda: torch.get_num_threads() > 1)
    monkeypatch.setattr(same_minutes, "in_turn", lambda slower, faster, count: seen.append(torch.get_num_threads()))
    file = StudyFile.model_validate({"methods": ["mean_teacher"], "train": {"device": "cpu"}})
    arms = {arm.name: arm for arm in arms_of(file)}
    wanted = SimpleNamespace(study_file=file)
    torch.set_num_threads(4)
    try:
        same_minutes._times_slower(wanted, arms["mean_teacher"], arms["supervised"], tiny.plan(), lambda *both: None)
    finally:
        torch.set_num_threads(before)
    assert seen == [1]
    assert timed == ["mean_teacher", "supervised"]


def with_ceiling(folder):
    """Twenty labels of twenty are a ceiling in the made-up study: the second labeled set."""
    cases = CaseChoice(labeled=(4, 20), draws=(0, 1, 2), test=12)
    file = made.study_file(methods=("mean_teacher", "ua_mt"), method={}, cases=cases)
    late = [f"labeled-20/draw-{draw}/seed-1/{arm}" for draw in (1, 2) for arm in made.GAINS]
    return collect(made.study(folder, file, late))


def test_a_share_of_the_ceiling_is_told_where_the_ceiling_is_decided(tmp_path):
    results = with_ceiling(tmp_path / "study")
    found = yardsticks_of(results, "labeled-4", results.comparisons("labeled-4", "dice"))
    assert set(found) == {"mean_teacher", "ua_mt"}
    gain = results.to_ceiling("labeled-4", "dice")["supervised"]
    ceiling, *others = (group for group in results.groups if group.arm.name == "supervised" and group.labeled == 20)
    assert not others
    (small,) = (group for group in results.groups if group.arm.name == "supervised" and group.labeled == 4)
    (best,) = (np.mean([row.dice for row in rows]) for rows in ceiling.scores.values())
    drawn = [np.mean([row.dice for row in rows]) for rows in small.scores.values()]
    assert len(drawn) == 3  # the ceiling has one draw, and stands beside each of them
    assert gain.difference == pytest.approx(best - np.mean(drawn), abs=1e-9)
    share = found["mean_teacher"].share
    assert share == pytest.approx(results.comparisons("labeled-4", "dice")["mean_teacher"].difference / gain.difference)
    assert found["ua_mt"].share < 0
    table = yardstick_table(found)
    assert [row[3] for row in table.rows] == [f"{100 * share:.0f} %", f"{100 * found['ua_mt'].share:.0f} %"]
    assert results.to_ceiling("labeled-20", "dice") == {}


def test_no_share_is_told_of_a_ceiling_that_is_not_decided(tmp_path, monkeypatch):
    results = with_ceiling(tmp_path / "study")
    undecided = {
        name: one.model_copy(update={"verdict": "inconclusive"})
        for name, one in results.to_ceiling("labeled-4", "dice").items()
    }
    monkeypatch.setattr(Results, "to_ceiling", lambda self, labeled_set, score: undecided)
    found = yardsticks_of(results, "labeled-4", results.comparisons("labeled-4", "dice"))
    assert found["mean_teacher"].share is None
    table = yardstick_table(found)
    assert [row[3] for row in table.rows] == ["", ""]
    assert "what there is to gain is not known" in table.notes[0]


def test_where_nothing_is_unlabeled_there_is_no_method_and_no_twin_of_its_minutes():
    file = made.study_file(methods=("mean_teacher",), method={}, same_minutes=True)
    split = Split(labeled=("a",), unlabeled=(), test=("b",))
    assert [run.arm.name for run in runs_of(file, [made.labeled_set("labeled-all", 0, split)])] == ["supervised"]


def test_where_there_is_no_yardstick_there_is_no_table(tmp_path):
    results = collect(made.study(tmp_path / "study", made.study_file(cases=CaseChoice(labeled=(4,), test=12))))
    assert yardstick_table(yardsticks_of(results, "labeled-4", results.comparisons("labeled-4", "dice"))) is None


def test_a_twin_of_the_same_minutes_is_told_to_take_the_minutes_of_its_method():
    known = StudyFile(
        methods=("supervised", "mean_teacher", "ua_mt"),
        cases=CaseChoice(labeled=(1,)),
        same_minutes={"mean_teacher": 300},
    )
    arms = arms_of(known)
    assert [arm.name for arm in arms] == ["supervised", "mean_teacher", "ua_mt", LONGER]
    assert same_minutes.slowness(arms, 100) == {"supervised": 1.0, LONGER: 1.0, "mean_teacher": 3.0}
    # 100 / 3 of the twin, 100 each of the methods, 300 / 3 of the twin of the same minutes
    assert same_minutes.in_steps_of("mean_teacher", arms, 100) == pytest.approx(100 / 3 + 300)
    assert same_minutes.in_steps_of("mean_teacher", arms[3:], 100) == pytest.approx(100)
    assert same_minutes.in_steps_of("ua_mt", arms[:3], 100) == 300, "nothing is known: all alike"
