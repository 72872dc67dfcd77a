"""A class that a run finds nowhere is told at once, with advice by what is measured of it; a run may stop for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semivox.cli import exit_code
from semivox.core.errors import InterruptedRun
from semivox.core.plan import CaseFacts
from semivox.core.split import Split
from semivox.data.batches.patches import Patches
from semivox.data.prepared.store import Store
from semivox.training import run_monitor
from semivox.training.folder import RunFolder
from semivox.training.health import RETURNED, VANISHED, HealthWarning
from semivox.training.lost_advice import Measured, advice, measure
from semivox.training.lost_classes import LostClass, spoken
from semivox.training.probe import Probe, Seen
from semivox.training.reporter import Silent
from semivox.training.run import build, train_run
from semivox.training.settings import TrainSettings, configure
from semivox.training.spec import RunSpec
from tests.training import tiny
from tests.training.runs import assert_same, stop_after, weights

STEPS = 20


def spec(root, out, **settings) -> RunSpec:
    store, split, plan = tiny.prepared(root, STEPS) if not (root / "prepared").exists() else kept(root)
    return RunSpec(RunFolder(root / out), store, split, plan, tiny.config("supervised", **settings))


def kept(root):
    return Store(root / "prepared"), Split(labeled=("case0", "case1"), validation=("case2",)), tiny.plan(STEPS)


def losing(monkeypatch, steps) -> None:
    """The look after each of these steps finds the ball nowhere, every other one finds it."""

    def look(probe, step, method):
        return Seen(lost={1}) if step in steps else Seen(drawn={1})

    monkeypatch.setattr(Probe, "look", look)


class Ears(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def warn(self, text: str) -> None:
        self.told.append(text)


def codes(folder: RunFolder) -> list[tuple[int, str, str]]:
    return [(row["step"], row["code"], row.get("about", "")) for row in folder.warned()]


def test_a_class_that_is_lost_is_told_at_once_with_what_to_change_and_so_is_that_it_came_back(tmp_path, monkeypatch):
    losing(monkeypatch, {8, 9, 10, 15})
    ears, one = Ears(), spec(tmp_path, "run")
    train_run(one, ears)
    assert codes(one.folder) == [
        (8, "vanished_class", "ball"),
        (11, "returned_class", "ball"),
        (15, "vanished_class", "ball"),
        (16, "returned_class", "ball"),
    ]
    assert ears.told == [row["text"] for row in one.folder.warned()]
    assert ears.told[0].startswith("ball has vanished: the network finds it nowhere")
    assert "of the last 18 labeled patches showed it" in ears.told[0]
    assert f"--steps {2 * STEPS}" in ears.told[0]
    assert ears.told[1] == "ball is drawn again: it was found nowhere from step 8 to 11"


def test_a_run_stops_for_it_where_that_is_asked_and_goes_on_where_it_no_longer_is(tmp_path, monkeypatch):
    lost = {8, 12, 13, 14}
    losing(monkeypatch, lost)
    train_run(spec(tmp_path, "whole"))
    for _ in range(2):  # also asked again, it is not trained on
        with pytest.raises(LostClass, match=r"stopped and saved at step 14, .*ball found nowhere at two looks"):
            train_run(spec(tmp_path, "run", lost_classes="stop"))
        assert len(RunFolder(tmp_path / "run").logged()) == 14
    train_run(spec(tmp_path, "run", lost_classes="tell"))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "run"))
    told = codes(RunFolder(tmp_path / "run"))
    assert [row for row in told if row[1] != "stopped_for_lost_class"] == codes(RunFolder(tmp_path / "whole"))


@pytest.mark.parametrize("stop", [9, 13])
def test_a_resumed_run_knows_what_was_lost_before(tmp_path, monkeypatch, stop):
    losing(monkeypatch, {8, 9, 10})
    train_run(spec(tmp_path, "whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, stop)
        with pytest.raises(InterruptedRun):
            train_run(spec(tmp_path, "parts"))
    train_run(spec(tmp_path, "parts"))
    assert codes(RunFolder(tmp_path / "parts")) == codes(RunFolder(tmp_path / "whole"))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_the_end_of_a_run_is_not_stopped(tmp_path, monkeypatch):
    losing(monkeypatch, {18, 19})
    one = spec(tmp_path, "run", lost_classes="stop")
    train_run(one)
    assert one.folder.done.exists()


def test_a_run_that_loses_nothing_has_the_same_numbers_whatever_was_asked(tmp_path, monkeypatch):
    losing(monkeypatch, set())
    for setting in ("tell", "stop"):
        train_run(spec(tmp_path, setting, lost_classes=setting))
    assert_same(weights(tmp_path / "tell"), weights(tmp_path / "stop"))
    assert codes(RunFolder(tmp_path / "stop")) == []


def test_the_process_that_does_not_look_hears_from_the_one_that_does(tmp_path, monkeypatch):
    """Of several processes only the first looks; what it hands to the others is what stops it."""
    losing(monkeypatch, {8, 9})
    handed = []
    heard = run_monitor.RunMonitor._reason_to_stop

    def listening(monitor, done):
        handed.append(heard(monitor, done))
        return handed[-1]

    monkeypatch.setattr(run_monitor.RunMonitor, "_reason_to_stop", listening)
    with pytest.raises(LostClass) as told:
        train_run(spec(tmp_path, "run", lost_classes="stop"))
    assert handed[:-1] == [""] * 9
    assert handed[-1] == str(told.value)


def test_what_is_measured_is_what_the_store_and_the_sampler_say(tmp_path):
    one = spec(tmp_path, "run")
    sizes = [int((np.asarray(one.store.case(name, True).label) == 1).sum()) for name in one.split.labeled]
    batches = Patches(one.store, one.split.for_training(), one.plan, 1, 9, one.plan.labeled_per_step, 0)
    (found,) = measure(batches, [1], 9)
    assert (found.size, found.scans, found.patches) == (np.median(sizes), 2, 9 * one.plan.labeled_per_step)
    shown = 0
    for step in range(9):
        for place in range(one.plan.labeled_per_step):
            draw = batches.labeled.draw(1, step, place)
            label = np.asarray(one.store.case(one.split.labeled[draw.case], True).label)
            box = tuple(slice(max(c, 0), c + n) for c, n in zip(draw.corner, one.plan.patch, strict=True))
            shown += bool((label[box] == 1).any())
    assert 0 < found.shown == shown


def facts(spacing) -> CaseFacts:
    return CaseFacts(name="a", shape=(9, 9, 9), spacing=spacing, labeled=True, channels=())


def method(name: str, **options: float):
    return build(tiny.plan(STEPS), configure(name, options, TrainSettings()), torch.device("cpu"))


@pytest.mark.parametrize(
    ("of", "spacing", "there", "absent"),
    [
        (Measured(20, 4, 90, 100), (0.5, 0.5, 0.5), ("--spacing 0.585,0.585,0.877",), ("--patch", "more scans")),
        (Measured(20, 4, 90, 100), (0.9, 0.5, 1.5), ("--spacing 0.9,0.585,1.5",), ("--patch",)),
        (Measured(20, 4, 90, 100), (1.0, 1.0, 1.5), ("--steps",), ("--spacing",)),  # the scans are no finer
        (Measured(200, 4, 9, 100), (0.5, 0.5, 0.5), ("--patch", "labeled_per_step=4"), ("--spacing",)),
        (Measured(200, 1, 90, 100), (0.5, 0.5, 0.5), ("more scans", "1 labeled scan"), ("--spacing", "--patch")),
        (Measured(2000, 2, 90, 100), (0.5, 0.5, 0.5), ("at least 2000 voxels", "--steps 40"), ("--spacing",)),
    ],
)
def test_the_advice_follows_what_is_measured(of, spacing, there, absent):
    plan = tiny.plan(STEPS)
    plan = plan.model_copy(update={"fingerprint": plan.fingerprint.model_copy(update={"cases": (facts(spacing),)})})
    said = advice(plan, method("supervised"), of)
    assert all(words in said for words in there)
    assert not [words for words in (*absent, "unlabeled part", "method.balance") if words in said]


def test_the_advice_names_the_balance_that_is_off_and_the_unlabeled_part_where_there_is_one():
    said = advice(tiny.plan(STEPS), method("mean_teacher", balance=0.0), Measured(200, 4, 90, 100))
    assert "--set method.balance=0.5" in said
    assert "unlabeled part" in said


def test_of_many_classes_a_few_are_told_on_the_terminal():
    lost = [HealthWarning(8, VANISHED, f"c{index} has vanished", f"c{index}") for index in range(6)]
    assert list(spoken([*lost, HealthWarning(8, RETURNED, "d is drawn again", "d")])) == [
        *("d is drawn again", "c0 has vanished", "c1 has vanished", "c2 has vanished"),
        "the same of 3 further classes (warnings.jsonl names them)",
    ]


def test_the_command_stops_for_a_lost_class_where_it_is_asked_to(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    losing(monkeypatch, {7, 8})
    data, out = tiny.write_spheres(tmp_path / "data"), tmp_path / "run"
    small = ["--steps", str(STEPS), "--precision", "32-true", "--set", "plan.patch=[16,16,8]"]
    words = ["train", str(data), "-o", str(out), "--method", "supervised", "--workers", "0", "--device", "cpu", *small]
    assert exit_code([*words, "--set", "train.lost_classes=wait"]) == 2
    assert "lost_classes" in capsys.readouterr().err
    assert exit_code([*words, "--set", "train.lost_classes=stop"]) == 1
    said = capsys.readouterr().err
    assert "has vanished" in said
    assert "stopped and saved at step 9," in said
    assert exit_code([*words, "--set", "train.lost_classes=tell"]) == 0
    assert (out / "done").exists()
