"""Saving and loading the state of a run: plain tensors and numbers, written so that a crash loses nothing."""

from __future__ import annotations

import errno
import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from semivox.core.files import write_atomically
from semivox.core.reading import NOT_A_FILE

ANCHOR = "anchor.pt"
KEPT = 2  # a damaged last checkpoint falls back to the one before
DAMAGE = (
    *(OSError, RuntimeError, EOFError, TypeError, ValueError, KeyError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)
"""What reading a damaged file may raise."""


@dataclass(frozen=True)
class State:
    """All that a run needs to go on: everything else is a function of the step."""

    step: int = 0
    method: Mapping[str, Any] = field(default_factory=dict)
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    skipped: int = 0
    """Steps in a row that were skipped for gradients that were not finite."""
    slowed: int = 0
    """How often the learning rate was halved after a rollback."""
    best: Mapping[str, Any] | None = None
    """The weights that did best on the validation cases so far, where these choose (``validation.BestWeights``)."""


def save(folder: Path, state: State) -> Path:
    """Write the state to a temporary file, flush it to disk, rename it; keep the last two.

    Raises SemivoxError where it cannot be written; the earlier ones are untouched then.
    """
    path = folder / f"step-{state.step:08d}.pt"
    write_atomically(path, partial(_write, state))
    for old in sorted(folder.glob("step-*.pt"))[:-KEPT]:
        old.unlink()
    return path


def save_anchor(folder: Path, state: State) -> None:
    """Write the state to go back to should the run diverge. Raises SemivoxError where it cannot be written."""
    write_atomically(folder / ANCHOR, partial(_write, state))


def roll_back(folder: Path, slowed: int) -> State:
    """The last state before a run diverged (its beginning if there is none), with half the learning rate.

    It replaces all later checkpoints, in an order that a kill in between does not disturb.
    """
    try:
        kept = _read(folder / ANCHOR)
    except FileNotFoundError:
        kept = State()
    except DAMAGE as error:
        warnings.warn(f"{ANCHOR} is damaged ({_reason(error)}); going back to the beginning", stacklevel=2)
        kept = State()
    state = replace(kept, skipped=0, slowed=slowed + 1)
    write_atomically(folder / f"step-{state.step:08d}.pt", partial(_write, state))
    for path in folder.glob("step-*.pt"):
        if int(path.stem.removeprefix("step-")) > state.step:
            path.unlink()
    return state


def load(folder: Path) -> State:
    """The newest state that can be read, or a fresh one where there is none. Warns of a damaged one."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            return _read(path)
        except DAMAGE as error:
            warnings.warn(f"checkpoint {path.name} is damaged ({_reason(error)}); falling back", stacklevel=2)
    return State()


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _write(state: State, temporary: Path) -> None:
    with temporary.open("wb") as handle:  # through Python: torch's own writer hides the reason when a disk is full
        try:
            torch.save(vars(state), handle)
        except RuntimeError as error:
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _read(path: Path) -> State:
    """One checkpoint, its checksums compared first: torch.load does not, and would train on with a flipped bit."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, NOT_A_FILE if path.exists() else os.strerror(errno.ENOENT), str(path))
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged} is wrong")
    return State(**torch.load(path, map_location="cpu", weights_only=True))
