"""Terms, weights and gradients of every method."""

from __future__ import annotations

import pytest
import torch

from semivox.methods.method import Losses
from tests.contract.examples import (
    build,
    gradients,
    odd_batch,
    odd_blueprint,
)
from tests.contract.known import (
    CONSTANT,
    FROM_LABELS,
    NAMES,
    SHARP,
    START,
    UNVARIED,
    WEIGHTS,
    fields,
    same_tensor,
    teachers,
    turn,
)

pytestmark = pytest.mark.parametrize("name", NAMES)


def test_each_term_moves_the_network_and_nothing_moves_a_teacher(name):
    method = build(name, odd_blueprint(), sharpness=SHARP)
    own = {f"teacher {i} {n}" for i, t in enumerate(teachers(method)) for n, _ in t.named_parameters()}
    assert bool(own) == bool(teachers(method))
    moving: dict[str, bool] = {}
    for seed in range(4):  # with one seed, dropout of whole channels may silence a network of three
        losses = turn(method, odd_batch(type(method)), seed=seed)
        for term, value in losses.terms.items():
            assert value.ndim == 0, f"{term} is not a scalar"
            assert torch.isfinite(value), term
            found = gradients(method.network, value)
            moved = [g for g in found.values() if g is not None and g.any()]
            assert all(torch.isfinite(g).all() for g in moved), term
            first = found[next(iter(found))]  # the earliest layer: the gradient went all the way
            assert first is not None, f"{term} does not reach the network's first layer"
            moving[term] = moving.get(term, False) or bool(first.any())
        if all(moving.values()):
            break
    assert all(moving.values()), f"no move of the network's first layer: {moving}"
    losses.total.backward()
    for teacher in teachers(method):
        assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
        assert not {id(p) for p in teacher.parameters()} & {id(p) for p in method.network.parameters()}


def test_each_unsupervised_term_needs_the_unlabeled_patches(name):
    """Its gradient reaches an unlabeled patch's image; a method that has no such term may not claim to use them."""
    method = build(name, odd_blueprint(), UNVARIED[name], SHARP)
    given = odd_batch(type(method))
    given.image.requires_grad_()
    losses = turn(method, given)
    reached = {}
    for term, value in losses.terms.items():
        (gradient,) = torch.autograd.grad(value, given.image, retain_graph=True)
        reached[term] = gradient[2:].any().item()
    if method.uses_unlabeled:
        from_labels = {"supervised"} | FROM_LABELS[name]
        assert all(reached[term] for term in set(reached) - from_labels)
        assert set(reached) - from_labels
    else:
        assert not any(reached.values())


def test_every_term_but_the_supervised_has_a_weight_field(name):
    method = build(name, odd_blueprint(), sharpness=SHARP)
    terms = set(turn(method, odd_batch(type(method))).terms) - {"supervised"}
    assert terms == {term for weighed in WEIGHTS[name].values() for term in weighed}
    assert set(WEIGHTS[name]) <= set(fields(name))


@pytest.mark.parametrize("steps", [(0, 8), (4, 8), (6, 8)])
def test_a_weight_of_zero_removes_its_terms_exactly(name, steps):
    for field, removed in WEIGHTS[name].items():
        full = build(name, odd_blueprint(), sharpness=SHARP)
        given = odd_batch(type(full))
        losses = turn(full, given, *steps)
        if steps[0] < START[name].get(field, 0) * steps[1]:
            assert not set(removed) & set(losses.terms), f"{field} is on too early"
            continue
        rest = Losses(
            {n: t for n, t in losses.terms.items() if n not in removed},
            {n: w for n, w in losses.weights.items() if n not in removed},
        )
        without = gradients(full.network, rest.total)
        zero = build(name, odd_blueprint(), {field: 0.0}, SHARP)
        found = gradients(zero.network, turn(zero, given, *steps).total)
        assert all(same_tensor(without[key], found[key]) for key in without), field
        whole = gradients(full.network, losses.total)
        assert not all(same_tensor(whole[key], found[key]) for key in whole), field


def test_weights_are_linear_in_their_field_and_rise_unless_constant(name):
    for field, terms in WEIGHTS[name].items():
        for term in terms:
            one, two = (build(name, odd_blueprint(), {field: w}, SHARP) for w in (0.1, 0.2))
            given = odd_batch(type(one))
            rise = [turn(one, given, step).weights.get(term, 0) for step in (0, 4, 8)]
            if field in CONSTANT[name]:
                assert rise == pytest.approx([0.1 * (step >= 8 * START[name].get(field, 0)) for step in (0, 4, 8)])
                continue
            assert rise == sorted(rise)
            assert rise[-1] == pytest.approx(0.1)
            assert rise[0] == pytest.approx(0.1 * 0.0067379, rel=1e-4)
            assert turn(two, given, 4).weights[term] == pytest.approx(2 * rise[1])
