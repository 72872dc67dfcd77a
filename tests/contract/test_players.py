"""What the players of a method owe one another: each moves in its own turn, and the others stand still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods import METHODS, find
from semivox.methods.method import Losses, Method
from tests.contract.examples import build, gradients, odd_batch, odd_blueprint

pytestmark = pytest.mark.parametrize("name", sorted(METHODS))


def turns(method: Method, step: int = 4, steps: int = 8) -> Iterator[Losses]:
    """The turns of one step, in order; whoever iterates decides whether to minimize."""
    seed_step(0, step, 0)
    return method.step(odd_batch(type(method)), Progress(step, steps))


def others(method: Method, player: str) -> list[str]:
    return [name for name in method.players if name != player]


def state(method: Method, names: list[str]) -> dict[str, torch.Tensor]:
    return {f"{n}.{key}": v.clone() for n in names for key, v in getattr(method, n).state_dict().items()}


def test_each_player_has_a_turn(name):
    method = build(name, odd_blueprint(), sharpness=8.0)
    seen = dict.fromkeys(losses.player for losses in turns(method))  # each once, in the order of its first turn
    assert list(seen) == list(method.players)


def test_a_turns_terms_move_its_player_and_no_other(name):
    """Nor is another player differentiated only to have its gradients thrown away."""
    method = build(name, odd_blueprint(), sharpness=8.0)
    for losses in turns(method):
        for term, value in losses.terms.items():
            assert value.ndim == 0, f"{term} is not a scalar"
            found = gradients(getattr(method, losses.player), value)
            moved = [g for g in found.values() if g is not None and g.any()]
            assert moved, f"{term} does not move {losses.player}"
            assert all(torch.isfinite(g).all() for g in moved), term
            for other in others(method, losses.player):
                reached = [key for key, g in gradients(getattr(method, other), value).items() if g is not None]
                assert not reached, f"{term} has a gradient into {other}: {reached[:3]}"


def test_a_turn_changes_no_other_player_not_even_its_running_statistics(name):
    method = build(name, odd_blueprint(), sharpness=8.0)
    optimizers = {player: getattr(method.config, player).build(getattr(method, player)) for player in method.players}
    before = state(method, list(method.players))
    for losses in turns(method):
        optimizers[losses.player].zero_grad()
        losses.total.backward()
        optimizers[losses.player].step()
        now = state(method, list(method.players))
        for key, value in now.items():
            if key.partition(".")[0] != losses.player:
                assert torch.equal(value, before[key]), f"{losses.player}'s turn changed {key}"
        assert any(not torch.equal(now[key], before[key]) for key in now), f"{losses.player} stood still"
        before = now


def test_players_are_handed_back_in_training_mode_and_trainable(name):
    method = build(name, odd_blueprint(), sharpness=8.0)
    for _ in turns(method):
        for player in method.players:
            assert all(module.training for module in getattr(method, player).modules())
            assert all(p.requires_grad for p in getattr(method, player).parameters())


def test_the_share_that_a_discriminator_gets_right_is_logged(name):
    """Whoever watches a run can then say that it has won, or learned nothing."""
    if "discriminator" not in find(name).players:
        return
    method = build(name, odd_blueprint(), sharpness=8.0)
    logged = {key: value for losses in turns(method) for key, value in losses.log.items() if key.endswith("accuracy")}
    assert len(logged) == 1
    assert 0 <= float(next(iter(logged.values()))) <= 1
