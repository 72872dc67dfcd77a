"""A training's log in TensorBoard, MLflow and Weights & Biases: every number, live or afterwards."""

import contextlib
import json
import socket

import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from semivox.training.tracking import values_of
from tests.training import tiny
from tests.training.trackers import events, mlflow_server, same, wanted


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked")
    return folder, tiny.prepared(folder, steps=3)


def trained(prepared, name, **settings):
    folder, (store, split, plan) = prepared
    run = RunFolder(folder / name)
    config = tiny.config("mean_teacher", validate_every=2, **settings)
    train_run(RunSpec(run, store, split, plan, config))
    return run


@pytest.fixture(scope="module")
def run(prepared):
    return trained(prepared, "run")


def test_rows_become_named_numbers_and_validation_is_among_them(run):
    names = wanted(run)
    assert {"network/total", "network/rate", "validation/dice", "validation/hd95_mm"} <= {*names, "validation/hd95_mm"}
    assert len(names["network/total"]) == 3
    assert values_of({"step": 1, "player": "network", "total": None, "terms": {"a": 2.0}}) == {"network/a": 2.0}


def test_tensorboard_has_every_number_live_and_afterwards(prepared, run, tmp_path):
    assert exit_code(["export", str(run.path), "--to", "tensorboard", "-o", str(tmp_path / "events")]) == 0
    live = trained(prepared, "live", tensorboard=True)
    for folder, of in ((tmp_path / "events", run), (live.path / "tensorboard", live)):
        found, ours = events(folder), wanted(of)
        assert found.keys() == ours.keys()
        assert all(same(ours[name], found[name]) for name in ours)


def test_wandb_keeps_a_run_offline(prepared, run, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not locked: it needs a package that is a beta; semivox[wandb]")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert exit_code(["export", str(run.path), "--to", "wandb", "-o", str(tmp_path / "kept")]) == 0
    (file,) = (tmp_path / "kept").rglob("*.wandb")
    content = file.read_bytes()
    for name in wanted(run):
        assert name.encode() in content, name
    live = trained(prepared, "live-wandb", wandb=True)
    assert list((live.path / "wandb").rglob("*.wandb"))


@pytest.mark.slow
def test_mlflow_gets_every_number_live_and_afterwards(prepared, run, tmp_path):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    with mlflow_server(tmp_path) as address:
        assert exit_code(["export", str(run.path), "--to", "mlflow", "--server", address]) == 0
        live = trained(prepared, "live-mlflow", mlflow=address)
        client = MlflowClient(tracking_uri=address)
        (experiment,) = [one for one in client.search_experiments() if one.name == "semivox"]
        runs = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
        assert runs.keys() == {"run", "live-mlflow"}
        for name, of in (("run", run), ("live-mlflow", live)):
            assert runs[name].info.status == "FINISHED"
            assert runs[name].data.params["method"] == "mean_teacher"
            for metric, ours in wanted(of).items():
                found = client.get_metric_history(runs[name].info.run_id, metric)
                assert same(ours, sorted((one.step, one.value) for one in found)), metric


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A folder, a user and a machine whose names must not be found again in what is handed on."""
    home = tmp_path / "planted-user"
    home.mkdir()
    for name, value in {"HOME": str(home), "USER": home.name, "LOGNAME": home.name, "USERNAME": home.name}.items():
        monkeypatch.setenv(name, value)
    for where in ("socket.gethostname", "platform.node"):
        monkeypatch.setattr(where, lambda: "planted-host")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(home)
    return home


def named(folder):
    """Files of a folder that hold a planted name, or have one."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if b"planted-" in path.read_bytes() + path.relative_to(folder).as_posix().encode()]


def test_tensorboard_and_wandb_name_no_user_and_no_machine(run, planted):
    kinds = ["tensorboard"]
    with contextlib.suppress(ImportError):
        import wandb  # noqa: F401

        kinds.append("wandb")
    for kind in kinds:
        assert exit_code(["export", str(run.path), "--to", kind, "-o", kind]) == 0
        assert named(planted / kind) == []


@pytest.mark.slow
def test_mlflow_keeps_a_run_in_a_folder_and_names_no_user_and_no_machine(run, planted):
    pytest.importorskip("sqlalchemy")
    from mlflow.tracking import MlflowClient

    assert exit_code(["export", str(run.path), "--to", "mlflow", "-o", "kept"]) == 0
    assert named(planted / "kept") == []
    client = MlflowClient(tracking_uri=f"sqlite:///{planted / 'kept' / 'mlflow.db'}")
    (experiment,) = [one for one in client.search_experiments() if one.name == "semivox"]
    (found,) = client.search_runs([experiment.experiment_id])
    for metric, ours in wanted(run).items():
        history = client.get_metric_history(found.info.run_id, metric)
        assert same(ours, sorted((one.step, one.value) for one in history)), metric
    assert not list(planted.rglob("*telemetry*")), "it tells its makers what it is used for"


def test_mlflow_in_a_folder_without_its_data_base_is_a_sentence(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mlflow")
    monkeypatch.setattr("semivox.training.tracking.find_spec", lambda name: None)
    assert exit_code(["export", str(run.path), "--to", "mlflow", "-o", str(tmp_path / "kept")]) == 2
    assert "--server" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_an_export_that_fails_leaves_nothing(run, tmp_path, monkeypatch):
    class Broken:
        def __init__(self, place, title, options):
            (tmp_path / "kept").mkdir()
            (tmp_path / "kept" / "half").write_text("")

        def log(self, step, values):
            raise InputError("the disk is full")

    monkeypatch.setattr("semivox.training.tracking.TensorBoard", Broken)
    assert exit_code(["export", str(run.path), "--to", "tensorboard", "-o", str(tmp_path / "kept")]) == 2
    assert not (tmp_path / "kept").exists()


def test_a_server_that_is_not_there_is_a_sentence(run, capsys):
    pytest.importorskip("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert exit_code(["export", str(run.path), "--to", "mlflow", "--server", address]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_tracker_that_fails_ends_no_training(prepared, monkeypatch):
    class Broken:
        def log(self, step, values):
            raise OSError("the server is gone")

        def end(self):
            raise OSError("the server is gone")

    monkeypatch.setattr("semivox.training.run_monitor.trackers_of", lambda *arguments: [Broken()])
    run = trained(prepared, "broken")
    assert run.done.exists()
    (said,) = [row["text"] for row in run.warned() if row["code"] == "tracking"]
    assert "the server is gone" in said


def test_what_cannot_be_exported_is_a_sentence(run, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine")
    for said, words in {
        "no log": (str(tmp_path), "--to", "tensorboard", "-o", str(tmp_path / "out")),
        "exists already": (str(run.path), "--to", "tensorboard", "-o", str(tmp_path / "full")),
        "where to": (str(run.path), "--to", "tensorboard"),
        "--server is for": (str(run.path), "--to", "wandb", "--server", "http://x"),
    }.items():
        assert exit_code(["export", *words]) == 2
        assert said in capsys.readouterr().err
    assert json.loads(run.config.read_text())["train"]["wandb"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]
