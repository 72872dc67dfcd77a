"""Teachers, parameters and saved state of every method; the same seed gives the same steps."""

from __future__ import annotations

import pytest
import torch

from semivox.methods import find
from semivox.methods.method import Method, OptimizerConfig
from tests.contract.examples import (
    balls,
    batch,
    blueprint,
    build,
    configured,
    odd_batch,
    odd_blueprint,
    train,
)
from tests.contract.known import NAMES, REMEMBERS, SHARP, default_trace, differ, fields, teachers, trace, turn

pytestmark = pytest.mark.parametrize("name", NAMES)

SGD = {"kind": "sgd", "rate": 0.01, "warmup": 0}


@pytest.mark.parametrize("decay", [0.99, 0.3])
def test_teachers_obey_the_averaging_law(name, decay):
    options = {"decay": decay} if "decay" in fields(name) else {}
    method = build(name, blueprint(), options | {"network": SGD | {"rate": 0.1}})
    given = batch(type(method))
    expected: list[torch.Tensor] = []
    for step in range(5):
        train(method, given, [step], 5)
        alpha = min(1 - 1 / (step + 1), decay)
        student = [p.detach().double() for p in method.network.parameters()]
        pairs = zip(expected or student, student, strict=True)
        expected = [alpha * mine + (1 - alpha) * theirs for mine, theirs in pairs]
        for teacher in teachers(method):
            for mine, law in zip(teacher.network.parameters(), expected, strict=True):
                torch.testing.assert_close(mine.double(), law, atol=1e-6, rtol=1e-5)
    moved = zip(method.network.parameters(), expected, strict=True)
    assert any((p.double() - law).abs().max() > 1e-4 for p, law in moved), "the student stood still"


def test_every_parameter_has_an_optimizer_or_a_teacher(name):
    method = build(name, blueprint())
    held: list[int] = []
    for player in method.players:
        config = getattr(method.config, player)
        assert isinstance(config, OptimizerConfig), f"{player} has no optimizer in Config"
        optimizer = config.build(getattr(method, player))
        held += [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(held) == len(set(held)), "two optimizers hold the same parameter"
    owned = {id(p) for teacher in teachers(method) for p in teacher.parameters()}
    assert not owned & set(held), "an optimizer holds a teacher's parameter"
    orphans = {n for n, p in method.named_parameters() if id(p) not in owned | set(held)}
    assert not orphans, "nobody trains these"


def test_the_state_moves_strictly_into_a_fresh_instance_which_goes_on_bit_by_bit(name):
    """So nothing is kept in attributes: not a counter, not a bank, not a cached tensor."""
    mine = build(name, odd_blueprint(), sharpness=SHARP)
    given = [odd_batch(type(mine), seed=s) for s in range(2)]
    train(mine, given, range(3), 6)
    torch.manual_seed(99)
    fresh = find(name)(configured(name), odd_blueprint()).train()
    fresh.load_state_dict({key: value.clone() for key, value in mine.state_dict().items()}, strict=True)
    with torch.no_grad():
        image = odd_batch(type(mine), seed=5).image
        assert torch.equal(mine.eval().predict(image), fresh.eval().predict(image))
    first, second = (train(method.train(), given, range(3, 6), 6) for method in (mine, fresh))
    assert [losses.total.item() for losses in first] == [losses.total.item() for losses in second]
    assert not differ(dict(mine.state_dict()), dict(fresh.state_dict()))


def test_a_survey_of_whole_labels_goes_into_buffers_alone_and_is_not_left_to_chance(name):
    """A method that has none opens no label."""
    kind = find(name)
    method = kind(configured(name), odd_blueprint())
    before = {key: value.clone() for key, value in method.named_parameters()}
    opened = []

    def labels():
        for seed in range(3):
            opened.append(seed)
            yield balls((9 + seed, 17, 23), 3, seed)

    random = torch.get_rng_state()
    method.fit_labels(labels())
    assert torch.equal(torch.get_rng_state(), random)
    assert not differ(before, dict(method.named_parameters()))
    if kind.fit_labels is Method.fit_labels:
        assert not opened
        return
    assert opened == [0, 1, 2]
    fresh = kind(configured(name), odd_blueprint())
    assert differ(dict(method.named_buffers()), dict(fresh.named_buffers()))
    fresh.load_state_dict(method.state_dict(), strict=True)
    assert not differ(dict(method.named_buffers()), dict(fresh.named_buffers()))


def test_the_same_seed_gives_the_same_steps(name):
    assert not differ(default_trace(name, {}), trace(name, {}))


def test_a_step_depends_on_nothing_but_state_batch_progress_and_seed(name):
    """Asking twice gives the same bits: a first, abandoned step leaves no trace in weights or later losses. Where it
    does by intent, in a memory say, that trace is in the state, which is put back."""
    method = build(name, blueprint(norm="instance"), sharpness=SHARP)
    given = batch(type(method))
    state = {key: value.clone() for key, value in method.state_dict().items()}
    totals = []
    for seed in (0, 1, 0):
        if REMEMBERS[name]:
            method.load_state_dict(state)
        totals.append(turn(method, given, seed=seed).total.item())
    assert totals[0] == totals[2]
