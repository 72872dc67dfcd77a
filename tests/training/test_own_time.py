"""A step is timed without what other programs took, and a forecast says a range only where they took much."""

import pytest
import torch

from semivox.core.plan import Forecast
from semivox.training import own_time
from semivox.training.durations import busy_if_noteworthy, duration, expected
from semivox.training.own_time import OwnTime, on_free_cores

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A clock, the computed seconds of the process, and what its threads have waited, all set by hand."""

    class Machine:
        clock = computed = 0.0

        def waits(self, **threads):
            for name, seconds in threads.items():
                (tmp_path / name).mkdir(exist_ok=True)
                (tmp_path / name / "schedstat").write_text(f"1 {int(seconds * 1e9)} 1\n")

    made = Machine()
    monkeypatch.setattr(own_time.time, "perf_counter", lambda: made.clock)
    monkeypatch.setattr(own_time.time, "process_time", lambda: made.computed)
    monkeypatch.setattr(own_time, "TASKS", tmp_path)
    monkeypatch.setattr(own_time.os, "cpu_count", lambda: 2)
    return made


def test_the_longest_wait_of_a_thread_is_what_other_programs_took(machine):
    machine.waits(a=1.0, b=5.0)
    watch = OwnTime(CPU)
    machine.clock, machine.computed = 7.4, 2.0
    machine.waits(a=7.0, b=10.9, new=0.5)
    assert watch.elapsed() == (7.4, pytest.approx(1.4), pytest.approx(6.0))
    machine.computed = 4.0  # two cores cannot have computed it in less than 2 seconds
    assert watch.elapsed().own == pytest.approx(2.0)


def test_where_the_system_does_not_say_the_clock_counts(machine):
    watch = OwnTime(CPU)
    machine.clock, machine.computed = 7.4, 1.0
    assert watch.elapsed() == (7.4, 7.4, 0.0)


def test_a_range_is_said_only_where_others_took_much():
    quiet = Forecast(method="ua_mt", seconds_per_step=1.0, hours=1, memory_mb=1, device="cpu", threads=2)
    assert expected(quiet, 300) == "5 min"
    assert busy_if_noteworthy(1.0, 1.2) is None
    busy = quiet.model_copy(update={"busy_seconds_per_step": busy_if_noteworthy(1.0, 7.0)})
    assert expected(busy, 300).startswith("5 min on a quiet machine, up to 35 min while other programs")
    assert expected(busy, 0.1) == "1 s"
    fewer = busy.model_copy(update={"or_less": True})
    assert expected(fewer, 300).startswith("5 min or less on a quiet machine, up to 35 min while")
    assert expected(fewer, 0.1) == "1 s or less"


def test_a_wait_of_one_thread_disturbs_all_that_compute_with_it(machine):
    """The others count while they wait for it, so that the process seems to compute all the time."""
    machine.waits(a=0.0, b=0.0)
    watch = OwnTime(CPU)
    machine.clock, machine.computed = 1.0, 1.6
    machine.waits(a=0.4, b=0.0)
    assert watch.elapsed().own == pytest.approx(0.8)
    assert watch.elapsed().disturbed
    machine.waits(a=0.1)
    assert not watch.elapsed().disturbed


@pytest.mark.parametrize(
    ("everyone", "free", "taken"), [(8, 8, 8), (8, 3, 2), (8, 0, 1), (16, 0, 2), (1, 0, 1), (6, 3, 3)]
)
def test_as_many_threads_measure_as_find_a_core(monkeypatch, everyone, free, taken):
    before = torch.get_num_threads()
    monkeypatch.setattr(own_time, "_sampled", lambda: torch.get_num_threads() > free)
    torch.set_num_threads(everyone)
    try:
        with on_free_cores(CPU) as threads:
            assert threads == torch.get_num_threads() == taken
        assert torch.get_num_threads() == everyone
        with on_free_cores(torch.device("cuda")) as threads:
            assert threads == everyone  # its steps are no work of the processor
    finally:
        torch.set_num_threads(before)


def test_a_sample_is_of_all_threads_together(machine, monkeypatch):
    """What it is told of the machine comes from ``OwnTime``: nothing waited for, then half the time."""
    ticks = iter(range(100))
    monkeypatch.setattr(own_time.time, "perf_counter", lambda: next(ticks) / 10)
    assert not own_time._sampled()
    waits = iter([{"a": 0.0}, {"a": 0.5}])
    monkeypatch.setattr(own_time, "_waits", lambda: next(waits))
    assert own_time._sampled()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.1, "1 s"), (89, "89 s"), (100, "2 min"), (5399, "1 h 30 min"), (4452, "74 min")]
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
