"""One step of each method whose authors published code, against numbers computed once with that code.

``gold.json`` holds the losses, the length of each gradient, and the length of all weights after the step, with the
repository, commit and script they were computed from. Weights and patches were made up (``made_up``), dropout was off,
and both sides ran in float64. The code itself is not here.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch

from semivox.core.progress import Progress
from semivox.methods import find
from semivox.networks.blueprint import Blueprint, architecture
from semivox.networks.teacher import Teacher
from tests.methods.made_up import batch_for, fill, in_float64, undisturbed

GOLD = json.loads((Path(__file__).parent / "gold.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    in_float64(monkeypatch)


@pytest.mark.parametrize("name", GOLD)
def test_a_step_is_that_of_the_authors_code(name):
    gold = GOLD[name]
    kind = find(gold["method"])
    plan = Blueprint(architecture(gold.get("architecture", "vnet"), {"width": 4}), 1, 2)
    method = kind(kind.Config.model_validate(gold["options"]), plan)
    fill(method)
    undisturbed(method)
    for teacher in (module for module in method.modules() if isinstance(module, Teacher)):
        teacher.network.load_state_dict(method.network.state_dict())
    method.train()
    optimizers = {player: getattr(method.config, player).build(getattr(method, player)) for player in method.players}

    torch.manual_seed(gold.get("seed", 0))  # where the step draws a box
    expected = iter(gold["turns"])
    for losses in method.step(batch_for(method), Progress(gold["step"], gold["steps"])):
        turn, player = next(expected), getattr(method, losses.player)
        optimizers[losses.player].zero_grad()
        losses.total.backward()
        gradient = length([p.grad for p in player.parameters() if p.grad is not None])
        optimizers[losses.player].step()
        found = {key: float(value.detach()) for key, value in losses.terms.items()}
        assert found == pytest.approx(turn["terms"], rel=1e-6)
        assert float(losses.total.detach()) == pytest.approx(turn["total"], rel=1e-6)
        assert gradient == pytest.approx(turn["gradient"], rel=1e-6)
        assert length(list(player.parameters())) == pytest.approx(turn["weights"], rel=1e-8)
    assert next(expected, None) is None
    for name, expected_length in gold.get("teachers", {}).items():
        assert length(list(getattr(method, name).parameters())) == pytest.approx(expected_length, rel=1e-10)


def test_every_number_names_its_source():
    assert {
        "supervised",
        "ua_mt",
        "mean_teacher",
        "sassnet",
        "dtc",
        "mc_net",
        "mc_net_plus",
        "ss_net",
        "caml",
        "urpc",
    } <= set(GOLD)
    assert {"bcp", "cps", "ad_mt", "crossmatch"} <= set(GOLD)
    for gold in GOLD.values():
        assert re.match(r"github\.com/[\w-]+/[\w.-]+ [0-9a-f]{12}, ", gold["source"]), "repository, commit, files"


def length(tensors: list[torch.Tensor]) -> float:
    return math.sqrt(sum(float(value.detach().square().sum()) for value in tensors))
