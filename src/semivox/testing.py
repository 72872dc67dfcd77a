"""What every method must satisfy, for authors of methods: ``semivox.testing.check_method(MyMethod)``.

Each law is a function of this module and can be called alone; ``LAWS`` lists them. They run on invented patches with a
network of a few hundred parameters, in seconds, and raise ``AssertionError`` with a sentence that names what is wrong.
Our own methods are held to these laws, and to more that need to be told about each of them, in the project's tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_args, get_origin

import numpy as np
import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.geometry import Shape
from semivox.core.mappings import merged
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method, MethodConfig, OptimizerConfig
from semivox.networks.blueprint import Blueprint, architecture
from semivox.networks.teacher import Teacher

SPACING = (2.0, 1.0, 0.8)
"""mm, anisotropic."""
SHAPE: Shape = (8, 8, 8)
ODD: Shape = (8, 8, 16)
STEPS = 6
Options = Mapping[str, Any]


def check_method(kind: type[Method], options: Options | None = None, skip: Collection[str] = ()) -> None:
    """Hold a method to every law. Raises AssertionError naming the law and what is wrong.

    ``options``: of its Config, where the defaults do not suit tiny patches and a run of six steps; ``skip``: names of
    laws that do not apply, such as ``every_field_changes_something`` where a field acts only in company of another.
    """
    if unknown := set(skip) - {law.__name__ for law in LAWS}:
        raise ValueError(f"there is no law {sorted(unknown)[0]!r}; there are {', '.join(law.__name__ for law in LAWS)}")
    for law in LAWS:
        if law.__name__ not in skip:
            try:
                law(kind, options or {})
            except AssertionError as error:
                raise AssertionError(f"{kind.__name__}, {law.__name__}: {error}") from error


def players_have_optimizers(kind: type[Method], options: Options) -> None:
    """Every player is a field of Config with an optimizer, and an attribute of the method."""
    method = built(kind, options)
    for player in kind.players:
        assert isinstance(getattr(method.config, player, None), OptimizerConfig), f"Config has no optimizer {player!r}"
        assert isinstance(getattr(method, player, None), torch.nn.Module), f"the method has no network {player!r}"


def parameters_are_trained_or_follow(kind: type[Method], options: Options) -> None:
    """Each parameter has one optimizer, or belongs to a teacher, which is never trained."""
    method = built(kind, options)
    teachers = [module for module in method.modules() if isinstance(module, Teacher)]
    follow = {id(p) for teacher in teachers for p in teacher.parameters()}
    assert not any(p.requires_grad for teacher in teachers for p in teacher.parameters()), "a teacher can be trained"
    trained = [id(p) for player in kind.players for p in getattr(method, player).parameters() if p.requires_grad]
    assert len(trained) == len(set(trained)), "two players hold the same parameter"
    assert not follow & set(trained), "a player holds a teacher's parameter"
    lost = [name for name, p in method.named_parameters() if p.requires_grad and id(p) not in {*trained, *follow}]
    assert not lost, f"nobody trains {lost[0]}; name its module in `players`"


def any_batch_gives_finite_losses(kind: type[Method], options: Options) -> None:
    """Any number of labeled and unlabeled patches, classes and channels, in a patch with unequal edges."""
    for labeled, unlabeled, channels, classes, shape in ((1, 1, 1, 2, SHAPE), (2, 1, 2, 3, ODD), (1, 3, 1, 4, ODD)):
        method = built(kind, options, channels, classes)
        for losses in trained(method, batch(kind, labeled, unlabeled, channels, classes, shape), range(2)):
            for name, term in losses.terms.items():
                said = f"{name} with {labeled} labeled, {unlabeled} unlabeled patches, {classes} classes"
                assert term.ndim == 0, f"{said} is no scalar but {tuple(term.shape)}"
                assert torch.isfinite(term), f"{said} is {term.item()}"


def training_moves_the_network(kind: type[Method], options: Options) -> None:
    """Losses have a gradient to the network, and nothing becomes infinite."""
    method = built(kind, options)
    trained(method, batch(kind), range(STEPS))
    pushed = [p for p in method.network.parameters() if p.grad is not None and bool(p.grad.abs().max() > 0)]
    assert pushed, f"the network stood still: no loss has a gradient to it after {STEPS} steps"
    for name, value in method.state_dict().items():
        assert torch.isfinite(value.float()).all(), f"{name} is not finite after {STEPS} steps"


def unlabeled_patches_matter(kind: type[Method], options: Options) -> None:
    """Other unlabeled patches give other weights, unless the method says that it does not use them."""
    ends = []
    for seed in (0, 1):
        method, given = built(kind, options), batch(kind)
        other = given.image.clone()
        other[2:] = batch(kind, seed=seed).image[2:]
        trained(method, Batch(other, given.label, given.cases, given.targets), range(STEPS))
        ends.append(state(method))
    if kind.uses_unlabeled:
        assert not same(*ends), "unlabeled patches change nothing, though uses_unlabeled is True"


def the_same_seed_gives_the_same_bits(kind: type[Method], options: Options) -> None:
    """All randomness follows from the seed and the step."""
    ends = []
    for _ in range(2):
        method = built(kind, options)
        trained(method, batch(kind), range(STEPS))
        ends.append(state(method))
    assert same(*ends), "two runs with the same seed differ; draw random numbers from torch's generator alone"


def a_resumed_run_ends_with_the_same_bits(kind: type[Method], options: Options) -> None:
    """State stands in parameters and buffers alone: what is not saved is lost with the process."""
    whole, first = built(kind, options), built(kind, options)
    trained(whole, batch(kind), range(STEPS))
    moved = optimizers(first)
    trained(first, batch(kind), range(STEPS // 2), moved)
    second = built(kind, options)
    second.load_state_dict(first.state_dict())
    again = optimizers(second)
    for name, optimizer in again.items():
        optimizer.load_state_dict(moved[name].state_dict())
    trained(second, batch(kind), range(STEPS // 2, STEPS), again)
    assert same(state(whole), state(second)), "a resumed run differs; keep state in buffers (register_buffer)"


def predictions_are_probabilities(kind: type[Method], options: Options) -> None:
    """They sum to one over classes, and a patch's do not depend on its neighbors in the batch."""
    method = built(kind, options, channels=2, classes=3)
    trained(method, batch(kind, channels=2, classes=3), range(2))
    method.eval()
    image = batch(kind, channels=2, classes=3).image
    with torch.no_grad():
        found, alone = method.predict(image), method.predict(image[:1])
    assert found.shape == (len(image), 3, *SHAPE), f"predict gives {tuple(found.shape)}"
    assert float(found.min()) >= 0, "predict gives negative probabilities"
    assert torch.allclose(found.sum(1), torch.ones(1), atol=1e-4), "probabilities do not sum to 1 over classes"
    assert torch.allclose(found[:1], alone, atol=1e-4), "a prediction depends on its neighbors in the batch"


