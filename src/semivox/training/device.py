"""What a device is on this machine: the one place that says what ``auto`` means."""

from __future__ import annotations

import torch

from semivox.training.settings import Device


def device_here(name: str) -> Device:
    """``cuda`` for ``auto`` where torch finds such a GPU, else ``cpu``; a device that is named is itself.

    An Apple GPU is used where it is asked for: not all operations of 3D networks exist there. ``name``: one of
    ``settings.Device``, as ``require_device`` has seen to.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    known: dict[str, Device] = {"cpu": "cpu", "cuda": "cuda", "mps": "mps"}
    return known[name]
