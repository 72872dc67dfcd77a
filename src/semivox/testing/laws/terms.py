"""Terms, weights and gradients."""

from __future__ import annotations

import math

import torch
from pydantic import ValidationError
from torch import Tensor

from semivox.methods.method import Losses
from semivox.testing.laws.players import turns
from semivox.testing.patches import odd_batch
from semivox.testing.steps import gradients, same_tensor, teachers
from semivox.testing.subject import Subject

STEPS = 8
"""Of the run whose weights are looked at."""


def terms_move_their_player_alone(subject: Subject) -> None:
    """Each term of a turn has a gradient into its player, and none into another only to be thrown away."""
    method = subject.odd()
    for losses in turns(method):
        for term, value in losses.terms.items():
            assert value.ndim == 0, f"{term} is no scalar but {tuple(value.shape)}"
            found = gradients(getattr(method, losses.player), value)
            moved = [g for g in found.values() if g is not None and g.any()]
            assert moved, f"{losses.player} stood still: {term} has no gradient into it"
            assert all(torch.isfinite(g).all() for g in moved), f"the gradient of {term} is not finite"
            for other in (name for name in method.players if name != losses.player):
                reached = [key for key, g in gradients(getattr(method, other), value).items() if g is not None]
                assert not reached, f"{term} has a gradient into {other}: {', '.join(reached[:3])}"


def each_term_moves_the_network_and_none_a_teacher(subject: Subject) -> None:
    """The gradient goes all the way to the network's first layer."""
    method = subject.odd()
    moving: dict[str, bool] = {}
    for seed in range(4):  # with one seed, dropout of whole channels may silence a network of three
        losses = subject.turn(method, odd_batch(subject.kind), seed=seed)
        for term, value in losses.terms.items():
            assert torch.isfinite(value), f"{term} is {value.item()}"
            found = gradients(method.network, value)
            moved = [g for g in found.values() if g is not None and g.any()]
            assert all(torch.isfinite(g).all() for g in moved), f"the gradient of {term} is not finite"
            first = found[next(iter(found))]
            assert first is not None, f"{term} does not reach the network's first layer"
            moving[term] = moving.get(term, False) or bool(first.any())
        if all(moving.values()):
            break
    still = [term for term, moves in moving.items() if not moves]
    assert not still, f"{', '.join(still)} does not move the network's first layer"
    losses.total.backward()
    own = {id(p) for p in method.network.parameters()}
    for parameter in (p for teacher in teachers(method) for p in teacher.parameters()):
        assert parameter.grad is None, "a loss has a gradient into a teacher"
        assert not parameter.requires_grad, "a teacher can be trained"
        assert id(parameter) not in own, "a teacher shares a parameter with its student"


def unlabeled_patches_matter(subject: Subject) -> None:
    """Each unsupervised term's gradient reaches an unlabeled patch; a method that has no such term may not claim to
    use them."""
    method, given = subject.odd(subject.known.unvaried), odd_batch(subject.kind)
    given.image.requires_grad_()
    losses = subject.turn(method, given)
    labeled = len(given.label)
    reached = {}
    for term, value in losses.terms.items():
        (gradient,) = torch.autograd.grad(value, given.image, retain_graph=True)
        reached[term] = bool(gradient[labeled:].any())
    if not subject.kind.uses_unlabeled:
        using = sorted(term for term in reached if reached[term])
        assert not using, f"unlabeled patches reach {', '.join(using)}, though uses_unlabeled is False"
        return
    unsupervised = set(reached) - {"supervised", *subject.known.from_labels}
    assert unsupervised, "unlabeled patches change nothing, though uses_unlabeled is True"
    for term in sorted(unsupervised):
        said = f"{term} does not look at unlabeled patches; if it need not, name it in Known(from_labels=...)"
        assert reached[term], said


def every_term_has_a_weight(subject: Subject) -> None:
    """Every term but the supervised one is weighed by a field of Config."""
    terms = set(subject.turn(subject.odd(), odd_batch(subject.kind)).terms) - {"supervised"}
    weighed = {term for those in subject.weights().values() for term in those} - {"supervised"}
    assert terms <= weighed, f"no field of Config weighs {', '.join(sorted(terms - weighed))}; see Known(weights=...)"
    assert weighed <= terms, f"there is no term {', '.join(sorted(weighed - terms))}"
    assert set(subject.weights()) <= set(subject.fields()), "Known(weights=...) names what is no field of Config"


def a_weight_of_zero_removes_its_terms(subject: Subject) -> None:
    """Exactly: gradients are, to the last bit, those of the other terms; and with the term they are others."""
    weights = subject.weights()
    for step in (0, 4, 6):
        full, given = subject.odd(), odd_batch(subject.kind)
        losses = subject.turn(full, given, step, STEPS)
        whole = gradients(full.network, losses.total)
        for field, removed in weights.items():
            if step < subject.known.start.get(field, 0) * STEPS:
                said = f"{field} is on too early, in step {step} of {STEPS}"
                assert not set(removed) & set(losses.terms), said
                continue
            without = gradients(full.network, _without(losses, set(removed)).total)
            found = _gradients_at_zero(subject, field, step)
            said = f"{field} = 0 leaves something of its terms"
            assert all(same_tensor(without[key], found[key]) for key in without), said
            said = f"{field} weighs nothing in step {step}"
            assert not all(same_tensor(whole[key], found[key]) for key in whole), said


def _without(losses: Losses, removed: set[str]) -> Losses:
    return Losses(
        {n: t for n, t in losses.terms.items() if n not in removed},
        {n: w for n, w in losses.weights.items() if n not in removed},
    )


def _gradients_at_zero(subject: Subject, field: str, step: int) -> dict[str, Tensor | None]:
    """Of the network, where a weight is 0."""
    try:
        zero = subject.odd({field: 0.0})
    except ValidationError as error:
        raise AssertionError(f"the weight {field!r} cannot be 0") from error
    return gradients(zero.network, subject.turn(zero, odd_batch(subject.kind), step, STEPS).total)


def weights_are_linear_in_their_field(subject: Subject) -> None:
    """At any step of the run: twice the field is twice the weight."""
    for field, terms in subject.weights().items():
        one, two = (subject.odd({field: weight}) for weight in (0.1, 0.2))
        given = odd_batch(subject.kind)
        for step in (0, STEPS // 2, STEPS):
            single, double = (subject.turn(method, given, step, STEPS).weights for method in (one, two))
            for term in terms:
                said = f"{term} weighs {single.get(term)} and {double.get(term)} where {field} is 0.1 and 0.2"
                assert (term in single) == (term in double), said
                assert math.isclose(double.get(term, 0), 2 * single.get(term, 0), rel_tol=1e-6), said
