"""Passes in which a network is used but not trained, for the turn of another part or another player."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Within, what the module computes gives its parameters no gradient; its inputs still get theirs."""
    trained = [p for p in module.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def fixed(module: nn.Module) -> Iterator[None]:
    """Within, the module is held, and in evaluation mode.

    For the turn of another player: a discriminator then judges without dropout, and no gradient is worked out that
    nobody would use; the running statistics of a network that only shows what it predicts stay as they are.
    """
    training = module.training
    module.eval()
    try:
        with frozen(module):
            yield
    finally:
        module.train(training)