def ablations_run(kind: type[Method], options: Options) -> None:
    """Every named ablation makes a method that trains."""
    for name, overrides in kind.ablations.items():
        method = built(kind, merged(options, overrides))
        for losses in trained(method, batch(kind), range(2)):
            assert torch.isfinite(losses.total), f"the ablation {name!r} has a loss of {losses.total.item()}"


def every_field_changes_something(kind: type[Method], options: Options) -> None:
    """No field of the method's own Config is without effect."""
    own = [name for name in kind.Config.model_fields if name not in {*MethodConfig.model_fields, *kind.players}]
    for name in own:
        values = [value for value in others(kind, name, options) if value is not None]
        assert values, f"no other value of {name!r} is known to this check; skip the law, and test the field yourself"
        assert any(not same(end(kind, options), end(kind, merged(options, {name: value}))) for value in values), (
            f"the field {name!r} changes nothing (tried {', '.join(map(str, values))})"
        )


def the_module_cites_its_paper(kind: type[Method], options: Options) -> None:
    """The module's docstring names its source."""
    said = sys.modules[kind.__module__].__doc__ or ""
    assert re.search(r"doi|arxiv|https?://|\b(19|20)\d\d\b", said, re.IGNORECASE), "its module names no paper"


LAWS: tuple[Callable[[type[Method], Options], None], ...] = (
    players_have_optimizers,
    parameters_are_trained_or_follow,
    any_batch_gives_finite_losses,
    training_moves_the_network,
    unlabeled_patches_matter,
    the_same_seed_gives_the_same_bits,
    a_resumed_run_ends_with_the_same_bits,
    predictions_are_probabilities,
    ablations_run,
    every_field_changes_something,
    the_module_cites_its_paper,
)
"""Every law, in the order in which ``check_method`` holds a method to them."""


