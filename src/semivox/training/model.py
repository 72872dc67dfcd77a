"""A released model: weights as safetensors and a JSON file, enough to predict with and nothing that runs code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from semivox.core.errors import InputError
from semivox.core.files import write_atomically, writing
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.core.reading import content_of
from semivox.core.spelling import not_there
from semivox.data.planning import topology
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training.settings import RunConfig, validated
from semivox.training.spec import settled

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Name of a tensor -> its shape."""


class ModelCard(Frozen):
    """What the weights belong to."""

    called = "description of a model"
    version: Literal[1, 2] = 2
    """Format of this file. In version 1 the plan is not settled yet: the run's own settings may overrule it."""
    semivox: str
    """Version of the package that wrote the model."""
    method: str
    options: Mapping[str, Any]
    plan: Plan
    selection: str
    """Which weights these are: last, or chosen on validation cases."""
    steps: int
    seed: int
    split: str = ""
    """Digest of the split, where the training cases are named; it would confirm guessed names otherwise."""
    weights: str = ""
    """SHA-256 of weights.safetensors; empty in models of early versions, which are loaded unverified."""


def save_model(folder: Path, method: Method, card: ModelCard) -> None:
    """Write weights and description; the description last, so that a folder with one is complete."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    digest = save_weights(folder / WEIGHTS, method)
    card.model_copy(update={"weights": digest}).save(folder / DESCRIPTION)


def save_weights(path: Path, method: Method) -> str:
    """Write all weights in one step; returns their SHA-256. Raises SemivoxError where they cannot be written."""
    content = save({name: value.detach().cpu().contiguous() for name, value in method.state_dict().items()})
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return hashlib.sha256(content).hexdigest()


def model_digest(folder: Path) -> str:
    """SHA-256 of description and weights of a model folder, or a run's. Raises InputError where there is none."""
    place = model_place(folder)
    described = content_of(place / DESCRIPTION, room=1)
    weights = ModelCard.load(place / DESCRIPTION).weights  # whoever loads the model verifies it: not read twice
    if not weights:
        weights = hashlib.sha256(content_of(place / WEIGHTS, room=1)).hexdigest()
    total = hashlib.sha256(hashlib.sha256(described).digest())
    try:
        total.update(bytes.fromhex(weights))
    except ValueError as error:
        raise InputError(
            f"{place / DESCRIPTION} is damaged: its digest of the weights is none; copy it again"
        ) from error
    return total.hexdigest()


def has_model(folder: Path) -> bool:
    """Whether a run folder, or the folder itself, holds a model."""
    return (folder / "model" / DESCRIPTION).exists() or (folder / DESCRIPTION).exists()


def model_place(folder: Path) -> Path:
    """The model folder of a run, or the folder itself. Raises InputError where neither holds a model."""
    place = folder / "model" if (folder / "model" / DESCRIPTION).exists() else folder
    if (place / DESCRIPTION).exists():
        return place
    if (folder / "done").exists():
        raise InputError(
            f"the training in {folder} is finished, but its model is gone: {folder / 'model' / DESCRIPTION} is "
            "missing. Restore it from a copy, or train again in another --out"
        )
    if not folder.exists():
        raise InputError(f"{not_there(folder)}; give the folder of a model, or of the job or run that trained it")
    if folder.is_dir() and (within := sorted(path.name for path in folder.iterdir() if has_model(path))):
        raise InputError(
            f"{folder} has no model of its own: it is not finished, or was made by semivox 0.1.0. Run the same semivox "
            f"run again, or give one of the models in it: {', '.join(within)}"
        )
    raise InputError(f"no model in {place}: {DESCRIPTION} is missing. Has the training finished?")


def require_model(folder: Path) -> None:
    """Raise InputError, with what to do, where a run folder holds no model."""
    model_place(folder)


def load_model(folder: Path) -> tuple[Method, ModelCard]:
    """The method in eval mode on the CPU, and its description; ``folder`` is a model folder or a run's.

    Raises InputError naming what is missing or does not fit.
    """
    run, folder = folder, model_place(folder)
    card = ModelCard.load(folder / DESCRIPTION)
    if card.version == 1 and (run / "config.json").exists():
        card = card.model_copy(update={"plan": settled(card.plan, RunConfig.load(run / "config.json").train)})
    if not find(card.method).segments:
        raise InputError(f"{run} is a pretraining, which labels nothing; train from it with --start {run}")
    described = _described(folder, card)
    try:
        content = content_of(folder / WEIGHTS, room=3)
        if card.weights and hashlib.sha256(content).hexdigest() != card.weights:
            raise InputError(f"{folder / WEIGHTS} is damaged or not the model's own: copy both files again")
        weights = load(content)
        _require_fit(folder, described, {name: tuple(value.shape) for name, value in weights.items()})
        method = _built(card)
        _require_numbers(folder, weights, method.state_dict())
        method.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"cannot load {folder / WEIGHTS}: {str(error).splitlines()[0]}") from error
    return method.eval(), card


def _require_numbers(folder: Path, found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Raise InputError for a tensor of another type, or with numbers that are not finite: all labels would be 0."""
    for name, value in found.items():
        if value.dtype.is_floating_point != wanted[name].dtype.is_floating_point:
            raise InputError(f"{folder / WEIGHTS}: {name} holds {value.dtype}, and {wanted[name].dtype} belongs there")
        if value.dtype.is_floating_point and not bool(torch.isfinite(value).all()):
            raise InputError(
                f"{folder / WEIGHTS}: {name} holds numbers that are not finite, so that the model can label nothing; "
                "use another model, or train again"
            )


def _built(card: ModelCard) -> Method:
    return find(card.method)(validated(card.method, card.options), Blueprint.of(card.plan))


def _described(folder: Path, card: ModelCard) -> Method:
    """What the description asks for, as shapes that take no memory. Raises InputError."""
    topology.require_divisible(card.plan.patch, [Blueprint.of(card.plan).architecture.strides])
    try:
        with torch.device("meta"):
            return _built(card)
    except RuntimeError as error:  # more than can be counted
        raise InputError(f"{folder / DESCRIPTION} describes an impossible network: {error}") from error


def _require_fit(folder: Path, described: Method, found: Shapes) -> None:
    """Raise InputError where description and weights differ: the network would take memory that no file has filled.

    The method itself decides, so that what takes its size from the data (an atlas) is as large as in the file.
    """
    try:
        described.load_state_dict({name: torch.empty(shape, device="meta") for name, shape in found.items()})
    except RuntimeError as error:
        wanted = {name: tuple(value.shape) for name, value in described.state_dict().items()}
        name = next(name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name))
        raise InputError(
            f"{DESCRIPTION} and {WEIGHTS} in {folder} do not belong together: {name} has the shape "
            f"{wanted.get(name, 'of nothing')} in the one and {found.get(name, 'of nothing')} in the other; copy both "
            "files again"
        ) from error
