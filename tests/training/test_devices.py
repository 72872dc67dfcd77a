"""Several processes train one run from the command line: alone, under torchrun and under srun, to the same bits."""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch

from semivox.core.errors import InputError, SemivoxError
from semivox.core.processes.launcher import MEDDLING, SRUN, SRUN_TEXTS, TORCHRUN, TORCHRUN_TEXTS, launched
from semivox.training import distributed, fabric, together
from semivox.training.distributed import _Sealed
from semivox.training.folder import RunFolder
from semivox.training.run import loss_of_another_in_words, train_run
from semivox.training.settings import TrainSettings
from semivox.training.spec import RunSpec, batch_of_process
from tests.training import tiny
from tests.training.runs import assert_same, weights

SEMIVOX = [sys.executable, "-m", "semivox"]
TORCHRUN_2 = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "semivox"]
ONE_STEP = {"SLURM_JOB_ID": "4711", "SLURM_STEP_NODELIST": "localhost", "SLURM_NODEID": "0"}
TWO_TASKS = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_NTASKS": "2"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Scans, and a plan of four steps for them."""
    folder = tmp_path_factory.mktemp("devices")
    tiny.write_spheres(folder / "data")
    tiny.plan(4).save(folder / "plan.json")
    return folder


def words(root, out, *more):
    fixed = ("--method", "mean_teacher", "--device", "cpu", "--workers", "0", "--plan", root / "plan.json")
    return [str(word) for word in ("train", root / "data", "-o", root / out, *fixed, *more)]


def environment(**more):
    """Without what a launcher of these very tests may have set."""
    names = {*MEDDLING, *TORCHRUN, *TORCHRUN_TEXTS, *SRUN, *SRUN_TEXTS}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path), **more}


def ended(command, **more):
    return subprocess.run(
        command, env=environment(**more), capture_output=True, encoding="utf-8", check=False, timeout=240
    )


def config_of(root, out):
    return json.loads((root / out / "config.json").read_text(encoding="utf-8"))["train"]


@pytest.mark.slow
def test_devices_torchrun_and_srun_train_to_the_same_bits(root):
    alone = ended([*SEMIVOX, *words(root, "devices", "--devices", "2")])
    assert (alone.returncode, "step 4/4" in alone.stderr) == (0, True), alone.stderr
    assert "Initializing distributed" not in alone.stdout + alone.stderr
    torchrun = ended([*TORCHRUN_2, *words(root, "torchrun")])
    assert (torchrun.returncode, torchrun.stderr.count("step 4/4")) == (0, 1), torchrun.stderr
    tasks = [
        subprocess.Popen(
            [*SEMIVOX, *words(root, "srun", "--devices", "2", "--nodes", "1")],
            env=environment(**ONE_STEP, **TWO_TASKS, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)),
        )
        for rank in range(2)
    ]
    assert [task.wait(240) for task in tasks] == [0, 0]
    for out in ("torchrun", "srun"):
        assert_same(weights(root / "devices"), weights(root / out))
        assert (config_of(root, out)["devices"], config_of(root, out)["nodes"]) == (2, 1)
        rows = RunFolder(root / out).logged()
        assert [row["step"] for row in rows] == [0, 1, 2, 3]
    again = ended([*TORCHRUN_2, *words(root, "torchrun")])
    assert (again.returncode, again.stderr.count("already finished")) == (0, 1)


@pytest.mark.slow
def test_a_process_whose_partner_dies_ends_with_a_sentence(root, port):
    """As on a machine of several: no launcher ends the others."""
    tiny.plan(100_000).save(root / "long.json")
    command = [*SEMIVOX, *words(root, "bereft"), "--plan", str(root / "long.json")]
    tasks = [
        subprocess.Popen(
            command, stderr=subprocess.PIPE, encoding="utf-8",
            env=environment(**half_a_torchrun(port) | {"RANK": str(rank), "LOCAL_RANK": str(rank)}),
        )
        for rank in range(2)
    ]  # fmt: skip
    while not (root / "bereft" / "log.jsonl").exists():
        assert tasks[0].poll() is None
        time.sleep(0.1)
    tasks[1].kill()
    said = tasks[0].communicate(timeout=240)[1]
    tasks[1].communicate()
    assert tasks[0].returncode == 1
    assert "semivox: another of the 2 processes that train together has ended" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_two_that_share_the_batch_see_the_patches_of_one(root):
    shared = ("--devices", "2", "--set", "train.split_batch=true", "--method", "supervised")
    assert ended([*SEMIVOX, *words(root, "shared", *shared)]).returncode == 0
    assert ended([*SEMIVOX, *words(root, "one", "--method", "supervised")]).returncode == 0
    assert config_of(root, "shared")["split_batch"] is True
    first = [RunFolder(root / out).logged()[0]["total"] for out in ("shared", "one")]
    assert first[0] != first[1]  # of one patch and of two


@pytest.mark.slow
def test_what_is_wrong_before_training_ends_both_processes_with_its_sentence(root):
    found = ended([*TORCHRUN_2, *words(root, "wrong", "--split", root / "nowhere.json")])
    assert found.returncode != 0
    assert "nowhere.json" in found.stderr
    assert not (root / "wrong" / "config.json").exists()


