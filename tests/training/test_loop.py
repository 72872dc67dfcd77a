"""The loop: it minimizes what it is handed, player by player, and guards against numbers that are none."""

from __future__ import annotations

import math

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from semivox.core.batch import Batch
from semivox.core.errors import SemivoxError
from semivox.methods import METHODS
from semivox.methods.method import Losses, Method, MethodConfig, OptimizerConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.vnet import VNet
from semivox.training.checkpoint import State
from semivox.training.dry_steps import DrySteps
from semivox.training.loop import Observer, Pace, train
from tests.training import tiny

PLAIN = OptimizerConfig(kind="sgd", rate=0.1, momentum=0.0, decay=0.0, schedule="constant", warmup=0)
BLUEPRINT = Blueprint(VNet(), 1, 2)


class TwoConfig(MethodConfig):
    network: OptimizerConfig = PLAIN
    rival: OptimizerConfig = PLAIN


class Two(Method):
    """Two numbers: the network follows 1, then its rival follows the network as that turn has left it."""

    Config = TwoConfig
    players = ("network", "rival")

    def __init__(self, poison: tuple[int, ...] = ()) -> None:
        super().__init__(TwoConfig(), BLUEPRINT)
        self.network, self.rival = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        nn.init.zeros_(self.rival.weight)
        self.poison = poison

    def step(self, batch, progress):
        one = torch.ones(1, 1)
        error = (self.network(one) - 1).square().sum() + self.rival(one).sum()  # also reaches the rival
        yield Losses({"error": error * (math.nan if progress.step in self.poison else 1.0)})
        seen = float(self.network(one).detach())
        yield Losses({"chase": (self.rival(one) - seen).square().sum()}, player="rival", log={"seen": seen})


class Noting(Observer):
    def __init__(self):
        self.turns, self.done = [], []

    def turned(self, step, losses, rate, norm):
        self.turns.append((step, losses.player, norm))

    def stepped(self, done, state):
        self.done.append(done)


def run(method, steps=3, clip=100.0):
    fabric, noting = Fabric(accelerator="cpu", devices=1), Noting()
    batch = Batch(torch.zeros(1, 1, 2, 2, 2), torch.zeros(1, 2, 2, 2, dtype=torch.int64), ("a",))
    train(fabric, method, lambda start: [batch] * (steps - start), Pace(steps, 0, clip), noting, State())
    return noting


def test_each_player_takes_its_turn_on_what_the_one_before_has_left():
    method = Two()
    noting = run(method, steps=1)
    assert [player for _, player, _ in noting.turns] == ["network", "rival"]
    assert float(method.network.weight.detach()) == pytest.approx(0.2)  # 0 - 0.1 * 2 (0 - 1)
    # gradients that the network's turn left in the rival are dropped: 0 - 0.1 * 2 (0 - 0.2)
    assert float(method.rival.weight.detach()) == pytest.approx(0.04)


class Chance(Two):
    """Notes a random number at each step."""

    def step(self, batch, progress):
        self.drawn = [*getattr(self, "drawn", []), float(torch.rand(()))]
        yield from super().step(batch, progress)


def test_chance_is_another_at_each_step_and_a_function_of_it():
    first, again = Chance(), Chance()
    run(first)
    torch.rand(100)
    run(again)
    assert first.drawn == again.drawn
    assert len(set(first.drawn)) == 3


def test_long_gradients_are_shortened():
    method = Two()
    noting = run(method, steps=1, clip=0.5)
    assert noting.turns[0][2] == pytest.approx(math.sqrt(4), rel=1e-3)
    assert float(method.network.weight.detach()) == pytest.approx(0.05, rel=1e-3)


def test_a_step_without_finite_gradients_changes_no_weight_of_its_player():
    method, clean = Two(poison=(1,)), Two()
    run(method, steps=2)
    run(clean, steps=1)
    assert float(method.network.weight.detach()) == pytest.approx(float(clean.network.weight.detach()))


def test_gradients_that_stay_non_finite_end_the_run_with_a_sentence():
    with pytest.raises(SemivoxError, match="not finite at 3 steps in a row"):
        run(Two(poison=(0, 1, 2, 3)), steps=4)


def test_a_misspelled_weight_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="eror"):
        Losses({"error": torch.zeros(())}, {"eror": 0.1})


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_steps_in_channels_last_format(method):
    """Whatever it remembers: only weights of convolutions have that format."""
    with DrySteps(tiny.plan(), tiny.config(method, device="cpu")) as step:
        assert step(("32-true", True)) > 0


class Watching(Two):
    """Notes in which mode its player is while it takes a step."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Dropout(0.5), nn.BatchNorm1d(1))
        self.modes = []

    def step(self, batch, progress):
        self.modes.append((self.training, *(module.training for module in self.network.modules())))
        yield Losses({"error": self.network(torch.ones(4, 1)).square().sum()})


class Predicting(Noting):
    """What a validation does between two steps: it leaves the method in evaluation mode."""

    def __init__(self, method):
        super().__init__()
        self.method = method

    def stepped(self, done, state):
        super().stepped(done, state)
        self.method.eval()


def test_every_step_is_taken_in_training_mode_with_dropout_and_statistics_of_the_batch():
    method = Watching()
    method.eval()
    fabric, noting = Fabric(accelerator="cpu", devices=1), Predicting(method)
    batch = Batch(torch.zeros(1, 1, 2, 2, 2), torch.zeros(1, 2, 2, 2, dtype=torch.int64), ("a",))
    train(fabric, method, lambda start: [batch] * 3, Pace(3, 0, 100.0), noting, State())
    assert len(method.modes) == 3
    assert all(all(modes) for modes in method.modes)
    assert int(method.network.module[2].num_batches_tracked) == 3
