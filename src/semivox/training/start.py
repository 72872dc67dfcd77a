"""Weights to begin with: those of a pretraining (``semivox pretrain``), in place of random ones.

Encoder and decoder take them, wherever a network of the method has layers of the same name and shape; heads and running
statistics stay fresh, since a pretraining has other outputs and sees hidden patches.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from semivox.core.errors import InputError
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.split import Split
from semivox.methods import find
from semivox.methods.method import Method
from semivox.training.folder import RunFolder
from semivox.training.model import DESCRIPTION, WEIGHTS, ModelCard

PRETRAINED = "network."
"""Where the pretrained network stands among the names of its method's weights."""
PARTS = ("encoder.", "decoders.")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def require_start(folder: Path) -> ModelCard:
    """The description of a finished pretraining. Raises InputError where the folder holds none."""
    place = folder / "model"
    if not (place / DESCRIPTION).exists():
        raise InputError(f"{folder} is no finished pretraining: {place / DESCRIPTION} is missing; see semivox pretrain")
    card = ModelCard.load(place / DESCRIPTION)
    if find(card.method).segments:
        raise InputError(f"{folder} is a model of {card.method}, not a pretraining; --start takes a folder of pretrain")
    return card


def require_network(folder: Path, network: NetworkChoice, channels: int | None = None) -> None:
    """Raise InputError where the start has another network, or another number of channels if that is given."""
    card = require_start(folder)
    for name, mine, theirs in (
        ("network", network, card.plan.network),
        ("number of channels", channels, len(card.plan.channels)),
    ):
        if mine is not None and mine != theirs:
            raise InputError(
                f"the start {folder} has another {name} than this training: {theirs} and {mine}. Pretrain with the "
                "same --network and scans, or train with --plan of the pretraining"
            )


def require_unseen(folder: Path, split: Split) -> None:
    """Raise InputError where the start was pretrained on scans that are to be scored."""
    require_start(folder)
    seen = Split.load(RunFolder(folder).split)
    scored = {*split.test, *split.validation} & {*seen.labeled, *seen.unlabeled}
    if scored:
        raise InputError(
            f"the start {folder} was pretrained on {len(scored)} scans that are to be scored here, {min(scored)!r} "
            "among them: scores would flatter. Pretrain with the same --split"
        )


def require_fit(folder: Path, plan: Plan, split: Split) -> None:
    """Raise InputError where a training of this plan on this split cannot begin from there."""
    require_network(folder, plan.network, len(plan.channels))
    require_unseen(folder, split)


def begin_from(folder: Path, method: Method) -> int:
    """Give the method's networks the weights of the pretraining, in place; returns how many tensors were taken.

    Raises InputError where the file is damaged, or no network has a layer that fits.
    """
    path = folder / "model" / WEIGHTS
    try:
        found = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot load {path}: {str(error).splitlines()[0]}") from error
    weights = {
        name.removeprefix(PRETRAINED): value
        for name, value in found.items()
        if name.removeprefix(PRETRAINED).startswith(PARTS) and not name.endswith(STATISTICS)
    }
    taken = sum(_taken(parameter, name, weights) for name, parameter in _networks(method))
    if not taken:
        raise InputError(f"no layer of {type(method).__name__} has the name and shape of one in {path}")
    return taken


def _networks(method: Method) -> list[tuple[str, Tensor]]:
    """Name within its network, and parameter, of all encoders and decoders, those of teachers too."""
    inside = [module for module in method.modules() if hasattr(module, "encoder")]
    return [item for module in inside for item in module.named_parameters()]


@torch.no_grad()
def _taken(parameter: Tensor, name: str, weights: dict[str, Tensor]) -> bool:
    value = weights.get(name)
    if value is None or value.shape != parameter.shape:
        return False
    parameter.copy_(value)
    return True
