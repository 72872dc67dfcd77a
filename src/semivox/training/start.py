"""Weights to begin with: those of a pretraining (``semivox pretrain``), in place of random ones.

Encoder and decoder take them, wherever a network of the method has layers of the same name and shape; heads and running
statistics stay fresh, since a pretraining has other outputs and sees other patches.

A pretraining that has seen no scan knows no plan: it fits all networks of its kind and width. Where a plan has several
channels, fewer levels, or axes that are not halved, its weights are made to fit (``networks.fitted``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from semivox.core.errors import InputError
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.split import Split
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import architecture
from semivox.networks.fitted import fitted
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
    if not find(card.method).uses_scans:
        return _require_kind(folder, network, card.plan.network)
    for name, mine, theirs in (
        ("network", network, card.plan.network),
        ("number of channels", channels, len(card.plan.channels)),
    ):
        if mine is not None and mine != theirs:
            raise InputError(
                f"the start {folder} has another {name} than this training: {theirs} and {mine}. Pretrain with the "
                "same --network and scans, or train with --plan of the pretraining"
            )


def _require_kind(folder: Path, network: NetworkChoice, pretrained: NetworkChoice) -> None:
    """Raise InputError where layers of two networks differ although their levels do not."""
    mine, theirs = (_kind(one) for one in (network, pretrained))
    if mine != theirs:
        raise InputError(
            f"the start {folder} is for networks of another kind than this training's: {_words(theirs)}, and here "
            f"{_words(mine)}. Pretrain with the same --network (and --set plan.network.options.width)"
        )


def _kind(network: NetworkChoice) -> dict[str, object]:
    """What decides the shapes of layers, beside the levels and how they are halved."""
    options = architecture(network.name, network.options)
    return {"name": network.name, "width": options.width, "norm": getattr(options, "norm", None)}


def _words(kind: Mapping[str, object]) -> str:
    norm = f" with {kind['norm']} normalization" if kind["norm"] else ""
    return f"{kind['name']} of width {kind['width']}{norm}"


def require_unseen(folder: Path, split: Split) -> None:
    """Raise InputError where the start was pretrained on scans that are to be scored."""
    require_start(folder)
    if scored := {*split.test, *split.validation} & trained_on(folder):
        raise InputError(
            f"the start {folder} was pretrained on {len(scored)} scans that are to be scored here, {min(scored)!r} "
            "among them: scores would flatter. Pretrain with the same --split"
        )


def trained_on(run: Path) -> set[str]:
    """The cases that a run was trained on, with or without label. Raises InputError."""
    seen = Split.load(RunFolder(run).split)
    return {*seen.labeled, *seen.unlabeled}


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
    to_fit = not find(require_start(folder).method).uses_scans
    taken = sum(_taken(network, weights, to_fit) for network in method.modules() if hasattr(network, "encoder"))
    if not taken:
        raise InputError(f"no layer of {type(method).__name__} has the name and shape of one in {path}")
    return taken


@torch.no_grad()
def _taken(network: nn.Module, weights: Mapping[str, Tensor], to_fit: bool) -> int:
    """How many parameters of a network, which may be a teacher's, were given the weights of their name and shape."""
    count = 0
    for name, parameter in network.named_parameters():
        value = weights.get(name)
        if value is not None and to_fit:
            value = fitted(value, parameter.shape, network.get_submodule(name.rpartition(".")[0]))
        if value is not None and value.shape == parameter.shape:
            parameter.copy_(value)
            count += 1
    return count
