"""Runs that stop where a test wants, and the weights that they leave."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from semivox.training import run


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "weights.safetensors")


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Behave as if Ctrl-C came during the given step."""
    turned = run.RunMonitor.turned

    def asked(keeper: run.RunMonitor, at: int, *rest: object) -> None:
        turned(keeper, at, *rest)
        keeper.stop.asked = keeper.stop.asked or at + 1 == step

    monkeypatch.setattr(run.RunMonitor, "turned", asked)
