"""Saving and loading the state of a run: plain tensors and numbers, written so that a crash loses nothing."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

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
    """Write the state to a temporary file, flush it to disk, rename it; keep the last two."""
    path = folder / f"step-{state.step:08d}.pt"
    write_atomically(path, lambda temporary: torch.save(vars(state), temporary))
    for old in sorted(folder.glob("step-*.pt"))[:-KEPT]:
        old.unlink()
    return path


def load(folder: Path) -> State:
    """The newest state that can be read, or a fresh one where there is none. Warns of a damaged one."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            return State(**torch.load(path, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, EOFError, TypeError, ValueError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            warnings.warn(f"checkpoint {path.name} is damaged ({reason}); falling back", stacklevel=2)
    return State()


def write_atomically(path: Path, write: Any) -> None:
    """Call ``write(temporary path)``, flush to disk, and rename to ``path``: readers see the old file or the new."""
    temporary = path.with_name(path.name + ".writing")
    write(temporary)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
