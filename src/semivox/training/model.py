"""A released model: weights as safetensors and a JSON file, enough to predict with and nothing that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training.checkpoint import write_atomically
from semivox.training.settings import validated

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


class ModelCard(Frozen):
    """What the weights belong to."""

    version: int = 1
    semivox: str
    """Version of the package that wrote the model."""
    method: str
    options: Mapping[str, Any]
    plan: Plan
    selection: str
    """Which weights these are: last, or chosen on validation cases."""
    steps: int
    seed: int
    split: str
    """Digest of the split."""


def save_model(folder: Path, method: Method, card: ModelCard) -> None:
    """Write weights and description; the description last, so that a folder with one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in method.state_dict().items()}
    write_atomically(folder / WEIGHTS, lambda path: save_file(tensors, path))
    card.save(folder / DESCRIPTION)


def load_model(folder: Path) -> tuple[Method, ModelCard]:
    """The method in eval mode on the CPU, and its description; ``folder`` is a model folder or a run's.

    Raises InputError naming what is missing or does not fit.
    """
    folder = folder / "model" if (folder / "model" / DESCRIPTION).exists() else folder
    if not (folder / DESCRIPTION).exists():
        raise InputError(f"no model in {folder}: {DESCRIPTION} is missing. Has the training finished?")
    card = ModelCard.load(folder / DESCRIPTION)
    method = find(card.method)(validated(card.method, card.options), Blueprint.of(card.plan))
    try:
        method.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"cannot load {folder / WEIGHTS}: {str(error).splitlines()[0]}") from error
    return method.eval(), card
