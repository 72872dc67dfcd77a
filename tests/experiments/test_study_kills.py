"""Kill a study anywhere and start the same command at once: every run ends with the bits of an undisturbed study."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from semivox.core.errors import InputError
from semivox.core.processes.lock import locked
from semivox.experiments import one_run, runner
from semivox.experiments.study import run_study
from semivox.experiments.study_file import CaseChoice
from semivox.pipeline import stages as steps
from semivox.training import forecast
from tests import faults
from tests.core.processes.liveness import alive, ended
from tests.experiments.here import forked
from tests.experiments.tiny import STUDY

ONE = STUDY.model_copy(
    update={
        "cases": CaseChoice(labeled=(1,), test=1),
        "plan": STUDY.plan.model_copy(update={"steps": 5}),
        "train": {"device": "cpu", "workers": 0, "save_every": 1e-6},
    }
)
"""Two runs that save after every step."""
RUNS = [f"labeled-1/draw-0/seed-1/{arm}" for arm in ("supervised", "mean_teacher")]
OUTPUTS = ("model/weights.safetensors", "model/model.json", "scores.json", "scores.csv")


def study(data: Path, out: Path) -> None:
    """The study, one run after the other."""
    steps.spare_cores = lambda *_: 0
    forecast.forecast = lambda plan, *_, **__: plan  # timings choose a memory format: not the same in two studies
    runner.POLL = 0.05
    assert run_study(ONE, data, data, out, engine=forked()).done == 2


def outputs(out: Path) -> dict[str, bytes]:
    """What a study's tables are made of, byte by byte."""
    return {f"{run}/{name}": (out / run / name).read_bytes() for run in RUNS for name in OUTPUTS}


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(4, 0, 0)


@pytest.fixture(scope="module")
def whole(scans, tmp_path_factory):
    out = tmp_path_factory.mktemp("studies") / "whole"
    code, touches = faults.attempt(study, scans, out, root=out)
    assert code == 0
    return outputs(out), touches


def test_a_study_killed_while_a_run_trains_goes_on_at_once_to_the_same_bits(scans, whole, tmp_path):
    out = tmp_path / "study"
    process = faults.start(study, scans, out)
    while process.is_alive() and not list(out.glob(f"{RUNS[0]}/checkpoints/step-*")):
        time.sleep(0.005)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert faults.attempt(study, scans, out, root=out)[0] == 0
    assert outputs(out) == whole[0]
    assert not list(out.rglob("*.writing*"))


@pytest.mark.slow
def test_a_study_killed_anywhere_ends_with_the_same_bits(scans, whole, tmp_path):
    expected, touches = whole
    chance, out = random.Random(0), tmp_path / "study"
    killed = [faults.attempt(study, scans, out, root=out, at=1 + chance.randrange(touches))[0] for _ in range(15)]
    assert -signal.SIGKILL in killed
    assert faults.attempt(study, scans, out, root=out)[0] == 0
    assert outputs(out) == expected


def test_a_run_waits_for_the_process_of_a_killed_study_that_still_saves(tmp_path, monkeypatch):
    """And then does what is left, alone."""
    ours, theirs = multiprocessing.Pipe()
    holder = multiprocessing.get_context("fork").Process(target=hold, args=(tmp_path, theirs))
    holder.start()
    assert ours.recv() == "held"
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        ours.send("let go")
        holder.join()

    monkeypatch.setattr("semivox.core.processes.lock.time.sleep", sleep)
    with pytest.raises(InputError, match=f"another process is working on .*process {holder.pid}"), locked(tmp_path):
        pass
    assert not waited
    with locked(tmp_path, patience=one_run.PATIENCE):
        assert len(waited) == 1
        assert not alive(holder.pid)


def test_a_run_waits_as_long_as_its_predecessor_may_take_to_save(tmp_path, monkeypatch):
    waited = []

    @contextmanager
    def noted(folder, name, patience=0.0):
        waited.append((folder, patience))
        yield

    monkeypatch.setattr(one_run, "locked", noted)
    monkeypatch.setattr(one_run, "load_record", lambda folder: SimpleNamespace(starts=(), study_file=None))
    monkeypatch.setattr(one_run, "run_named", lambda *_: SimpleNamespace(done=lambda folder: True))
    one_run.complete(tmp_path, "seed-1/supervised", 0)
    assert waited == [(tmp_path / "seed-1", one_run.PATIENCE)]
    assert one_run.PATIENCE >= 30


def hold(folder, pipe):
    with locked(folder):
        pipe.send("held")
        pipe.recv()


def test_a_second_study_on_the_folder_is_refused_before_it_changes_anything(scans, tmp_path):
    out = tmp_path / "study"
    out.mkdir()
    with locked(out), pytest.raises(InputError, match="another process is working on"):
        run_study(ONE, scans, scans, out, engine=forked())
    assert [path.name for path in out.iterdir()] == ["lock"]


def test_a_run_ends_when_its_study_is_killed_also_after_training(tmp_path):
    """Training takes note of the signal and saves; what follows training dies of it."""
    pids = multiprocessing.get_context("fork").SimpleQueue()
    parent = multiprocessing.get_context("fork").Process(target=deaf_child, args=(pids,))
    parent.start()
    child = pids.get()
    parent.kill()
    parent.join()
    assert ended(child)


def deaf_child(pids):
    """Start a process that overhears the first signal, as in its last training step."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(signal.SIGTERM, signal.SIG_DFL))
        one_run._follow_parent()
        pids.put(os.getpid())
        while True:
            time.sleep(0.01)
    signal.pause()
