"""Saving and loading the state of a run: plain tensors and numbers, written so that a crash loses nothing."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from semivox.core.files import write_atomically

KEPT = 2  # a damaged last checkpoint falls back to the one before


@dataclass(frozen=True)
class State:
    """All that a run needs to go on: everything else is a function of the step."""

    step: int = 0
    method: Mapping[str, Any] = field(default_factory=dict)
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    skipped: int = 0
    """Steps in a row that were skipped for gradients that were not finite."""


def save(folder: Path, state: State) -> Path:
    """Write the state to a temporary file, flush it to disk, rename it; keep the last two.

    Raises SemivoxError where it cannot be written; the earlier ones are untouched then.
    """
    path = folder / f"step-{state.step:08d}.pt"
    write_atomically(path, partial(_write, state))
    for old in sorted(folder.glob("step-*.pt"))[:-KEPT]:
        old.unlink()
    return path


def load(folder: Path) -> State:
    """The newest state that can be read, or a fresh one where there is none. Warns of a damaged one."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            return _read(path)
        except (OSError, RuntimeError, EOFError, TypeError, ValueError, KeyError, pickle.UnpicklingError,
                zipfile.BadZipFile) as error:  # fmt: skip
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            warnings.warn(f"checkpoint {path.name} is damaged ({reason}); falling back", stacklevel=2)
    return State()


def _write(state: State, temporary: Path) -> None:
    with temporary.open("wb") as handle:  # through Python: torch's own writer hides the reason when a disk is full
        try:
            torch.save(vars(state), handle)
        except RuntimeError as error:
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _read(path: Path) -> State:
    """One checkpoint, its checksums compared first: torch.load does not, and would train on with a flipped bit."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged} is wrong")
    return State(**torch.load(path, map_location="cpu", weights_only=True))
