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
from semivox.pipeline.progress import ProgressDisplay

LAST = 2000
"""Bytes kept of what a helping process said last."""
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
    given = {"save": ",".join(save) or None, "precision": precision, "overwrite": overwrite, **how}
    words = ["predict", str(run), f"--in={inputs}", f"--out={out}"]
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option] * value
        elif value is not None:
            words.append(f"{option}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
    return words


@contextmanager
def helped(arguments: Sequence[str], processes: int, progress: ProgressDisplay) -> Iterator[None]:
    """Further processes run ``semivox ARGUMENTS`` while the block does the same work in this one.

    Threads are shared out. What they say of scans is not shown: this process sees all, also those that failed
    elsewhere. Where none failed, one that ended otherwise than with 0 did not help to the end, and is told of.
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
            lost = [code for other in others if (code := other.wait())]
            if lost:
                said.seek(0)
                progress.say(ended_early(lost[0], said.read()))
        finally:
            for other in others:
                if other.poll() is None:
                    other.kill()
                    other.wait()


def ended_early(code: int, said: bytes) -> str:
    """That a helping process was no help to the end. ``said``: what it said; it may be much, and binary."""
    lines = [line for line in said[-LAST:].decode(errors="replace").splitlines() if line.strip()]
    why = f"killed by signal {-code}" if code < 0 else next(reversed(lines), f"exit code {code}")
    return f"A helping process ended early; others labeled its scans: {why.strip()}"


@contextmanager
def shared_threads(threads: int) -> Iterator[None]:
    """This process uses so many threads while the block lasts: the rest of the cores is for others."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
