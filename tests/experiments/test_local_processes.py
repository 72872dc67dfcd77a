"""Runs as processes of this machine: how many fit, and what each gets."""

import json

import pytest

from semivox.core.plan import Forecast
from semivox.experiments import local_processes
from semivox.experiments.local_processes import LocalProcesses, threads_of
from tests.experiments.made import PLAN

COSTLY = Forecast(method="ua_mt", seconds_per_step=1, hours=1, memory_mb=1024, device="cpu", threads=1)


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    memory = type("Memory", (), {"available": 6.6 * 2**30})()
    monkeypatch.setattr(local_processes.psutil, "virtual_memory", lambda: memory)


def fitting(runs, wanted, device="cpu"):
    found = LocalProcesses.fitting(PLAN.model_copy(update={"forecast": COSTLY}), runs, wanted, device)
    return found.at_once, found.threads, found.workers


def test_processes_share_cores_and_memory(monkeypatch):
    assert fitting(30, None) == (5, 1, 0)  # memory decides: 6.6 / 1.3
    assert fitting(2, None) == (2, 4, 2)
    assert fitting(30, 4) == (4, 2, 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert fitting(30, 4) == (4, 1, 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert fitting(30, None, "auto")[0] == 1


def test_processes_that_train_together_count_each(monkeypatch):
    plan = PLAN.model_copy(update={"forecast": COSTLY})
    alone, together = (LocalProcesses.fitting(plan, 30, None, "cpu", devices) for devices in (1, 2))
    assert (alone.at_once, together.at_once) == (5, 2)
    assert together.threads == 2


def test_a_resumed_run_keeps_the_threads_that_it_began_with(tmp_path, monkeypatch):
    """Rounding depends on their number: with other threads the same run would end with other bits."""
    started = []
    monkeypatch.setattr(local_processes.subprocess, "Popen", lambda command, env, **_: started.append((command, env)))
    run = tmp_path / "ua_mt"
    run.mkdir()
    LocalProcesses(1, 4, 2).submit(tmp_path, "ua_mt")
    (run / "environment.json").write_text(json.dumps([{"threads": 3}, {"threads": 1}]))
    assert threads_of(run) == 3
    LocalProcesses(1, 4, 2).submit(tmp_path, "ua_mt")
    assert [env["OMP_NUM_THREADS"] for _, env in started] == ["4", "3"]
    assert started[0][0][-3:] == [str(tmp_path), "ua_mt", "2"]
