"""What every method must satisfy. A method that passes is a citizen; a new one enters by its name in METHODS.

Each method's fields need an alternative value and each of its terms a weight in tests/contract/fields/<method>.py: a
field or a term that is missing there fails.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods import METHODS, find
from semivox.methods.method import Losses, Method, MethodConfig, OptimizerConfig
from semivox.networks.teacher import Teacher
from tests.contract.examples import (
    balls,
    batch,
    blueprint,
    build,
    configured,
    gradients,
    odd_batch,
    odd_blueprint,
    train,
)
from tests.contract.fields import Alternative

NAMES = sorted(METHODS)
pytestmark = pytest.mark.parametrize("name", NAMES)

SHARP = 8.0
"""Sharpness at which a fresh network is sure of some voxels and unsure of others."""
SHARP_UNET = 20.0
"""Sharpness at which a fresh U-Net is unsure of a voxel in a thousand."""

KNOWN = {name: import_module(f"tests.contract.fields.{name}") for name in NAMES}
WEIGHTS: dict[str, dict[str, tuple[str, ...]]] = {name: known.WEIGHTS for name, known in KNOWN.items()}
ALTERNATIVES: dict[str, dict[str, Alternative]] = {name: known.ALTERNATIVES for name, known in KNOWN.items()}
CONSTANT: dict[str, set[str]] = {name: getattr(known, "CONSTANT", set()) for name, known in KNOWN.items()}
FROM_LABELS: dict[str, set[str]] = {name: getattr(known, "FROM_LABELS", set()) for name, known in KNOWN.items()}
REMEMBERS: dict[str, bool] = {name: getattr(known, "REMEMBERS", False) for name, known in KNOWN.items()}
TURNS: dict[str, int] = {name: getattr(known, "TURNS", 1) for name, known in KNOWN.items()}
NETWORK: dict[str, dict[str, Any]] = {name: getattr(known, "NETWORK", {}) for name, known in KNOWN.items()}
START: dict[str, dict[str, float]] = {name: getattr(known, "START", {}) for name, known in KNOWN.items()}
ABSENT: dict[str, set[str]] = {name: getattr(known, "ABSENT", set()) for name, known in KNOWN.items()}

SGD = {"kind": "sgd", "rate": 0.01}
ADAM = {"kind": "adam", "rate": 0.01}
OPTIMIZER: dict[str, Alternative] = {
    "kind": ("sgd", ADAM),
    "rate": (0.02, SGD),
    "momentum": (0.1, SGD),
    "nesterov": (True, SGD),
    "betas": ((0.5, 0.9), ADAM),
    "decay": (0.1, SGD),
    "schedule": ("constant", SGD),
    "drop_every": (1, SGD | {"schedule": "steps"}),
    "warmup": (5, SGD),
}


def fields(name: str) -> list[str]:
    """Fields of the method's own; those of optimizers are tested apart."""
    kind = find(name)
    return [field for field in kind.Config.model_fields if field not in kind.players]


def trace(
    name: str, options: dict[str, Any], network: str = "vnet", sharpness: float = SHARP, shown: int = 3
) -> dict[str, torch.Tensor]:
    """All that two steps leave behind: terms, weights, the state, and a prediction. Patches show ``shown`` of three
    classes."""
    method = build(name, blueprint(network, classes=3, **NETWORK[name]), options, sharpness)
    labels = [balls((8, 8, 12), shown, seed) for seed in range(4)]
    given = batch(type(method), 2, 2, (8, 8, 12), classes=3, labels=labels)
    seen = train(method, given, range(3, 5), 8)
    found = {f"loss {i} {n}": term.detach() for i, losses in enumerate(seen) for n, term in losses.terms.items()}
    found |= {f"total {i}": losses.total.detach() for i, losses in enumerate(seen)}
    found |= dict(method.state_dict())
    with torch.no_grad():
        found["prediction"] = method.eval().predict(given.image.flip(0))
    return found


DEFAULTS: dict[str, dict[str, torch.Tensor]] = {}


def default_trace(name: str, context: dict[str, Any], shown: int = 3) -> dict[str, torch.Tensor]:
    """The trace without the alternative; computed once for the defaults."""
    if context or shown != 3:
        return trace(name, context, shown=shown)
    if name not in DEFAULTS:
        DEFAULTS[name] = trace(name, {})
    return DEFAULTS[name]


