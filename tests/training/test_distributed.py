"""Two processes: all hold the same state, and resuming stays exact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from semivox.core.errors import InterruptedRun, SemivoxError
from semivox.methods import METHODS
from semivox.training import checkpoint, run
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from semivox.training.stopping import StopRequest
from tests import faults
from tests.core.processes.liveness import alive
from tests.training import tiny, two_processes
from tests.training.runs import assert_same, weights


class TellingKeeper(run.RunMonitor):
    """Writes the state that each process holds after each step, and asks the second process to stop after two."""

    stop_at = 0

    def stepped(self, done, state):
        torch.save(
            vars(state()),
            self.folder.path.parent / f"{self.folder.path.name}-rank{self.fabric.global_rank}-step{done}.pt",
        )
        self.stop.asked = self.fabric.global_rank == 1 and done == self.stop_at
        super().stepped(done, state)


class StoppingKeeper(TellingKeeper):
    """The same, asked to stop."""

    stop_at = 2


def progress(fabric, *rest):
    run.RunMonitor = TellingKeeper
    original(fabric, *rest)


def tell_and_stop(fabric, *rest):
    run.RunMonitor = StoppingKeeper
    original(fabric, *rest)


original = run.work


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mean_teacher", "embedding_matching", "sassnet", "mtc"])
def test_two_processes_hold_the_same_state_and_resume_exactly(tmp_path, monkeypatch, method):
    store, split, plan = tiny.prepared(tmp_path, steps=4)
    two = tiny.config(method, devices=2, device="cpu")
    monkeypatch.setattr(run, "work", progress)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, two))
    for step in (1, 4):
        first, second = (torch.load(tmp_path / f"whole-rank{rank}-step{step}.pt", weights_only=True) for rank in (0, 1))
        assert_same(first["method"], second["method"])
    monkeypatch.setattr(run, "work", tell_and_stop)
    with pytest.raises(InterruptedRun, match="step 2 of 4"):
        train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, two))
    assert checkpoint.load(tmp_path / "parts" / "checkpoints").step == 2
    monkeypatch.setattr(run, "work", progress)
    train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, two))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


@pytest.mark.slow
def test_torchrun_starts_a_run_that_one_process_holds_and_validates(tmp_path):
    """The second process is not refused the folder, nor waited for by a validation that it has no part in."""
    _, split, _ = tiny.prepared(tmp_path, steps=4)
    split.save(tmp_path / "split.json")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
    here = Path(__file__).parents[2]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(here)}
    done = subprocess.run(
        [*command, "tests.training.under_torchrun", str(tmp_path)], cwd=here, env=environment, timeout=240, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "run" / "done").exists()
    assert (
        sum('"validation"' in row for row in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines())
        == 2
    )


def test_gradients_are_averaged_and_what_rests_everywhere_has_none(tmp_path):
    two_processes.together(two_processes.averaged, tmp_path / "found")
    for rank in range(2):
        found = json.loads((tmp_path / f"found-{rank}").read_text(encoding="utf-8"))
        assert found == {"both": [[1.5, 1.5]], "second": [[1.0, 1.0]], "none": None}


def told(tmp_path, cases):
    two_processes.together(two_processes.run, cases, tmp_path / "told.json")
    return json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))


def test_a_head_that_a_weight_of_0_lets_rest_stops_no_process(tmp_path):
    cases = [case for case in two_processes.ablations(["sassnet"]) if case[1] == "no distances"]
    cases += [("mean_teacher", two_processes.CHANNELS_LAST, {})]
    results = told(tmp_path, cases)
    assert results == {"sassnet: no distances": "", f"mean_teacher: {two_processes.CHANNELS_LAST}": ""}


@pytest.mark.parametrize(
    ("how", "said"), [("killed", "process 1 .*was killed.*memory"), ("refused", "^scan 'x' cannot be read$")]
)
def test_what_ends_one_process_is_said_in_a_sentence(how, said):
    with pytest.raises(SemivoxError, match=said):
        two_processes.together(two_processes.fail, how)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_processes_save_when_the_first_is_asked_to_stop_and_end_when_it_is_killed(tmp_path, number):
    program = faults.start(two_processes.until_stopped, tmp_path)
    while program.is_alive() and len(list(tmp_path.glob("[01]"))) < 2:
        time.sleep(0.01)
    pids = [int((tmp_path / str(rank)).read_text(encoding="utf-8")) for rank in range(2)]
    os.kill(program.pid, number)
    program.join()
    assert program.exitcode == (75 if number == signal.SIGTERM else -number)
    deadline = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(alive, pids))


@pytest.mark.slow
def test_every_ablation_trains_in_two_processes_that_hold_the_same_state(tmp_path):
    cases = two_processes.ablations(list(METHODS))
    results = told(tmp_path, cases)
    assert len(results) == len(cases)
    assert {name: said for name, said in results.items() if said} == {}


def test_a_stop_request_of_one_process_counts():
    request = StopRequest()
    assert not request.asked
    request._note(2, None)
    assert request.asked
