"""What the processes of one training hand to each other: the first state, buffers, and the mean of their gradients.

torch's wrapper for this (DistributedDataParallel) demands that each backward pass reaches every parameter, and counts
them from the network's last call. A method may call its network several times in a turn, let a head or a decoder rest,
or have a term switched off by a weight of 0, so we average what there is after the backward pass instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from semivox.methods.method import Method

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def share(fabric: Fabric, method: Method) -> None:
    """Give every process the state of the first."""
    if fabric.world_size > 1:
        for value in (*method.parameters(), *method.buffers()):
            whole = value.detach().contiguous()  # weights may lie channels-last
            torch.distributed.broadcast(whole, src=0)
            value.detach().copy_(whole)


def share_buffers(fabric: Fabric, method: Method) -> None:
    """Give every process the buffers of the first, so that all hold the same state and one of them can be saved."""
    if fabric.world_size > 1:
        for buffer in method.buffers():
            torch.distributed.broadcast(buffer, src=0)


def average(fabric: Fabric, player: nn.Module) -> None:
    """Replace each gradient by its mean over the processes.

    A parameter that has none in one process counts as 0 there. One that has none anywhere keeps none, so that momentum
    and weight decay leave it alone, as in a single process.
    """
    if fabric.world_size == 1:
        return
    trained = [parameter for parameter in player.parameters() if parameter.requires_grad]
    reached = torch.tensor([float(one.grad is not None) for one in trained], device=fabric.device)
    torch.distributed.all_reduce(reached)
    moved = [one for one, count in zip(trained, reached.tolist(), strict=True) if count]
    for parameter in moved:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    if not moved:
        return
    gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
    total = torch.cat([gradient.reshape(-1) for gradient in gradients])
    torch.distributed.all_reduce(total)
    total /= fabric.world_size
    for gradient, mean in zip(gradients, total.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))
