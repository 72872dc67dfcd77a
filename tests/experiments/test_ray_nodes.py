"""Nodes of a Ray cluster: they join, die, and lack what a run needs; a whole one is killed while it trains."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from semivox.core.errors import InputError
from semivox.core.plan import Forecast
from semivox.experiments.executor import STOPPED, gpus_of, remark_on
from semivox.training.environment import starts
from semivox.training.settings import TrainSettings
from tests.experiments.made import PLAN
from tests.experiments.on_engines import scores, study, write
from tests.experiments.ray_nodes import Cluster


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write(tmp_path_factory.mktemp("engines"))


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    made = Cluster(tmp_path / "home")
    yield made
    made.end()


@pytest.mark.slow
def test_a_cluster_that_was_started_by_hand_is_joined_with_its_token(place, tmp_path, cluster, monkeypatch):
    """As the page says: a token, ray start --head, then the study. Without the token nobody is let in."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    assert study(place, tmp_path / "here", "--processes", "1").returncode == 0
    cluster.head("--num-cpus=2")
    done = study(place, tmp_path / "out", "--on", "ray", "--address", cluster.address, HOME=str(cluster.home))
    assert done.returncode == 0, done.stderr
    assert scores(tmp_path / "out") == scores(tmp_path / "here")
    nobody = study(place, tmp_path / "no", "--on", "ray", "--address", cluster.address, HOME=str(tmp_path))
    assert nobody.returncode == 2
    assert "this machine needs the same in ~/.ray/auth_token" in " ".join(nobody.stderr.split())


@pytest.mark.slow
def test_a_node_that_dies_costs_no_run_and_no_bit(place, tmp_path, cluster):
    """All processes of one node of two end at once while it trains: its run goes on where it was, on the other."""
    long = ("--set", "plan.steps=600", "--set", "train.save_every=0.01")
    assert study(place, tmp_path / "here", "--processes", "1", *long).returncode == 0
    cluster.head("--num-cpus=0")
    nodes = [cluster.join("--num-cpus=1"), cluster.join("--num-cpus=1")]
    where = ("--on", "ray", "--address", cluster.address)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(study, place, tmp_path / "out", *where, *long, HOME=str(cluster.home))
        node = killed = None
        while killed is None:
            assert not asked.done(), asked.result().stderr
            node = next((one for one in nodes if any(map(saved, one.trains()))), None)
            killed = node and next(filter(saved, node.trains()), None)
        node.kill()
        done = asked.result()
    assert done.returncode == 0, done.stderr
    assert len(starts(killed / "environment.json")) == 2
    assert scores(tmp_path / "out") == scores(tmp_path / "here")


def saved(run):
    """Whether a training has something to go on from, and has not ended."""
    return any((run / "checkpoints").glob("*.pt")) and not (run / "done").exists()


def test_what_no_node_has_is_said_and_not_waited_for_for_ever(tmp_path, monkeypatch):
    """Also Ctrl-C ends the wait; where a node has been found before, it may come back."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from semivox.experiments import on_ray

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)  # of a cluster that another test has asked for
    try:
        executor = on_ray.RayEngine("local", 1).executor(tmp_path, PLAN, 1, TrainSettings(device="cpu", devices=900))
        run = executor.submit(tmp_path, "run")
        assert run.poll() is None
        assert "Waiting for a node: no node of the Ray cluster has 900 cores and" in run.waits()
        monkeypatch.setattr(on_ray, "JOINING", -1.0)
        with pytest.raises(InputError, match=r"900 cores.*none that has joined in .* fewer --devices"):
            run.poll()
        executor.hosted = True
        assert run.poll() is None
        run.stop()
        assert run.poll() == STOPPED
    finally:
        ray.shutdown()


def test_nodes_that_join_are_used_and_those_that_died_are_not(monkeypatch):
    from semivox.core.processes.ray_nodes import Nodes
    from semivox.core.processes.ray_room import Need, Room
    from semivox.experiments.on_ray import RayExecutor

    nodes = Nodes(Room(({"CPU": 4.0},)))
    executor = RayExecutor(5, Need(2), 2, "token", nodes)
    found = [executor.at_once]
    for rooms in (1, 2, 3, 0):
        nodes.room = Room(({"CPU": 4.0},) * rooms)
        found.append(executor.at_once)
    assert found == [2, 2, 4, 5, 1]


@pytest.mark.parametrize(("device", "there", "gpus"), [("auto", 8, 2), ("auto", 0, 0), ("cuda", 0, 2), ("cpu", 8, 0)])
def test_a_gpu_a_process_is_reserved_where_there_are_any(device, there, gpus):
    assert gpus_of(TrainSettings(device=device, devices=2), there > 0) == gpus


def test_a_plan_for_another_kind_of_machine_is_told():
    forecast = Forecast(method="ua_mt", seconds_per_step=1, hours=1, memory_mb=1, device="cpu", threads=1)
    plan = PLAN.model_copy(update={"forecast": forecast})
    assert "measured on a CPU: start the command on a node with a GPU" in remark_on(plan, gpus=1)
    assert remark_on(plan, gpus=0) == ""