def built(kind: type[Method], options: Options, channels: int = 1, classes: int = 2) -> Method:
    """A method on a V-Net of a few hundred parameters, with weights from a fixed seed, in training mode."""
    torch.manual_seed(0)
    network = architecture("vnet", {"width": 3, "strides": ((2, 2, 2),), "convolutions": (1, 1)})
    method = kind(kind.Config.model_validate(dict(options)), Blueprint(network, channels, classes))
    method.fit_labels(ball(ODD, classes, seed) for seed in range(3))
    return method.train()


def ball(shape: Shape, classes: int, seed: int) -> np.ndarray:
    """(X, Y, Z) uint8: a ball of each class but background, side by side along z."""
    center = np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    grid = np.moveaxis(np.indices(shape), 0, -1)
    label, room = np.zeros(shape, np.uint8), shape[2] / (classes - 1)
    for index in range(1, classes):
        middle = np.array([shape[0] / 2, shape[1] / 2, room * (index - 0.5)]) + center
        label[np.linalg.norm(grid - middle, axis=-1) <= min(shape[0], room) / 2.6] = index
    return label


def batch(
    kind: type[Method], labeled: int = 2, unlabeled: int = 2, channels: int = 1, classes: int = 2,
    shape: Shape = SHAPE, seed: int = 0,
) -> Batch:  # fmt: skip
    """Balls under noise: image (labeled + unlabeled, channels, X, Y, Z), and what the method derives from labels."""
    total = labeled + unlabeled
    drawn = [ball(shape, classes, 100 * seed + index) for index in range(total)]
    noise = np.random.default_rng(seed).normal(0, 0.3, (total, channels, *shape))
    derived = {
        name: torch.stack([torch.from_numpy(np.asarray(make(one, SPACING, classes))) for one in drawn[:labeled]])
        for name, make in kind.targets.items()
    }
    image = torch.from_numpy(np.stack(drawn)[:, None] + noise).float()
    label = torch.from_numpy(np.stack(drawn[:labeled]).astype(np.int64))
    return Batch(image, label, tuple(f"case{index}" for index in range(total)), derived)


def optimizers(method: Method) -> dict[str, torch.optim.Optimizer]:
    """One for each player, and the method's further ones."""
    owners = {name: name for name in method.players} | dict(method.further_optimizers)
    return {name: getattr(method.config, name).build(getattr(method, of)) for name, of in owners.items()}


def trained(
    method: Method, given: Batch, steps: range, moved: dict[str, torch.optim.Optimizer] | None = None
) -> list[Losses]:
    """Steps of a run of ``STEPS``, as the training loop does them; all losses."""
    moved, seen = moved or optimizers(method), []
    for step in steps:
        seed_step(0, step, 0)
        progress = Progress(step, STEPS)
        for losses in method.step(given, progress):
            optimizer = moved[losses.moved_by]
            for group in optimizer.param_groups:
                group["lr"] = getattr(method.config, losses.moved_by).rate_at(progress)
            optimizer.zero_grad()
            losses.total.backward()
            optimizer.step()
            seen.append(losses)
    return seen


def end(kind: type[Method], options: Options) -> dict[str, Tensor]:
    """Losses, state and prediction after a short run."""
    method, given = built(kind, options), batch(kind)
    seen = trained(method, given, range(STEPS))
    found = {f"{index} {name}": term.detach() for index, one in enumerate(seen) for name, term in one.terms.items()}
    totals = {f"{index} total": one.total.detach() for index, one in enumerate(seen)}
    with torch.no_grad():
        return state(method) | found | totals | {"prediction": method.eval().predict(given.image)}


def others(kind: type[Method], name: str, options: Options) -> list[Any]:
    """Other values of a field, as far as its type tells."""
    value = getattr(kind.Config.model_validate(dict(options)), name)
    annotation = kind.Config.model_fields[name].annotation
    if isinstance(value, bool):
        return [not value]
    if words := [word for part in (annotation, *get_args(annotation)) if get_origin(part) is not None
                 for word in get_args(part) if isinstance(word, str) and word != value]:  # fmt: skip
        return words
    if isinstance(value, int):
        return [wanted for wanted in (value + 1, max(value - 1, 0), 2 * value) if _fits(kind, name, wanted, options)]
    if isinstance(value, float):
        return [wanted for wanted in (value / 2, value / 10, 2 * value + 0.1) if _fits(kind, name, wanted, options)]
    return []


def _fits(kind: type[Method], name: str, value: Any, options: Options) -> bool:
    try:
        kind.Config.model_validate({**options, name: value})
    except ValueError:
        return False
    return True


def state(method: Method) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in method.state_dict().items()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
