"""What a run took: time, and peak memory; stands beside its scores."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from semivox.core.frozen import Frozen
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig


class Cost(Frozen):
    """What a run took (cost.json)."""

    train_seconds: float
    """Wall time of all steps, over all parts of an interrupted run; validation included."""
    predict_seconds: float
    """Wall time of labeling and scoring the test scans."""
    memory_mb: float
    """Largest resident memory of the training process."""
    gpu_memory_mb: float | None
    """Largest memory taken on the GPU; None on a CPU."""
    device: str
    threads: int


def account(run: Path, config: RunConfig, predicting: float) -> None:
    """Write cost.json; what an earlier part of the run took is kept where it was more."""
    if not (run / "config.json").exists():
        return  # nothing has begun
    path, gpu = run / "cost.json", torch.cuda.is_available() and config.train.device in ("auto", "cuda")
    before = Cost.load(path) if path.exists() else None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    on_gpu = torch.cuda.max_memory_allocated() / 2**20 if gpu else None
    Cost(
        train_seconds=round(sum(row.get("seconds") or 0.0 for row in RunFolder(run).logged()), 3),
        predict_seconds=round(predicting + (before.predict_seconds if before else 0.0), 3),
        memory_mb=round(max(memory, before.memory_mb if before else 0.0)),
        gpu_memory_mb=None if on_gpu is None else round(max(on_gpu, (before and before.gpu_memory_mb) or 0.0)),
        device=torch.cuda.get_device_name() if gpu else "cpu",
        threads=torch.get_num_threads(),
    ).save(path)
