"""What the players of a method owe one another: each moves in its own turn, and the others stand still."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method, OptimizerConfig
from semivox.testing.patches import blueprint, odd_batch
from semivox.testing.steps import teachers
from semivox.testing.subject import Subject


def turns(method: Method, step: int = 4, steps: int = 8) -> Iterator[Losses]:
    """The turns of one step, in order; whoever iterates decides whether to minimize."""
    seed_step(0, step, 0)
    return method.step(odd_batch(type(method)), Progress(step, steps))


def players_have_optimizers(subject: Subject) -> None:
    """Every player is a field of Config with an optimizer, and an attribute of the method."""
    method = subject.built(blueprint())
    for player in method.players:
        assert isinstance(getattr(method.config, player, None), OptimizerConfig), f"Config has no optimizer {player!r}"
        assert isinstance(getattr(method, player, None), torch.nn.Module), f"the method has no network {player!r}"


def parameters_are_trained_or_follow(subject: Subject) -> None:
    """Each parameter has one optimizer, or belongs to a teacher, which is never trained."""
    method = subject.built(blueprint())
    follow = {id(p) for teacher in teachers(method) for p in teacher.parameters()}
    assert not any(p.requires_grad for t in teachers(method) for p in t.parameters()), "a teacher can be trained"
    held: list[int] = []
    for player in method.players:
        optimizer = getattr(method.config, player).build(getattr(method, player))
        held += [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(held) == len(set(held)), "two players hold the same parameter"
    assert not follow & set(held), "a player holds a teacher's parameter"
    lost = [name for name, p in method.named_parameters() if id(p) not in follow | set(held)]
    assert not lost, f"nobody trains {', '.join(lost)}; name the module in `players`, or make it a buffer"


def each_player_has_a_turn(subject: Subject) -> None:
    """In one step, in the order in which they are named."""
    seen = list(dict.fromkeys(losses.player for losses in turns(subject.odd())))
    assert seen == list(subject.kind.players), f"the players are {subject.kind.players}, turns have {seen}"


def a_step_yields_losses_that_can_be_minimized(subject: Subject) -> None:
    """For players that it has, from its first step on."""
    method = subject.odd()
    for losses in turns(method, 0, 2):
        assert isinstance(losses, Losses), f"step yields {type(losses).__name__}, not Losses"
        assert losses.player in method.players, f"there is no player {losses.player!r}"
        assert losses.total.requires_grad, f"the total of {losses.player}'s turn has no gradient"
        losses.total.backward()


def a_turn_changes_no_other_player(subject: Subject) -> None:
    """Not even its running statistics."""
    method = subject.odd()
    optimizers = {player: getattr(method.config, player).build(getattr(method, player)) for player in method.players}
    before = _state(method, method.players)
    for losses in turns(method):
        optimizers[losses.player].zero_grad()
        losses.total.backward()
        optimizers[losses.player].step()
        now = _state(method, method.players)
        changed = {key for key, value in now.items() if not torch.equal(value, before[key])}
        others = sorted(key for key in changed if key.partition(".")[0] != losses.player)
        assert not others, f"{losses.player}'s turn changed {others[0]}"
        assert changed, f"{losses.player} stood still"
        before = now


def players_are_handed_back_as_they_were(subject: Subject) -> None:
    """In training mode and trainable at the end of every turn."""
    method = subject.odd()
    for losses in turns(method):
        for player in method.players:
            network, after = getattr(method, player), f"after the turn of {losses.player}"
            assert all(module.training for module in network.modules()), f"{player} is not in training mode {after}"
            assert all(p.requires_grad for p in network.parameters()), f"{player} cannot be trained {after}"


def _state(method: Method, names: Collection[str]) -> dict[str, Tensor]:
    return {f"{n}.{key}": v.clone() for n in names for key, v in getattr(method, n).state_dict().items()}
