"""Programs that die where a test wants them to: before the n-th time they touch a file of a folder.

Children are forked from a clean process that has imported everything once, so that an attempt costs a fraction of a
second.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["semivox.experiments.job", "semivox.api", "semivox.inference.folder", "tests.faults"])
BEGUN = 100
"""Bytes of a file that are written when a kill comes inside a write."""
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree")
"""Audit events (PEP 578) of a program that touches files."""


class Fatal:
    """Counts how often a program touches files under ``root``; it is killed before it does so the ``at``-th time.

    A file about to be put in its place by a rename is cut in half first, as if the kill had come while it was written.
    ``at`` as text: before it opens the first file whose path matches, and then not at once but inside the next write
    of more than ``BEGUN`` bytes, whoever writes (numpy, zlib, torch): the system kills a process whose file grows over
    a limit.
    """

    def __init__(self, root: Path, at: int | str | None, count: Any) -> None:
        self.root, self.at, self.count, self.owner = str(root), at, count, os.getpid()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or os.getpid() != self.owner or not str(arguments[0]).startswith(self.root):
            return
        self.count.value += 1
        if isinstance(self.at, str):
            if event == "open" and re.search(self.at, str(arguments[0])):
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (BEGUN, BEGUN))
            return
        if self.count.value != self.at:
            return
        if event == "os.rename" and os.path.isfile(arguments[0]):
            os.truncate(arguments[0], os.path.getsize(arguments[0]) // 2)
        os.kill(self.owner, signal.SIGKILL)


def _child(task: Callable[..., object], arguments: tuple[Any, ...], fatal: tuple[Any, ...] | None) -> None:
    import torch

    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # as in a program that no test started
    if fatal:
        sys.addaudithook(Fatal(*fatal))
    task(*arguments)


def start(task: Callable[..., object], *arguments: Any) -> Any:
    """The task in a process of its own, running."""
    process = CONTEXT.Process(target=_child, args=(task, arguments, None))
    process.start()
    return process


def attempt(task: Callable[..., object], *arguments: Any, root: Path, at: int | str | None = None) -> tuple[int, int]:
    """Run the task in a process of its own, killed before its ``at``-th touch of a file under ``root``.

    Returns the exit code (-9: killed; -25: killed inside a write) and how often it touched files.
    """
    count = CONTEXT.Value("i", 0)
    process = CONTEXT.Process(target=_child, args=(task, arguments, (root, at, count)))
    process.start()
    process.join()
    return process.exitcode, count.value
