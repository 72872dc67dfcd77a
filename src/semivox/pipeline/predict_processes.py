"""Several processes of this machine label one folder of scans: each runs the same command and takes what is free."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile

import torch

from semivox.core.errors import InputError
from semivox.core.processes.cores import usable_cores

PROGRAM = (
    "from semivox.core.processes.parent_death import end_with_parent; end_with_parent(); "
    "from semivox.cli import main; main()"
)
"""The command line, ended by the system when the process that started it is gone."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


@contextmanager
def helped(arguments: Sequence[str], processes: int) -> Iterator[None]:
    """Further processes run ``semivox ARGUMENTS`` while the block does the same work in this one.

    Threads are shared out. What they say is not shown: this process sees all scans, also those that failed elsewhere.
    Raises InputError for fewer than one process.
    """
    if processes < 1:
        raise InputError(f"--processes {processes} is too few; 1 or more are right")
    if processes == 1:
        yield
        return
    threads, before = max(1, usable_cores() // processes), torch.get_num_threads()
    environment = os.environ | dict.fromkeys(THREADS, str(threads))
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with TemporaryFile() as said:
        others = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
            for _ in range(processes - 1)
        ]
        torch.set_num_threads(threads)
        try:
            yield
            for other in others:
                other.wait()
        finally:
            torch.set_num_threads(before)
            for other in others:
                if other.poll() is None:
                    other.kill()
                    other.wait()
