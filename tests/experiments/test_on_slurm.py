"""Runs as jobs of SLURM: the same bits; signals, lost jobs, earlier commands. On a stand-in for its commands."""

import os
import signal
import sys
import time

import pytest

from semivox.cli import exit_code
from semivox.experiments import slurm_run
from semivox.experiments.on_slurm import SlurmEngine
from semivox.training.settings import TrainSettings
from tests import faults
from tests.experiments import slurm_stand_in
from tests.experiments.here import all_here
from tests.experiments.made import PLAN
from tests.experiments.on_engines import scores, words, write
from tests.experiments.tiny import draw_nothing

pytest.importorskip("submitit", reason="submitit is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write(tmp_path_factory.mktemp("slurm"))


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The stand-in, on the PATH of this process and of those it starts."""
    root = tmp_path / "slurm"
    monkeypatch.setenv("PATH", os.pathsep.join((str(slurm_stand_in.install(root)), os.environ["PATH"])))
    return root


def names(root):
    """What submitted jobs are called."""
    return [path.read_text() for path in sorted(root.glob("*.name"), key=lambda path: int(path.stem))]


def test_a_study_on_slurm_ends_with_the_bits_of_one_here(place, slurm, tmp_path, monkeypatch, capsys):
    draw_nothing(monkeypatch)
    with monkeypatch.context() as patch:
        all_here(patch)
        assert exit_code(words(place, tmp_path / "here", "--processes", "1")) == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = ("--on", "slurm", "--slurm", "partition=main", "--slurm", "time=10")
    assert exit_code(words(place, tmp_path / "out", *asked)) == 0
    assert "As jobs of SLURM, at most 2 at a time, 1 core each" in " ".join(capsys.readouterr().err.split())
    assert len(set(names(slurm))) == 2  # a name for each run, from its folder
    assert scores(tmp_path / "out") == scores(tmp_path / "here")
    assert len(scores(tmp_path / "here")) == 2
    options = (tmp_path / "out" / ".slurm" / "1_submission.sh").read_text()
    assert "#SBATCH --partition=main" in options
    assert "#SBATCH --time=10" in options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["partition=nosuch"], "SLURM does not take such jobs: invalid partition specified: nosuch"),
        (["time=x"], "--slurm time=x: a whole number is wanted"),
        (["time=2"], "a job needs at least 5 minutes"),
        (["cpus_per_task=0"], "and 1 core"),
        (["color=red"], "--slurm: Unavailable parameter(s): ['color']; there are account, "),
        (["time"], "give NAME=VALUE"),
    ],
)
def test_what_slurm_would_not_take_is_refused_before_any_work(place, slurm, tmp_path, capsys, options, said):
    asked = [word for option in options for word in ("--slurm", option)]
    assert exit_code(words(place, tmp_path / "out", "--on", "slurm", *asked)) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
    assert not names(slurm)


def test_where_there_is_no_slurm_a_sentence_says_so(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    assert exit_code(words(place, tmp_path / "out", "--on", "slurm")) == 2
    assert "--on slurm needs SLURM's command sbatch" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


RUN = """#!{python}
import pathlib, signal, sys
folder = pathlib.Path(sys.argv[3])
if {saves}:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
(folder / "ready").touch()
signal.pause()
"""
"""Stands in for the process of a run: it waits for a signal."""


def job_of(run, folder):
    """What a job does, in a process of its own."""
    sys.executable = run
    sys.exit(slurm_run.job(folder, "run", 0) % 256)


@pytest.mark.parametrize("number", ["SIGUSR2", "SIGUSR1", "SIGTERM"])
@pytest.mark.parametrize("saves", [True, False])
def test_a_job_hands_the_signal_on_and_says_that_it_was_stopped(tmp_path, number, saves):
    """Also where the run is not training and dies of it: nothing is lost, so the job may come again."""
    run = tmp_path / "run.py"
    run.write_text(RUN.format(python=sys.executable, saves=saves))
    run.chmod(0o755)
    job = faults.start(job_of, str(run), str(tmp_path))
    while not (tmp_path / "ready").exists():
        assert job.is_alive()
        time.sleep(0.02)
    os.kill(job.pid, getattr(signal, number))
    job.join()
    assert job.exitcode == 75


class Executor:
    """Counts jobs that are submitted."""

    def __init__(self, folder):
        from semivox.experiments.slurm_queue import Queue

        self.folder, self.queue, self.jobs = folder, Queue(), []

    def submitted(self, run):
        import submitit

        self.jobs.append(str(100 + len(self.jobs)))
        return submitit.SlurmJob(folder=self.folder, job_id=self.jobs[-1])

    def earlier(self, number):
        import submitit

        return submitit.SlurmJob(folder=self.folder, job_id=number)


@pytest.fixture
def run(slurm, tmp_path, monkeypatch):
    """A run whose job is in the queue, as squeue says."""
    from semivox.experiments import slurm_queue

    monkeypatch.setattr(slurm_run, "PATIENCE", 0.0)
    monkeypatch.setattr(slurm_queue, "LOOK", 0.0)
    started = slurm_run.SlurmRun(Executor(tmp_path), tmp_path, "run")
    started.start()
    (slurm / "100.name").write_text(started.name)
    assert started.poll() is None
    return started


@pytest.mark.parametrize("state", ["TIMEOUT", "PREEMPTED", "NODE_FAIL"])
def test_a_job_that_slurm_ended_comes_again(run, slurm, state):
    (slurm / "100.state").write_text(state)
    assert run.poll() is None
    assert run.executor.jobs == ["100", "101"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            "OUT_OF_MEMORY",
            "job 100 of SLURM: it took more memory than it had asked for; ask for more by --slurm mem=16G",
        ),
        ("CANCELLED", "job 100 of SLURM: it was cancelled (scancel)"),
        ("FAILED", "it left no log (failed): do all nodes see"),
        ("PURGED", "it left no log (forgotten): do all nodes see"),
    ],
)
def test_a_job_that_ends_without_an_answer_is_a_failure_with_its_reason(run, slurm, tmp_path, state, said):
    (slurm / "100.state").write_text(state)
    assert run.poll() == 1
    assert said in (tmp_path / "run.txt").read_text()
    assert run.executor.jobs == ["100"]


def test_why_a_job_waits_is_said_in_slurms_words(run, slurm):
    (slurm / "100.state").write_text("PENDING")
    assert run.poll() is None
    assert run.waits() == ""  # the scheduler has not looked at it yet
    (slurm / "100.reason").write_text("ReqNodeNotAvail, UnavailableNodes:n1")
    assert run.poll() is None
    assert "wait in the queue of SLURM (ReqNodeNotAvail, UnavailableNodes:n1); squeue --me" in run.waits()
    (slurm / "100.state").write_text("RUNNING")
    assert run.poll() is None
    assert run.waits() == ""


@pytest.mark.parametrize(
    ("device", "options", "gpus"),
    [
        ("cpu", {"partition": "gpu"}, "0"),
        ("auto", {"partition": "gpu"}, "2"),
        ("auto", {"partition": "main,gpu"}, "2"),
        ("auto", {"partition": "main"}, "0"),
        ("auto", {}, "0"),  # the default partition has none
        ("cuda", {}, "2"),
        ("cuda", {"gpus_per_node": "1"}, "1"),
        ("cuda", {"gres": "gpu:a100:1"}, None),
    ],
)
def test_a_gpu_a_process_is_asked_for_where_there_are_any(slurm, tmp_path, device, options, gpus):
    """The rule of Ray: always for cuda, for auto where the cluster has GPUs. What the user says of them counts."""
    found = SlurmEngine(options).executor(tmp_path, PLAN, 3, TrainSettings(device=device, devices=2))
    given = found.submitter.parameters
    assert str(given.get("gpus_per_node")) == str(gpus)
    assert given["cpus_per_task"] == 2
    assert ("2 cores and 2 GPUs each" in found.describe()) == (device != "cpu" and found.gpus > 0)


def test_memory_that_the_user_asks_for_otherwise_replaces_ours(slurm, tmp_path):
    """sbatch takes one of the two."""
    given = [SlurmEngine(one).executor(tmp_path, PLAN, 1, TrainSettings()).submitter.parameters
             for one in ({}, {"mem_per_cpu": "4G"}, {"mem": "9G"})]  # fmt: skip
    assert [found.get("mem") for found in given] == ["3GB", None, "9G"]


def test_a_controller_that_does_not_answer_ends_no_job(run, slurm):
    (slurm / "bin" / "squeue").write_text(
        "#!/bin/sh\necho 'squeue: error: Unable to contact slurm controller' >&2\nexit 1\n"
    )
    assert run.poll() is None


def test_a_job_in_the_queue_is_taken_away_when_the_command_is_stopped(run, slurm):
    (slurm / "100.state").write_text("PENDING")
    run.stop()
    assert (slurm / "100.state").read_text() == "CANCELLED"
    assert run.poll() == 75
    assert run.executor.jobs == ["100"]


def test_a_later_command_takes_over_the_job_of_an_earlier_one(run, slurm):
    again = slurm_run.SlurmRun(run.executor, run.folder, run.run)
    again.start()
    assert again.job.job_id == "100"
    assert run.executor.jobs == ["100"]
    (slurm / "100.state").write_text("COMPLETED")
    third = slurm_run.SlurmRun(run.executor, run.folder, run.run)
    third.start()
    assert run.executor.jobs == ["100", "101"]
