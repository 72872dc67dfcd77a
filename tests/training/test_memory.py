"""Memory: what is forecast is what training takes, and what happens when there is not enough of it."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch

from semivox.core.errors import SemivoxError
from semivox.core.geometry import Shape
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.prepared.store import Store
from semivox.methods import find
from semivox.training.folder import RunFolder
from semivox.training.forecast import forecast as planned
from semivox.training.run import memory_in_words, train_run
from semivox.training.settings import TrainSettings, configure
from semivox.training.spec import RunSpec
from tests import faults
from tests.training import tiny

METHODS = ("supervised", "mean_teacher", "embedding_matching", "sassnet", "cct", "caml", "dkuxnet")
"""One network, two, a bank of features, a discriminator, many decoders, attention between patches, cluster queries."""
PATCHES: dict[str, Shape] = {"caml": (48, 48, 32)}
"""Smaller where a method takes GB and minutes."""


def roomy(method: str) -> Plan:
    """A plan whose steps take some hundred MB to a GB."""
    network = NetworkChoice(name="vnet", options={"width": 8, "convolutions": [1, 1, 1], "strides": [[2, 2, 2]] * 2})
    return tiny.plan(4).model_copy(update={"patch": PATCHES.get(method, (64, 64, 48)), "network": network})


def options(method: str) -> dict[str, object]:
    """The size of a method that a processor trains."""
    return dict(find(method).ablations["small"]) if method == "dkuxnet" else {}


def forecast(root: Path, method: str) -> None:
    config = configure(method, options(method), TrainSettings(device="cpu"))
    plan = planned(roomy(method), config, decided=("precision", "channels_last"))
    (root / "forecast.json").write_text(json.dumps(plan.forecast.memory_mb))


def train(root: Path, method: str, workers: int) -> None:
    config = configure(method, options(method), TrainSettings(workers=workers, device="cpu"))
    train_run(
        RunSpec(
            RunFolder(root / f"run-{workers}"),
            Store(root / "prepared"),
            Split.load(root / "split.json"),
            roomy(method),
            config,
        )
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (root / f"peak-{workers}.json").write_text(json.dumps(peak))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_memory_is_forecast_within_a_quarter(tmp_path, method):
    _, split, _ = tiny.prepared(tmp_path)
    split.save(tmp_path / "split.json")
    assert faults.attempt(forecast, tmp_path, method, root=tmp_path)[0] == 0
    said = json.loads((tmp_path / "forecast.json").read_text(encoding="utf-8"))
    for workers in (0, 1):
        assert faults.attempt(train, tmp_path, method, workers, root=tmp_path)[0] == 0
        peak = json.loads((tmp_path / f"peak-{workers}.json").read_text(encoding="utf-8"))
        assert abs(said - peak) < 0.25 * peak, f"{said:.0f} MB were forecast, {peak:.0f} MB used"


@pytest.mark.parametrize("fail", [lambda: torch.empty(1 << 60), lambda: bytearray(1 << 60)], ids=["torch", "python"])
def test_memory_that_runs_out_ends_in_a_sentence(fail):
    with pytest.raises(SemivoxError, match=r"memory ran out.*--patch"), memory_in_words():
        fail()


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), memory_in_words():
        raise RuntimeError("shape")
