"""Precision and memory format: the same choice on a quiet and on a busy machine, within a budget of time."""

import random

import pytest
import torch

from semivox.training import formats as module
from semivox.training.formats import allowed, candidates, decide
from tests.training.tiny import plan

HALF_LAST, SINGLE_LAST, HALF, SINGLE = (
    ("bf16-mixed", True),
    ("32-true", True),
    ("bf16-mixed", False),
    ("32-true", False),
)
ALL = (HALF_LAST, SINGLE_LAST, HALF, SINGLE)


class Machine:
    """A clock that only steps move: each takes its time, and more while the machine is busy with something else."""

    def __init__(self, seconds, load=lambda time: 1.0):
        self.seconds, self.load, self.time, self.steps = seconds, load, 0.0, []

    def step(self, one):
        took = self.seconds[one] * self.load(self.time)
        self.time += took
        self.steps.append(one)
        return took

    def decide(self, formats=ALL, **options):
        return decide(formats, self.step, now=lambda: self.time, **options)


def times(*seconds):
    return dict(zip(ALL, seconds, strict=True))


def bursts(seed):
    """Another program takes the processor for some seconds, again and again."""
    generator = random.Random(seed)
    edges = [generator.expovariate(1 / 0.7) for _ in range(500)]

    def load(time):
        for number, edge in enumerate(edges):
            time -= edge
            if time < 0:
                return 1.0 if number % 2 else 2.5
        return 1.0

    return load


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (times(0.1, 0.2, 0.15, 0.3), HALF_LAST),
        (times(0.3, 0.1, 0.3, 0.2), SINGLE_LAST),
        (times(0.2, 0.3, 0.1, 0.3), HALF),
        (times(0.1, 0.099, 0.1, 0.101), HALF_LAST),
    ],
)
def test_a_busy_machine_chooses_as_a_quiet_one(seconds, chosen):
    assert Machine(seconds).decide().chosen == chosen
    for seed in range(20):
        assert Machine(seconds, bursts(seed)).decide().chosen == chosen


def test_what_cannot_be_decided_stays_with_the_default_and_is_named():
    """Times that scatter by more than what is to be told, and one that lies at the very threshold."""
    generator = random.Random(0)
    found = Machine(times(0.5, 0.44, 0.5, 0.5), lambda time: generator.choice((1, 8))).decide()
    assert found.chosen == HALF_LAST
    assert SINGLE_LAST in found.undecided


def test_the_time_is_bounded_and_seen_to_pass():
    told = []
    machine = Machine(times(0.5, 0.455, 0.455, 0.455), bursts(1))
    machine.decide(count=lambda done, total: told.append((done, total)))
    assert machine.time < 1.25 * module.SECONDS
    assert told[0] == (pytest.approx(4, abs=3), 20)
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize(("seconds", "tried"), [(0.8, 4), (1.6, 2), (9.0, 1)])
def test_of_slow_steps_only_so_many_formats_are_tried_as_can_be_decided(seconds, tried):
    machine = Machine(times(seconds, seconds / 2, seconds / 2, seconds / 2))
    found = machine.decide()
    assert set(machine.steps) == set(ALL[:tried])
    assert set(ALL[tried:]) <= set(found.undecided)
    assert found.chosen == (HALF_LAST if tried == 1 else SINGLE_LAST)
    assert machine.time <= 1.25 * module.SECONDS


@pytest.mark.parametrize(("seconds", "steps"), [(0.1, 3), (9.0, 1)])
def test_where_there_is_one_format_it_is_timed_until_the_fastest_agree_or_time_is_up(seconds, steps):
    machine = Machine(times(*4 * [seconds]))
    assert machine.decide(ALL[:1]).seconds == {HALF_LAST: pytest.approx(seconds)}
    assert len(machine.steps) == 2 + (steps if steps > 1 else 0)
    busy = Machine(times(*4 * [0.1]), lambda time: 30 if time < 6 else 1)
    assert busy.decide(ALL[:1]).seconds == {HALF_LAST: pytest.approx(0.1)}


def test_what_the_user_decided_is_not_tried_otherwise():
    chosen = plan().model_copy(update={"precision": "bf16-mixed", "channels_last": True})
    single = (SINGLE_LAST, SINGLE)
    assert allowed(single, chosen, ()) == single
    assert allowed(ALL, chosen, ("channels_last",)) == (HALF_LAST, SINGLE_LAST)
    assert allowed(single, chosen, ("precision",)) == (HALF_LAST, HALF)  # also where it is not worth trying by itself
    assert allowed(single, chosen, ("precision", "channels_last")) == (HALF_LAST,)


def test_bfloat16_is_the_default_where_the_processor_has_instructions_for_it(monkeypatch):
    monkeypatch.setattr(module, "computes_bfloat16", lambda device: True)
    assert candidates(torch.device("cpu")) == ALL
    assert candidates(torch.device("cuda"))[0] == HALF
    monkeypatch.setattr(module, "computes_bfloat16", lambda device: False)
    assert candidates(torch.device("cpu")) == (SINGLE_LAST, SINGLE)
