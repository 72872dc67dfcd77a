"""Memory: what is forecast is what training takes, and what happens when there is not enough of it."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch

from semivox.core.errors import SemivoxError
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.store import Store
from semivox.training.forecast import measure
from semivox.training.run import memory_in_words, train_run
from tests import faults
from tests.training import tiny


def roomy(steps: int) -> Plan:
    """A plan whose steps take some hundred MB."""
    network = NetworkChoice(name="vnet", options={"width": 8, "convolutions": [1, 1, 1], "strides": [[2, 2, 2]] * 2})
    return tiny.plan(steps).model_copy(update={"patch": (64, 64, 48), "network": network})


def forecast(root: Path, method: str) -> None:
    _, megabytes = measure(roomy(4), method, ("32-true", False), "cpu")
    (root / "forecast.json").write_text(json.dumps(megabytes))


def train(root: Path, method: str) -> None:
    config = tiny.config(method, workers=1, device="cpu")
    train_run(Store(root / "prepared"), Split.load(root / "split.json"), roomy(4), config, root / "run")
    (root / "peak.json").write_text(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["supervised", "mean_teacher"])
def test_memory_is_forecast_within_a_quarter(tmp_path, method):
    _, split, _ = tiny.prepared(tmp_path)
    split.save(tmp_path / "split.json")
    for task in (forecast, train):
        assert faults.attempt(task, tmp_path, method, root=tmp_path)[0] == 0
    said, peak = (json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("forecast.json", "peak.json"))
    assert abs(said - peak) < 0.25 * peak, f"{said:.0f} MB were forecast, {peak:.0f} MB used"


@pytest.mark.parametrize("fail", [lambda: torch.empty(1 << 60), lambda: bytearray(1 << 60)], ids=["torch", "python"])
def test_memory_that_runs_out_ends_in_a_sentence(fail):
    with pytest.raises(SemivoxError, match=r"memory ran out.*--patch"), memory_in_words():
        fail()


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), memory_in_words():
        raise RuntimeError("shape")
