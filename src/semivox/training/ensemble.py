"""Models that are used together: one folder of members, whose probabilities are averaged.

``ensemble.json`` names the members and holds the digest of each; ``members/NAME/`` is a released model like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.files import write_atomically, writing
from semivox.core.frozen import Frozen
from semivox.methods.method import Method
from semivox.training.model import DESCRIPTION, WEIGHTS, ModelCard, load_model, model_digest, model_place

FILE, MEMBERS = "ensemble.json", "members"
SHARED = ("classes", "ignore", "channels", "spacing", "patch", "intensity", "mirror")
"""Fields of a plan that members must have in common: what is put into them, and what comes out, is one thing."""


class EnsembleCard(Frozen):
    """Which models are averaged."""

    version: Literal[1] = 1
    semivox: str
    """Version of the package that wrote it."""
    members: Mapping[str, str]
    """Name of a member, a folder of ``members/`` -> its digest."""


def members_of(folder: Path) -> tuple[Path, ...]:
    """The model folders that a model, run or job folder consists of. Raises InputError naming what is missing."""
    place = _ensemble(folder)
    if place is None:
        return (model_place(folder),)
    found = tuple(place / MEMBERS / name for name in EnsembleCard.load(place / FILE).members)
    if not found:
        raise InputError(f"{place / FILE} names no member; copy the whole folder again")
    return found


def models_digest(folder: Path) -> str:
    """What a label is known to be made by: the model's digest, or one over those of all members. Raises InputError."""
    found = [model_digest(member) for member in members_of(folder)]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def load_models(folder: Path) -> tuple[tuple[Method, ...], ModelCard]:
    """All members in eval mode on the CPU, and the description of the first; what is shared is the same in all.

    Raises InputError naming a member that is missing, changed, or was trained by another plan.
    """
    if (place := _ensemble(folder)) is None:
        method, card = load_model(folder)
        return (method,), card
    known = EnsembleCard.load(place / FILE).members
    loaded = []
    for member in members_of(folder):
        if model_digest(member) != known[member.name]:
            raise InputError(f"{member} is not the member that {place / FILE} names: copy the whole folder again")
        loaded.append(load_model(member))
    first = loaded[0][1]
    for _, card in loaded[1:]:
        if differing := [name for name in SHARED if getattr(card.plan, name) != getattr(first.plan, name)]:
            raise InputError(f"the members of {place} differ in {', '.join(differing)}; they are of no one job")
    return tuple(method for method, _ in loaded), first


def card_of(folder: Path) -> ModelCard:
    """The description of a model, or of the first of several, without its weights. Raises InputError."""
    return ModelCard.load(members_of(folder)[0] / DESCRIPTION)


def gather(place: Path, models: Mapping[str, Path]) -> None:
    """Make the model folder ``place`` of one model, or of several that are averaged; one that is right is left alone.

    Weights are linked where the file system has links, else copied. What makes it a model is written last. Raises
    InputError where a model is missing, SemivoxError where the folder cannot be written.
    """
    wanted = {name: model_digest(path) for name, path in models.items()}
    with contextlib.suppress(InputError):
        if [model_digest(member) for member in members_of(place)] == list(wanted.values()):
            return
    with writing(place):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    if len(models) == 1:
        _copied(model_place(next(iter(models.values()))), place)
        return
    for name, path in models.items():
        _copied(model_place(path), place / MEMBERS / name)
    EnsembleCard(semivox=version("semivox"), members=wanted).save(place / FILE)


def _ensemble(folder: Path) -> Path | None:
    """Where the ensemble of a folder or a job is; None: it is a single model."""
    return next((place for place in (folder / "model", folder) if (place / FILE).exists()), None)


def _copied(source: Path, target: Path) -> None:
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, DESCRIPTION):
        write_atomically(target / name, partial(_linked, source / name))


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)
