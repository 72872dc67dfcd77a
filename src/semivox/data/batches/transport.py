"""Brings a batch from the process that prepared it to the one that trains on it: through a pipe, byte by byte.

Not through shared memory, as PyTorch's loader does: there the receiver asks the sender for each piece of memory, and
waits for good if the sender has been stopped; and containers have little of it. A pipe ends when its sender ends.
"""

from __future__ import annotations

import contextlib
import os
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import torch
from torch import Tensor

from semivox.core.batch import Batch

fcntl: Any = None
with contextlib.suppress(ImportError):  # Windows
    import fcntl

Delivered: TypeAlias = "Batch | Exception"
"""What a worker has made of a step: its batch, or why there is none."""
ROOM = 1 << 20
"""Bytes that a pipe holds where the system lets us choose: few changes between sender and receiver."""


def widen(pipe: Connection) -> None:
    """Give a pipe more room than the usual 64 kB, where that is possible (Linux)."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, ROOM)


def send(pipe: Connection, delivered: Delivered) -> None:
    """Write a batch, or an error, into a pipe; returns when the other side has taken nearly all of it."""
    if isinstance(delivered, Exception):
        pipe.send(delivered)
        return
    parts = [delivered.image, delivered.label, delivered.patch_to_scan, delivered.extent, *delivered.targets.values()]
    forms = [(part.dtype, tuple(part.shape)) for part in parts]
    pipe.send((delivered.cases, tuple(delivered.targets), forms))
    for part in parts:
        _write(pipe, _bytes(part.contiguous()))


def receive(pipe: Connection) -> Delivered:
    """What the other side has sent. Raises EOFError or OSError if it ended before all was there."""
    sent = pipe.recv()
    if isinstance(sent, Exception):
        return sent
    cases, names, forms = sent
    parts = [torch.empty(shape, dtype=dtype) for dtype, shape in forms]
    for part in parts:
        _fill(pipe, _bytes(part))
    image, label, patch_to_scan, extent, *targets = parts
    return Batch(image, label, cases, dict(zip(names, targets, strict=True)), patch_to_scan, extent)


def _write(pipe: Connection, left: memoryview) -> None:
    """Write all bytes into the pipe."""
    if not hasattr(os, "readv"):  # Windows: its pipes are no files
        if left:
            pipe.send_bytes(left)
        return
    while left:
        left = left[os.write(pipe.fileno(), left) :]


def _fill(pipe: Connection, left: memoryview) -> None:
    """Fill the memory from the pipe. Raises EOFError if the other side ended before."""
    if not hasattr(os, "readv"):
        if left:
            pipe.recv_bytes_into(left)
        return
    while left:
        count = os.readv(pipe.fileno(), [left])
        if not count:
            raise EOFError
        left = left[count:]


def _bytes(part: Tensor) -> memoryview:
    """The memory of a contiguous tensor."""
    array: Any = part.flatten().view(torch.uint8).numpy()
    return memoryview(array)
