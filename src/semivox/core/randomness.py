"""All randomness is a function of numbers that name its place: (seed, step, rank), (seed, stream, epoch), ...

There is therefore no generator state to save, and resuming is starting the step range later.
"""

from __future__ import annotations

import numpy as np


def generator(*key: int) -> np.random.Generator:
    """An independent random stream for a key of non-negative integers, such as ``(seed, stream, epoch)``."""
    return np.random.default_rng(list(key))


def derive(*key: int) -> int:
    """One 63-bit seed for a key of non-negative integers, for libraries that want a single number."""
    return int(np.random.SeedSequence(list(key)).generate_state(1, np.uint64)[0] >> 1)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch's global generators for one step, so that any step can be replayed alone."""
    import torch

    torch.manual_seed(derive(seed, 0x57E9, step, rank))
