"""Passes that batch normalization should not remember."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Within, batch normalization uses the statistics of the batch, as in training, but its running ones stay.

    For passes of disturbed or repeated images. Instance normalization is left alone: told to track, it would begin to.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