@pytest.mark.parametrize("name", [*TORCHRUN, "SLURM_PROCID", "SLURM_NTASKS", "NODE_RANK"])
def test_a_lone_variable_changes_nothing(tmp_path, monkeypatch, name):
    """Lock, records and comparison stay on, and no other process is waited for."""
    monkeypatch.setenv(name, "1")
    store, split, plan = tiny.prepared(tmp_path, steps=2)
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised", device="cpu"))
    train_run(spec)
    assert spec.folder.done.exists()
    with spec.folder.locked(), pytest.raises(InputError, match="another process"):
        train_run(spec)
    with pytest.raises(InputError, match=r"train\.seed"):
        train_run(RunSpec(spec.folder, store, split, plan, tiny.config("supervised", device="cpu", seed=2)))
    assert os.environ[name] == "1"


def test_a_batch_is_shared_or_each_takes_as_many():
    plan = tiny.plan()
    assert batch_of_process(plan, TrainSettings(devices=2)) == (2, 2)
    assert batch_of_process(plan, TrainSettings(devices=2, split_batch=True)) == (1, 1)
    assert batch_of_process(plan, TrainSettings(nodes=2, split_batch=True)) == (1, 1)
    uneven = plan.model_copy(update={"labeled_per_step": 6})
    with pytest.raises(InputError, match=r"unlabeled_per_step is 2; give --set train\.unlabeled_per_step=3"):
        batch_of_process(uneven, TrainSettings(devices=3, split_batch=True))


def test_several_machines_need_a_launcher():
    with pytest.raises(InputError, match=r"--nodes 2 needs a launcher.*torchrun --nnodes 2 --nproc_per_node 4"):
        together.require_here(TrainSettings(nodes=2, devices=4))
    together.require_here(TrainSettings(devices=4))


def test_wishes_that_the_launcher_does_not_meet_are_refused(monkeypatch):
    for name, value in {**ONE_STEP, **TWO_TASKS, "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}.items():
        monkeypatch.setenv(name, value)
    found = together.with_launchers_processes(tiny.config("supervised"))
    assert (found.train.devices, found.train.nodes) == (2, 1)
    same = tiny.config("supervised", devices=2)
    assert together.with_launchers_processes(same) == same
    with pytest.raises(
        InputError, match=r"srun has started 2 process.*--devices 3 --nodes 1 asks for a different number"
    ):
        together.with_launchers_processes(tiny.config("supervised", devices=3))
    environment = fabric.LaunchedEnvironment(launched())
    assert (environment.main_address, environment.main_port) == ("localhost", 19711)


def test_what_a_process_tells_reaches_a_reporter_that_cannot_travel(tmp_path):
    """A terminal's stream, a notebook's widget: nothing of it is sent to another process."""
    store, split, plan = tiny.prepared(tmp_path, steps=3)
    heard = []

    class Local:
        def __getattr__(self, name):
            return lambda *values: heard.append((name, *values))

        def __reduce__(self):
            raise TypeError("cannot pickle")

    config = tiny.config("supervised", devices=2, device="cpu")
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, config), Local())
    assert [name for name, *_ in heard] == ["begin", "step", "step", "step", "end"]
    assert heard[0] == ("begin", "run", 0, 3)
    assert torch.distributed.is_initialized() is False


def half_a_torchrun(port) -> dict[str, str]:
    """What torchrun says to the first of two processes, of which the other never comes."""
    return {
        **{"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "none"},
    }


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_processes_that_do_not_come_together_are_told(monkeypatch, port):
    for name, value in half_a_torchrun(port).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(together, "TOGETHER", timedelta(seconds=1))
    said = []
    with pytest.raises(SemivoxError, match=rf"the 2 processes that torchrun announces .* 127\.0\.0\.1:{port} within 1"):
        together.connect(said.append)
    assert said == [f"torchrun announces 2 processes; waiting for all of them at 127.0.0.1:{port}"]


def test_a_request_to_stop_is_heard_while_others_are_waited_for(root, port):
    """torch waits in a way that hears no signal."""
    command = [*SEMIVOX, *words(root, "half")]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "encoding": "utf-8"}
    task = subprocess.Popen(command, env=environment(**half_a_torchrun(port)), **pipes)
    assert "waiting for all of them" in task.stderr.readline()
    task.terminate()
    assert task.wait(60) == 75
    assert "run the same command again" in task.stderr.read()


@pytest.mark.parametrize(("size", "raised"), [(2, SemivoxError), (1, RuntimeError)])
def test_what_gloo_says_of_a_lost_process_becomes_a_sentence_where_there_are_several(size, raised):
    together = SimpleNamespace(world_size=size)
    with pytest.raises(raised), loss_of_another_in_words(together):
        raise RuntimeError("[third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1")


def test_other_errors_of_a_step_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), loss_of_another_in_words(SimpleNamespace(world_size=2)):
        raise RuntimeError("shape mismatch")


def test_processes_take_their_group_down_before_they_end(tmp_path, monkeypatch):
    """One of eight trainings of two processes ended with "terminate called without an active exception" after all."""
    monkeypatch.setattr(distributed, "end_with_parent", lambda: None)
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    seen = []
    distributed._run(None, lambda fabric: seen.append(torch.distributed.is_initialized()), None, _Sealed(()))
    assert seen == [True]
    assert not torch.distributed.is_initialized()
