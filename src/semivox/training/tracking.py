"""The log of a run in the programs that people watch trainings with: TensorBoard, MLflow, Weights & Biases.

One place turns a row of log.jsonl into named numbers; trackers take them while a run goes on, or from its log after it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from semivox.core.errors import InputError, SemivoxError
from semivox.core.files import make_folder
from semivox.core.spelling import suggestion
from semivox.training.settings import TrainSettings

NAMES = ("tensorboard", "mlflow", "wandb")
NEEDED = "needs {package}: pip install 'semivox[{extra}]'"
MLFLOW = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is not there is said within seconds, not minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would tell its makers what it is used for
}
"""Its settings, unless the user's environment says otherwise."""


EMPTY = 100
"""Bytes of a file of Weights & Biases that holds no number."""
DATABASE = "mlflow.db"
ARTIFACTS = "mlflow-artifacts:/semivox"
"""Where a folder's store says that a run's files are: by default below the current folder, which may name a user."""


class Tracker(Protocol):
    """Takes the numbers of one run."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name at a step."""

    def end(self) -> None:
        """The run is over."""


def values_of(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a row of log.jsonl by name, ``player/loss``; what is not finite is left out."""
    player = row["player"]
    found = {f"{player}/{name}": row.get(name) for name in ("total", "rate", "norm", "seconds", "dice", "hd95_mm")}
    for part in ("terms", "log"):
        found |= {f"{player}/{name}": value for name, value in row.get(part, {}).items()}
    found |= {f"{player}/weight of {name}": value for name, value in row.get("weights", {}).items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}


def tracker_of(name: str, place: str, title: str, options: Mapping[str, Any]) -> Tracker:
    """A tracker by name. ``place``: folder, or of MLflow also the address of a server.

    ``options``: what the run was asked, kept beside its numbers. Raises InputError where the package or the server is
    missing.
    """
    makers: dict[str, Callable[[str, str, Mapping[str, Any]], Tracker]] = {
        "tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WandB,
    }  # fmt: skip
    if name not in makers:
        raise InputError(f"there is no tracker {name!r}{suggestion(name, NAMES)}; there are {', '.join(NAMES)}")
    return makers[name](place, title, options)


def trackers_of(settings: TrainSettings, folder: Path, options: Mapping[str, Any]) -> list[Tracker]:
    """The trackers that a run writes to while it goes on. Raises InputError."""
    asked = {
        "tensorboard": str(folder / "tensorboard") if settings.tensorboard else "",
        "mlflow": settings.mlflow,
        "wandb": str(folder / "wandb") if settings.wandb else "",
    }
    return [tracker_of(name, place, folder.name, options) for name, place in asked.items() if place]


def export_log(rows: Iterable[Mapping[str, Any]], tracker: Tracker) -> int:
    """Hand a whole log on; returns how many rows."""
    count = 0
    for row in rows:
        tracker.log(int(row["step"]), values_of(row))
        count += 1
    tracker.end()
    return count


class TensorBoard:
    """Events in a folder."""

    def __init__(self, place: str, title: str, options: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError(f"TensorBoard {NEEDED.format(package='tensorboard', extra='tracking')}") from error
        self.place, self.writer = Path(place), SummaryWriter(place)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Scalars."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def end(self) -> None:
        """Write what is left; the name of this machine, which the library puts into the file's, is nobody's affair."""
        self.writer.close()
        for path in self.place.glob(f"events.*.{socket.gethostname()}.*"):
            path.rename(path.with_name(path.name.replace(f".{socket.gethostname()}.", ".semivox.")))


class MLflow:
    """A run of the experiment ``semivox``, on a server or in a data base of a folder (``mlflow.db``)."""

    def __init__(self, place: str, title: str, options: Mapping[str, Any]) -> None:
        for name, value in MLFLOW.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise InputError(f"MLflow {NEEDED.format(package='mlflow-skinny', extra='tracking')}") from error
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        store = _store(place)
        self.database = None if store == place else Path(place) / DATABASE
        try:
            self.client = MlflowClient(tracking_uri=store)
            known = self.client.get_experiment_by_name("semivox")
            experiment = (
                known.experiment_id
                if known
                else self.client.create_experiment("semivox", None if store == place else ARTIFACTS)
            )
            self.run = self.client.create_run(experiment, run_name=title).info.run_id
            for name, value in options.items():
                self.client.log_param(self.run, name, str(value)[:500])
        except Exception as error:  # the library raises kinds of its own and of its parts
            raise InputError(f"MLflow at {place} cannot be used: {str(error).splitlines()[0][:200]}") from error

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One request a step."""
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(self.run, [Metric(name, value, now, step) for name, value in values.items()])

    def end(self) -> None:
        """The run is finished."""
        self.client.set_terminated(self.run)
        if self.database is not None:
            _forget_folder(self.database)


def _store(place: str) -> str:
    """The address of a store: as it is given, or that of a folder's data base. Raises InputError where it cannot be."""
    if "://" in place:
        return place
    if find_spec("sqlalchemy") is None:
        raise InputError("MLflow in a folder needs more than mlflow-skinny: pip install mlflow, or give a --server")
    if any(sign in place for sign in "?#%"):
        raise InputError(
            f"MLflow cannot keep a data base in {place}, for one of ? # % in its name; give another folder"
        )
    make_folder(Path(place))
    return f"sqlite:///{Path(place).absolute() / DATABASE}"


def _forget_folder(database: Path) -> None:
    """Take out where the command was started: the library notes it as the place of files of its experiment Default."""
    with contextlib.closing(sqlite3.connect(database)) as opened:
        opened.execute("UPDATE experiments SET artifact_location = ? WHERE name = 'Default'", (ARTIFACTS,))
        opened.commit()
        opened.execute("VACUUM")


class WandB:
    """A run of Weights & Biases kept in a folder, never sent: ``wandb sync`` sends it when somebody wants that."""

    def __init__(self, place: str, title: str, options: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise InputError(f"Weights & Biases {NEEDED.format(package='wandb', extra='wandb')}") from error
        self.teardown = wandb.teardown
        Path(place).mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            silent=True, console="off", x_disable_stats=True, x_disable_meta=True, host="semivox", username="semivox"
        )  # no name of a machine or a user
        self.run = wandb.init(
            project="semivox", name=title, dir=place, mode="offline", config=dict(options), settings=settings
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """With the step as a number of its own: players log one step several times."""
        self.run.log({"step": step, **values})

    def end(self) -> None:
        """Write what is left. Raises SemivoxError where the library wrote nothing and did not say so."""
        folder = Path(self.run.dir).parent
        self.run.finish()
        self.teardown()  # else its process may still write when this one has long gone on
        if not any(path.stat().st_size > EMPTY for path in folder.glob("*.wandb")):
            raise SemivoxError(f"Weights & Biases wrote no number into {folder}; run the same command again")