def differ(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() != other.keys() or any(not torch.equal(one[key], other[key]) for key in one)


def same_tensor(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Bit by bit; no gradient equals no gradient."""
    return other is None if one is None else other is not None and torch.equal(one, other)


def teachers(method: Method) -> list[Teacher]:
    return [module for module in method.modules() if isinstance(module, Teacher)]


def turn(method: Method, given: Batch, step: int = 4, steps: int = 8, seed: int = 0) -> Losses:
    """The losses of the step's first turn, or together those of its first ``TURNS``; nothing is minimized."""
    seed_step(seed, step, 0)
    number = next(TURNS[name] for name in NAMES if find(name) is type(method))
    told = list(itertools.islice(method.step(given, Progress(step, steps)), number))
    terms = {name: term for losses in told for name, term in losses.terms.items()}
    return Losses(terms, {name: weight for losses in told for name, weight in losses.weights.items()})


def tree(name: str) -> ast.Module:
    return ast.parse(source(name))


def written(name: str) -> Iterator[ast.AST]:
    """Every node of the method's file, and of those that it is built on."""
    modules = {inspect.getmodule(kind) for kind in find(name).__mro__ if kind.__module__.startswith("semivox.")}
    return itertools.chain.from_iterable(ast.walk(ast.parse(inspect.getsource(module))) for module in modules)


def source(name: str) -> str:
    return inspect.getsource(inspect.getmodule(find(name)))


# ---- what the losses move -------------------------------------------------------------------------------------------


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
    method = build(name, odd_blueprint(), sharpness=SHARP)
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


# ---- state ----------------------------------------------------------------------------------------------------------


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
    method.survey(labels())
    assert torch.equal(torch.get_rng_state(), random)
    assert not differ(before, dict(method.named_parameters()))
    if kind.survey is Method.survey:
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


# ---- configuration --------------------------------------------------------------------------------------------------


def test_every_field_has_an_alternative_here_and_a_docstring(name):
    assert set(fields(name)) == set(ALTERNATIVES[name])
    for field, info in find(name).Config.model_fields.items():
        assert info.description, f"{field} has no docstring"
    assert issubclass(find(name).Config, MethodConfig)


def test_every_field_changes_something(name):
    for field, (value, context) in ALTERNATIVES[name].items():
        assert getattr(find(name).Config.model_validate(context), field) != value
        shown = 2 if field in ABSENT[name] else 3
        changed = trace(name, context | {field: value}, shown=shown)
        assert differ(default_trace(name, context, shown), changed), f"{field} changes nothing"


def test_every_player_is_optimized_as_its_field_says(name):
    """All of an optimizer's fields for the supervised method; that each player obeys its own, for every method."""
    assert set(OPTIMIZER) == set(OptimizerConfig.model_fields)
    for player in find(name).players:
        for field, (value, context) in OPTIMIZER.items() if name == "supervised" else [("rate", OPTIMIZER["rate"])]:
            changed = trace(name, {player: context | {field: value}})
            assert differ(trace(name, {player: context}), changed), f"{player}.{field}"


def test_every_ablation_runs_and_differs_from_all_others(name):
    """In a network that is unsure of many voxels, or in one that is unsure of a few."""
    options = {"default": {}} | {ablation: dict(overrides) for ablation, overrides in find(name).ablations.items()}
    many = {ablation: trace(name, o) for ablation, o in options.items()}
    few = {ablation: trace(name, o, "unet3d", SHARP_UNET) for ablation, o in options.items()}
    for ablation in options:
        assert all(torch.isfinite(v).all() for v in (many[ablation] | few[ablation]).values()), ablation
    for one, other in itertools.combinations(options, 2):
        assert differ(many[one], many[other]) or differ(few[one], few[other]), f"{one!r} is {other!r}"


def test_unknown_and_unbounded_options_are_errors(name):
    config = find(name).Config
    with pytest.raises(ValidationError):
        config.model_validate({"consistancy": 1.0})
    for field in WEIGHTS[name]:
        with pytest.raises(ValidationError):
            config.model_validate({field: -0.1})
    assert config.model_validate_json(config().model_dump_json()) == config()
    with pytest.raises(ValidationError):
        config().network = OptimizerConfig()


# ---- batches and predictions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "labeled", "unlabeled"),
    [("vnet", 1, 1), ("vnet", 1, 3), ("vnet", 3, 1), ("vnet", 2, 2), ("unet3d", 1, 1)],
)
def test_any_number_of_labeled_and_unlabeled_patches(name, architecture, labeled, unlabeled):
    """Three classes, two channels, a patch of three different edges, anisotropic strides and spacing."""
    method = build(name, odd_blueprint(architecture), sharpness=SHARP)
    before = [p.detach().clone() for p in method.network.parameters()]
    seen = train(method, odd_batch(type(method), labeled, unlabeled), range(4, 6), 8)
    assert all(torch.isfinite(losses.total) for losses in seen)
    assert all(torch.isfinite(p).all() for p in method.parameters())
    assert any(not torch.equal(p, old) for p, old in zip(method.network.parameters(), before, strict=True))


@pytest.mark.parametrize("kind", ["background", "object", "unknown", "partly unknown"])
def test_labeled_patches_without_a_surface(name, kind):
    shape = (8, 16, 24)
    part = balls(shape, 3)
    match kind:
        case "background":
            part[:] = 0
        case "object":
            part[:] = 1
        case "unknown":
            part[:] = 255
        case _:
            part[:4] = 255
    clean = odd_batch(find(name))
    given = batch(find(name), 2, 2, shape, 2, 3, labels=[part] * 2 + [balls(shape, 3)] * 2)
    given = type(given)(clean.image, given.label, given.cases, given.targets)
    method = build(name, odd_blueprint(), sharpness=SHARP)
    seen = train(method, given, range(3, 7), 8)
    assert all(torch.isfinite(losses.total) for losses in seen)
    assert all(torch.isfinite(term) for losses in seen for term in losses.terms.values())
    assert all(torch.isfinite(p).all() for p in method.parameters())


def test_the_batch_is_left_as_it_was(name):
    given = odd_batch(find(name))
    kept = {"image": given.image.clone(), "label": given.label.clone()}
    kept |= {key: value.clone() for key, value in given.targets.items()}
    train(build(name, odd_blueprint()), given, range(2), 4)
    now = {"image": given.image, "label": given.label, **given.targets}
    assert not differ(kept, now)


def test_predictions_are_probabilities_that_ignore_batch_neighbors(name):
    options: Sequence[dict[str, Any]] = [{}]
    if "predict_with" in fields(name):
        options = [{"predict_with": who} for who in ("student", "teacher")]
    for option in options:
        method = build(name, odd_blueprint(), option, SHARP)
        train(method, odd_batch(type(method)), range(2), 4)
        method.eval()
        image = odd_batch(type(method), 2, 1, seed=7).image
        with torch.no_grad():
            together = method.predict(image)
            assert together.shape == (3, 3, *image.shape[2:])
            assert together.dtype == torch.float32
            assert together.min() >= 0
            torch.testing.assert_close(together.sum(1), torch.ones_like(together[:, 0]))
            assert torch.equal(together, method.predict(image))
            for i in range(3):
                torch.testing.assert_close(method.predict(image[[i]]), together[[i]], atol=1e-5, rtol=1e-4)


def test_predicting_changes_no_state(name):
    method = build(name, odd_blueprint()).eval()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        method.predict(odd_batch(type(method)).image)
    assert not differ(before, dict(method.state_dict()))


def test_it_finds_two_small_balls(name):
    """A tiny network, two labeled patches, at most 200 steps: Dice above 0.9 on both balls."""
    optimizer = {"kind": "adam", "rate": 0.02, "schedule": "constant"}
    optimizer |= getattr(KNOWN[name], "LEARNS", {})
    method = build(name, blueprint(classes=3, dropout=0.1, width=4), {"network": optimizer})
    given = batch(type(method), 1, 1, (8, 8, 16), classes=3)
    method.survey(balls((8, 8, 16), 3, seed) for seed in range(3))
    for start in range(0, 200, 10):
        train(method, given, range(start, start + 10), 200)
        with torch.no_grad():
            found = method.eval().predict(given.image[:1]).argmax(1)
        method.train()
        both = [((found == k) & (given.label == k)).sum().item() for k in (1, 2)]
        sizes = [((found == k).sum() + (given.label == k).sum()).item() for k in (1, 2)]
        hits = [2 * hit / size for hit, size in zip(both, sizes, strict=True)]
        if min(hits) > 0.9:
            return
    pytest.fail(f"Dice {[round(hit, 3) for hit in hits]} after 200 steps")


# ---- how it is written ----------------------------------------------------------------------------------------------


def test_no_yield_inside_a_with(name):
    """Autocast, no_grad or a lock would stay open while the loop runs."""
    for block in written(name):
        if isinstance(block, ast.With | ast.AsyncWith):
            assert not any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(block)), block.lineno


def test_networks_are_called_only_through_forward(name):
    inside = {"forward", "encoder", "decoder", "decoders", "heads", "module"}
    reached = [
        f"{n.attr} in line {n.lineno}" for n in written(name) if isinstance(n, ast.Attribute) and n.attr in inside
    ]
    assert not reached


def test_no_attribute_is_set_during_a_step(name):
    for function in written(name):
        if isinstance(function, ast.FunctionDef) and function.name != "__init__":
            for node in ast.walk(function):
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                assert not any(isinstance(t, ast.Attribute) for t in targets), f"line {getattr(node, 'lineno', '?')}"


def test_the_file_is_short_and_cites_its_paper(name):
    assert len(source(name).splitlines()) <= 200
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi\.org/10\.|DOI:? ?10\.", ast.get_docstring(tree(name)))


def test_step_yields_losses_for_players_it_has(name):
    method = build(name, odd_blueprint())
    seed_step(0, 0, 0)
    for losses in method.step(odd_batch(type(method)), Progress(0, 2)):
        assert isinstance(losses, Losses)
        assert losses.player in method.players
        assert losses.total.requires_grad
        losses.total.backward()
