"""What a device is on this machine: the one place that says what ``auto`` means, and what is not to be had here."""

from __future__ import annotations

from typing import get_args

import torch

from semivox.core.errors import InputError
from semivox.core.spelling import suggestion
from semivox.training.settings import Device


def device_here(name: str) -> Device:
    """``cuda`` for ``auto`` where torch finds such a GPU, else ``cpu``; a device that is named is itself.

    An Apple GPU is used where it is asked for: not all operations of 3D networks exist there. Raises InputError for a
    name that is none, and where torch finds no such device on this machine.
    """
    known: dict[str, Device] = {device: device for device in get_args(Device)}
    if name not in known:
        raise InputError(f"there is no device {name[:40]!r}{suggestion(name, known)}; there are {', '.join(known)}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda was asked for, but torch finds no GPU; use --device cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device mps was asked for, but torch finds no Apple GPU; use --device cpu")
    return known[name]


def wants_gpu(device: str, there: bool) -> bool:
    """Whether a process on a cluster reserves a GPU: always for ``cuda``, for ``auto`` where the cluster has any."""
    return device == "cuda" or (device == "auto" and there)
