"""Passes that batch normalization should not remember."""

from __future__ import annotations

from torch import Tensor, nn


class StatisticsKept:
    """Within, batch normalization uses the statistics of the batch, as in training, but its running ones stay.

    For passes of disturbed images and for repeated ones, also those of a recomputed activation: the running statistics
    take part as copies, so a graph has the same tensors as outside. May be entered again and again, also within itself.
    """

    def __init__(self, module: nn.Module) -> None:
        self.norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        self.kept: list[list[dict[str, Tensor]]] = []

    def __enter__(self) -> None:
        self.kept.append([dict(norm.named_buffers(recurse=False)) for norm in self.norms])
        for norm, buffers in zip(self.norms, self.kept[-1], strict=True):
            for name, buffer in buffers.items():
                setattr(norm, name, buffer.clone())

    def __exit__(self, *raised: object) -> None:
        for norm, buffers in zip(self.norms, self.kept.pop(), strict=True):
            for name, buffer in buffers.items():
                setattr(norm, name, buffer)
