"""What goes wrong in a run is said once, in words, from its log; what goes right is not talked about."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from semivox.core.case import Case
from semivox.core.errors import InterruptedRun
from semivox.core.plan import ClassInfo
from semivox.core.progress import Progress
from semivox.core.split import Split
from semivox.functional.ramps import gaussian_ramp
from semivox.training import loop, probe, run
from semivox.training.folder import RunFolder
from semivox.training.health import WINDOW, Health
from semivox.training.loop import Diverged
from semivox.training.run import train_run
from semivox.training.settings import TrainSettings, configure
from semivox.training.spec import RunSpec
from tests.training import tiny
from tests.training.runs import assert_same, stop_after, weights

STEPS = 600


def row(step: int, player: str = "network", **changes) -> dict:
    healthy = {
        "terms": {"supervised": 0.5, "consistency": 0.1},
        "weights": {"consistency": 0.1},
        "log": {},
        "norm": 1.0,
    }
    return {"step": step, "player": player, **healthy, **changes}


def codes(rows) -> list[str]:
    health = Health(STEPS)
    return [worry.code for one in rows for worry in health.see(one)]


def test_a_healthy_run_is_left_alone():
    log = {"certain": 0.4, "uncertain": 0.2, "discriminator_accuracy": 0.7, "foreground": 0.05}
    assert codes(row(s, log=log, weights={"consistency": gaussian_ramp(s, STEPS)}) for s in range(STEPS)) == []
    assert codes([{"step": 3, "player": "validation", "dice": 0.1, "hd95_mm": 4.0}]) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"log": {"certain": 0.0}}, "covers_nothing"),
        ({"log": {"agreed": 0.0}}, "covers_nothing"),
        ({"log": {"foreground": 0.0}}, "covers_nothing"),
        ({"log": {"uncertain": 1.0}}, "covers_nothing"),
        ({"log": {"discriminator_accuracy": 1.0}}, "pinned"),
        ({"log": {"discriminator_accuracy": 0.5}}, "pinned"),
        ({"terms": {"supervised": 0.5, "consistency": 0.0}}, "silent_term"),
        ({"norm": None}, "not_finite"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_what_lasts_is_said_once(changes, code):
    assert codes(row(step, **changes) for step in range(STEPS)) == [code]


@pytest.mark.parametrize("changes", [{"log": {"certain": 0.0}}, {"log": {"discriminator_accuracy": 1.0}}])
def test_what_passes_is_not_said(changes):
    late = STEPS // 2
    rows = [row(step, **(changes if late <= step < late + WINDOW - 1 else {"log": dict.fromkeys(changes["log"], 0.7)}))
            for step in range(STEPS)]  # fmt: skip
    assert codes(rows) == []
    assert codes(row(step, **changes) for step in range(int(0.2 * STEPS))) == []  # early, it is by design


def test_a_term_without_weight_may_be_zero():
    rows = (row(s, terms={"supervised": 0.5, "off": 0.0}, weights={"off": 0.0}) for s in range(STEPS))
    assert codes(rows) == []


@pytest.mark.parametrize(
    ("length", "expected"), [(STEPS * 10, True), (STEPS * 1.5, True), (STEPS, False), (60, False), (0, False)]
)
def test_a_ramp_longer_than_the_run_is_noticed(length, expected):
    rows = (row(s, weights={"consistency": 0.1 * gaussian_ramp(s, length)}) for s in range(STEPS))
    assert codes(rows) == ["endless_ramp"] * expected


class Drawing(torch.nn.Module):
    """Predicts given probabilities of the ball at every voxel, with some noise."""

    segments = True

    def __init__(self, ball: float, noise: float) -> None:
        super().__init__()
        self.ball, self.noise, self.weight = ball, noise, torch.nn.Parameter(torch.zeros(1))

    def predict(self, image):
        noise = self.noise * torch.linspace(-1, 1, image[:, :1].numel()).reshape(image[:, :1].shape)
        return torch.cat([1 - self.ball - noise, self.ball + noise], dim=1)


@pytest.mark.parametrize(
    ("ball", "noise", "expected", "lost"), [(0.5, 0.4, [], set()), (0.1, 0.1, [], {1}), (0.9, 0.0, ["constant"], set())]
)
def test_a_class_that_vanishes_and_a_constant_output_are_noticed(tmp_path, ball, noise, expected, lost):
    store, split, plan = tiny.prepared(tmp_path)
    looked = probe.Probe(store, split, plan.model_copy(update={"steps": 100}))
    (patch,) = looked.patches.values()
    assert patch.shape == (1, *plan.patch)
    late, early = (looked.look(step, Drawing(ball, noise)) for step in (34, 33))
    assert [worry.code for worry in late.warnings] == [worry.code for worry in early.warnings] == expected
    assert (late.lost, early.lost) == (lost, set())
    assert late.drawn == (set() if lost or expected else {1})


def diverging(monkeypatch, until: float) -> None:
    """Gradients are not finite at steps 3 to 5 while the learning rate of step 3 is above ``until``."""
    clipped = loop.clipped

    def broken(fabric, player, optimizer, longest):
        taken.append(step := loop_step[0])
        assert len(taken) < 100, "the run goes back again and again"
        norm = clipped(fabric, player, optimizer, longest)
        return math.nan if 3 <= step <= 5 and optimizer.param_groups[0]["lr"] > until else norm

    loop_step, taken = [0], []
    seed = loop.seed_step
    monkeypatch.setattr(loop, "seed_step", lambda s, step, rank: (loop_step.__setitem__(0, step), seed(s, step, rank)))
    monkeypatch.setattr(loop, "clipped", broken)


def rate_at(step: int) -> float:
    return tiny.config("supervised").method_config().network.rate_at(Progress(step, 8))


def test_a_run_that_diverges_goes_back_and_on_with_half_the_rate(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path, 8)
    diverging(monkeypatch, until=0.6 * min(rate_at(3), rate_at(5)))
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, tiny.config("supervised")))
    folder = RunFolder(tmp_path / "whole")
    rows = folder.logged()
    assert [one["step"] for one in rows] == list(range(8))
    assert rows[3]["rate"] == pytest.approx(rate_at(3) / 2)
    assert all(one["norm"] is not None for one in rows)
    assert [one["code"] for one in folder.warned()] == ["rollback"]
    assert "going back to step 3" in folder.warned()[0]["text"]
    with monkeypatch.context() as patch:
        stop_after(patch, 5)  # in the second pass: the first one is still skipping
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config("supervised")))
    train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config("supervised")))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_run_that_always_diverges_gives_up_with_a_sentence_and_can_be_told_again(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path, 8)
    diverging(monkeypatch, until=0.0)
    for _ in range(2):
        with pytest.raises(Diverged, match="not finite at 3 steps in a row"):
            train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    told = [one["code"] for one in RunFolder(tmp_path / "run").warned()]
    assert told.count("rollback") == run.MOST_ROLLBACKS


@pytest.mark.parametrize(("method", "options"), [("mean_teacher", {}), ("tcse", {"second_pass": "teacher"})])
def test_warnings_stand_in_the_folder_and_are_told(method, options, tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    told = []
    reporter = type("Ears", (run.Silent,), {"warn": lambda self, text: told.append(text)})()
    monkeypatch.setattr(probe, "FLAT", 10.0)  # any output counts as constant
    train_run(
        RunSpec(RunFolder(tmp_path / "run"), store, split, plan, configure(method, options, TrainSettings(workers=0))),
        reporter,
    )
    kept = [one["text"] for one in RunFolder(tmp_path / "run").warned()]
    assert kept == told
    assert sorted(text.split(" gives")[0] for text in kept) == ["the network", "the teacher"]


class ManyClasses:
    """A store of one case that shows 120 classes, each at a place of its own."""

    def case(self, name, label):
        index = np.arange(120)
        places = 20 * np.stack([index % 5, index // 5 % 5, index // 25], axis=1) + 10
        foreground = np.concatenate([index[:, None] + 1, places], axis=1).astype(np.int32)
        return Case(name, np.zeros((1, 100, 100, 100), np.float16), None, (1.0, 1.0, 1.0), foreground)


class Counting(torch.nn.Module):
    """Draws no class, and counts how often it was asked."""

    segments = True

    def __init__(self) -> None:
        super().__init__()
        self.passes, self.weight = 0, torch.nn.Parameter(torch.zeros(1))

    def predict(self, image):
        self.passes += 1
        drawn = torch.zeros(1, 121, *image.shape[2:])
        drawn[:, 0] = torch.linspace(0.5, 1, image[0, 0].numel()).reshape(image.shape[2:])
        return drawn


@pytest.mark.parametrize("steps", [40, 400, 4000])
def test_looking_takes_a_small_part_of_a_run_however_many_classes_there_are(steps):
    classes = tuple(ClassInfo(name=f"c{value}", value=value) for value in range(121))
    plan = tiny.plan(steps).model_copy(update={"classes": classes})
    method, found = Counting(), set()
    looked = probe.Probe(ManyClasses(), Split(labeled=("a",)), plan)
    for done in range(1, steps + 1):
        if done % probe.steps_between(steps) == 0:
            found |= looked.look(done - 1, method).lost
    assert method.passes == probe.passes(plan)
    work = steps * (plan.labeled_per_step + plan.unlabeled_per_step) * probe.TRAINED
    assert method.passes <= max(probe.SHARE * work, probe.LOOKS)
    if steps == 4000:  # long enough to look at each class in the second half, where all should be drawn
        assert found == set(range(1, len(classes)))


def test_a_patch_is_judged_for_all_classes_that_lie_well_within_it(tmp_path):
    class Two:
        def case(self, name, label):
            places = np.array([[1, 8, 8, 8], [2, 9, 9, 9], [3, 15, 15, 15]], np.int32)
            return Case(name, np.zeros((1, 32, 32, 32), np.float16), None, (1.0, 1.0, 1.0), places)

    classes = tuple(ClassInfo(name=f"c{value}", value=value) for value in range(4))
    plan = tiny.plan(100).model_copy(update={"classes": classes, "patch": (16, 16, 16)})
    looked = probe.Probe(Two(), Split(labeled=("a",)), plan)
    assert looked.shown == {1: [1, 2], 3: [3]}
