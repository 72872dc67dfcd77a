"""The forecast: dry steps of the very run, in the format that was decided, unless the user has decided."""

import pytest
import torch

from semivox.cli import exit_code
from semivox.core.plan import Plan
from semivox.data.planning import sizing
from semivox.training import forecast as module
from semivox.training import own_time
from semivox.training.dry_steps import DrySteps
from semivox.training.folder import RunFolder
from semivox.training.forecast import forecast
from semivox.training.formats import Decision
from tests.training import tiny
from tests.training.tiny import plan

SINGLE_LAST, SINGLE = ("32-true", True), ("32-true", False)


@pytest.fixture
def seconds(monkeypatch):
    """What a step takes in each format, by a decision that is made up."""
    times = {SINGLE_LAST: 1.0, SINGLE: 0.5}

    def decide(formats, steps, budget, count):
        best = min(formats, key=times.__getitem__)
        return Decision(best, {one: times[one] for one in formats}, 5, ())

    monkeypatch.setattr(module, "decide", decide)
    monkeypatch.setattr(module, "candidates", lambda device: (SINGLE_LAST, SINGLE))


def test_the_fastest_is_taken_but_the_users_choice_stays(seconds):
    config = tiny.config("supervised", device="cpu")
    free = forecast(plan(), config)
    assert not free.channels_last
    assert free.forecast.seconds_per_step == 0.5
    decided = plan().model_copy(update={"channels_last": True, "reasons": {"channels_last": "set by the user"}})
    fixed = forecast(decided, config, decided=("channels_last", "steps"))
    assert fixed.channels_last
    assert fixed.forecast.seconds_per_step == 1.0
    assert fixed.reasons["channels_last"] == "set by the user"
    assert "the default" in fixed.reasons["precision"]


def test_dry_steps_are_those_of_the_run(seconds, monkeypatch):
    """With the batch, the precision and the options that were asked for, which may make it many times smaller."""
    seen = []
    build = DrySteps._built

    def built(self, *one):
        seen.append((self.plan.labeled_per_step, self.plan.unlabeled_per_step, one[0], self.config.options["decay"]))
        return build(self, *one)

    monkeypatch.setattr(DrySteps, "_built", built)
    config = tiny.config("mean_teacher", device="cpu", labeled_per_step=3, unlabeled_per_step=1, precision="32-true")
    found = forecast(plan(), config.model_copy(update={"options": {**config.options, "decay": 0.5}}))
    assert set(seen) == {(3, 1, "32-true", 0.5)}
    assert (found.labeled_per_step, found.unlabeled_per_step) == (3, 1)
    assert found.reasons["labeled_per_step"] == "set by the user"


@pytest.mark.parametrize(("hours", "steps"), [(0.05, 360), (10.0, 1200), (0.001, 200)])
def test_steps_follow_the_measured_time_where_hours_are_named(seconds, hours, steps):
    found = forecast(plan(), tiny.config("supervised", device="cpu"), hours=hours)
    assert found.steps == steps
    assert found.forecast.hours == pytest.approx(steps * 0.5 / 3600, abs=1e-3)
    assert "0.5 s a step" in found.reasons["steps"]


def test_the_command_trains_as_many_steps_as_the_time_allows_and_no_other_says_how_long(
    seconds, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(sizing, "FEWEST_STEPS", 3)
    out, data = tmp_path / "run", tiny.write_spheres(tmp_path / "data")
    here = ["--method", "supervised", "--workers", "0", "--device", "cpu", "--set", "plan.patch=[16,16,8]"]
    words = ["train", str(data), "-o", str(out), *here]
    assert exit_code([*words, "--time", "0.001"]) == 0
    assert Plan.load(out / "plan.json").steps == len(RunFolder(out).logged()) == 7  # of 0.5 s each
    assert "0.001 hours allow at 0.5 s a step" in Plan.load(out / "plan.json").reasons["steps"]
    capsys.readouterr()
    assert exit_code([*words, "--time", "2"]) == 0
    assert "has 7 steps, decided when it began" in capsys.readouterr().err
    assert exit_code([*words, "--time", "2", "--extend-to", "9"]) == 2
    assert "--time and --extend-to both say how long" in capsys.readouterr().err
    given = ["train", str(data), "-o", str(tmp_path / "other"), *here, "--plan", str(out / "plan.json")]
    assert exit_code([*given, "--time", "2"]) == 2
    assert "--time and a plan both say how long" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert exit_code([*words, "--time", "-1"]) == 2


def test_formats_are_measured_and_said(monkeypatch):
    told = []
    found = forecast(
        plan(), tiny.config("mean_teacher", device="cpu"), count=lambda *both: told.append(both), budget=3.0
    )
    assert told[-1] == (3, 3)
    assert found.forecast.seconds_per_step > 0
    assert found.forecast.memory_mb > 50
    assert len(found.forecast.candidates) >= 2
    assert "the fastest step of" in found.reasons["precision"]


def test_looks_at_the_output_are_part_of_the_forecast(seconds, monkeypatch):
    monkeypatch.setattr(DrySteps, "look", lambda self, one: 0.25)
    found = forecast(plan(), tiny.config("supervised", device="cpu"))
    assert found.forecast.looking == 0.25 * 6 / (0.5 * 6)  # one class, a look after each of six steps
    assert found.forecast.hours == round(1.5 * 0.5 * 6 / 3600, 3)
    assert found.forecast.seconds(12) == 9.0


@pytest.mark.parametrize(("free", "measured"), [(4, 4), (2, 2), (0, 1)])
def test_on_a_busy_machine_as_many_threads_measure_as_find_a_core(monkeypatch, free, measured):
    """All formats and the look; what training has then, all threads, is seen by the clock and said beside it."""
    seen, clocks = [], []
    monkeypatch.setattr(own_time, "_sampled", lambda: torch.get_num_threads() > free)

    def elapsed(self, one):
        clocks.append(torch.get_num_threads())
        return own_time.Elapsed(6.0, 3.0)

    def decide(formats, steps, budget, count):
        seen.append(torch.get_num_threads())
        return Decision(formats[0], {formats[0]: 0.5}, 5, ())

    def look(self, one):
        seen.append(torch.get_num_threads())
        return 0.1

    monkeypatch.setattr(module, "decide", decide)
    monkeypatch.setattr(DrySteps, "look", look)
    monkeypatch.setattr(DrySteps, "elapsed", elapsed)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        found = forecast(plan(), tiny.config("supervised", device="cpu")).forecast
    finally:
        torch.set_num_threads(before)
    assert seen == [measured, measured]
    assert clocks == [4, 4]
    assert (found.threads, found.or_less, found.busy_seconds_per_step) == (measured, measured < 4, 6.0)
