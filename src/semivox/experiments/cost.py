"""What a run took: time, and peak memory; stands beside its scores."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.memory import peak
from semivox.training.device import device_here
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig

FILE = "cost.json"


class Cost(Frozen):
    """What a run took (cost.json)."""

    called = "record of what a run took"
    train_seconds: float
    """Wall time of all steps, over all parts of an interrupted run; validation included."""
    predict_seconds: float
    """Wall time of labeling and scoring the test scans."""
    cpu_seconds: float | None = None
    """Processor time of training, all threads and processes: hardly depends on what else the machine does."""
    memory_mb: float
    """Largest resident memory of the training process."""
    gpu_memory_mb: float | None
    """Largest memory taken on the GPU; None on a CPU."""
    device: str
    threads: int


def cost_of(run: Path) -> Cost | None:
    """What a run took so far; None where that was not written, or is damaged: no score depends on it."""
    try:
        return Cost.load(run / FILE)
    except InputError:
        return None


def processor_seconds() -> float:
    """Processor time of this process and of those it started that have ended, in s."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def account(run: Path, config: RunConfig, predicting: float = 0.0, training: float = 0.0) -> None:
    """Write cost.json: ``predicting`` is wall time, ``training`` processor time of this part, both in s and added to
    what earlier parts of the run took; memory is the largest of all parts."""
    if not (run / "config.json").exists():
        return  # nothing has begun
    gpu = device_here(config.train.device) == "cuda"
    before = cost_of(run)
    memory = peak() / 2**20
    on_gpu = torch.cuda.max_memory_allocated() / 2**20 if gpu else None
    Cost(
        train_seconds=round(sum(row.get("seconds") or 0.0 for row in RunFolder(run).logged()), 3),
        predict_seconds=round(predicting + (before.predict_seconds if before else 0.0), 3),
        cpu_seconds=round(training + ((before.cpu_seconds if before else None) or 0.0), 3),
        memory_mb=round(max(memory, before.memory_mb if before else 0.0)),
        gpu_memory_mb=None if on_gpu is None else round(max(on_gpu, (before.gpu_memory_mb if before else None) or 0.0)),
        device=torch.cuda.get_device_name() if gpu else "cpu",
        threads=torch.get_num_threads(),
    ).save(run / FILE)
