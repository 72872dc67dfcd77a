"""Several processes of this machine label one folder of scans: each runs the same command and takes what is free."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch

from semivox.core.processes.cores import environment_of, usable_cores

PROGRAM = (
    "from semivox.core.processes.parent_death import end_with_parent; end_with_parent(); "
    "from semivox.cli import main; main()"
)
"""The command line, ended by the system when the process that started it is gone."""


def command_of(
    run: Path,
    inputs: Path,
    out: Path,
    save: Sequence[str],
    overwrite: bool,
    precision: str | None,
    how: Mapping[str, Any],
) -> list[str]:
    """``predict`` as the command line takes it. ``how``: the options of ``ScanPredictor`` and the device."""
    given = {"save": ",".join(save), "precision": precision, "overwrite": overwrite, **how}
    words = ["predict", str(run), f"--in={inputs}", f"--out={out}"]
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option] * value
        elif value is not None:
            words.append(f"{option}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
    return words


@contextmanager
def helped(arguments: Sequence[str], processes: int) -> Iterator[None]:
    """Further processes run ``semivox ARGUMENTS`` while the block does the same work in this one.

    Threads are shared out. What they say is not shown: this process sees all scans, also those that failed elsewhere.
    """
    if processes == 1:
        yield
        return
    threads = max(1, usable_cores() // processes)
    environment = environment_of(threads)
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with TemporaryFile() as said:
        others = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
            for _ in range(processes - 1)
        ]
        try:
            with shared_threads(threads):
                yield
            for other in others:
                other.wait()
        finally:
            for other in others:
                if other.poll() is None:
                    other.kill()
                    other.wait()


@contextmanager
def shared_threads(threads: int) -> Iterator[None]:
    """This process uses so many threads while the block lasts: the rest of the cores is for others."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
