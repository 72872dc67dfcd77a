"""A run of a method with two players: what is told, logged and kept of each."""

from __future__ import annotations

import pytest

from semivox.training.checkpoint import load
from semivox.training.folder import RunFolder
from semivox.training.model import load_model
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.training import tiny


class Hearing:
    def __init__(self):
        self.heard = []

    def begin(self, title, start, steps):
        pass

    def step(self, done, terms, rate):
        self.heard.append((done, dict(terms), rate))

    def end(self):
        pass


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    store, split, plan = tiny.prepared(root, steps=3)
    hearing = Hearing()
    train_run(RunSpec(RunFolder(root / "run"), store, split, plan, tiny.config("sassnet")), hearing)
    return root / "run", hearing


def test_a_step_is_told_once_with_the_terms_of_all_players_and_the_networks_rate(run):
    folder, hearing = run
    rows = RunFolder(folder).logged()
    assert [done for done, _, _ in hearing.heard] == [1, 2, 3]
    for step, (_, terms, rate) in enumerate(hearing.heard):
        mine, theirs = rows[2 * step : 2 * step + 2]
        assert terms == pytest.approx(mine["terms"] | theirs["terms"])
        assert rate == mine["rate"] != theirs["rate"]


def test_each_turn_has_a_row(run):
    rows = RunFolder(run[0]).logged()
    assert [(row["step"], row["player"]) for row in rows] == [
        (step, player) for step in range(3) for player in ("network", "discriminator")
    ]
    assert all(0 <= row["log"]["discriminator_accuracy"] <= 1 for row in rows[1::2])
    assert all(row["norm"] > 0 and row["rate"] == 1e-4 for row in rows[1::2])


def test_a_checkpoint_holds_both_optimizers_and_the_model_both_players(run):
    state = load(run[0] / "checkpoints")
    assert set(state.optimizers) == {"network", "discriminator"}
    assert all(len(optimizer["state"]) > 0 for optimizer in state.optimizers.values())
    method, _ = load_model(run[0])
    assert set(method.state_dict()) == set(state.method)
    assert any(key.startswith("discriminator.") for key in state.method)
