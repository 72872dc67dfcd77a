"""What SLURM says of jobs, by its own commands: squeue knows them without the accounting data base that many lack."""

from __future__ import annotations

import getpass
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LOOK = 5.0
"""Seconds between two questions, whatever the number of jobs."""
ANSWER = 120.0
"""Seconds for which a command of SLURM may take."""
MOVED = frozenset(("TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REVOKED", "DEADLINE"))
"""States of a job that SLURM ended for no fault of its own: the same work may be submitted again."""
FORGOTTEN = "FORGOTTEN"
"""What we call the state of a job that SLURM does not list any more, as it does some minutes after the end."""
NO_REASON = ("", "None", "N/A")
"""What squeue says of a job that the scheduler has not looked at yet."""
ENDED = MOVED | {"COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY", FORGOTTEN}
"""States of a job that does nothing any more."""


def asked(command: Sequence[str]) -> str | None:
    """What a command of SLURM prints; None where it fails, as it does while the controller is away.

    That no job has one of the numbers is an answer: an empty one.
    """
    try:
        done = _ended(command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return "" if "Invalid job id" in done.stderr else None
    return done.stdout


def _ended(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=ANSWER)


def waiting_or_running(name: str) -> str | None:
    """The number of this user's newest job of this name that has not ended; None without one."""
    listed = asked(["squeue", "--noheader", f"--user={getpass.getuser()}", f"--name={name}", "--format=%i|%T"])
    found = [line.split("|") for line in (listed or "").split()]
    return max((number for number, state in found if state not in ENDED), key=int, default=None)


def cancel(number: str, *, saving: bool) -> None:
    """End a job. ``saving``: one that runs is asked to save first, in its own time; one that waits is taken away."""
    if saving:
        asked(["scancel", "--signal=USR2", "--state=RUNNING", number])
        asked(["scancel", "--state=PENDING", number])
    else:
        asked(["scancel", number])


def refused(options: Mapping[str, str]) -> str:
    """Why sbatch would not take a job with these options, in its own words; nothing where it would."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    try:
        done = _ended(["sbatch", "--test-only", "--wrap=true", *words])
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"sbatch does not answer ({error})"
    said = " ".join(done.stderr.split()).replace("sbatch: error: ", "") or f"sbatch ended with {done.returncode}"
    return said if done.returncode else ""


def has_gpus(partition: str | None) -> bool:
    """Whether a node of the partition (or of several, ``a,b``) has a GPU; None: of the partition that is the default.

    Without an answer it has none.
    """
    named = [f"--partition={partition}"] if partition else []
    listed = asked(["sinfo", "--noheader", "--format=%P|%G", *named]) or ""
    lines = [line.split("|", 1) for line in listed.splitlines() if "|" in line]
    return any("gpu" in kinds for name, kinds in lines if partition or name.strip().endswith("*"))


@dataclass
class Queue:
    """The states of the jobs of one command."""

    states: dict[str, str] = field(default_factory=dict)
    """Number of a job -> its state when SLURM was asked last."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Number of a job that waits -> why, in SLURM's word: ``Priority``, ``Resources``, ..."""
    looked: float = float("-inf")

    def add(self, number: str) -> None:
        """Watch a job that was just submitted."""
        self.states[number] = "PENDING"

    def state(self, number: str) -> str:
        """The state of a job, at most some seconds old; ``FORGOTTEN`` where SLURM knows it no more."""
        if time.monotonic() - self.looked >= LOOK:
            self._look()
        return self.states[number]

    def _look(self) -> None:
        """Ask for all that have not ended."""
        self.looked = time.monotonic()
        alive = [number for number, state in self.states.items() if state not in ENDED]
        if not alive:
            return
        listed = asked(["squeue", "--noheader", "--states=all", f"--jobs={','.join(alive)}", "--format=%i|%T|%r"])
        if listed is not None:
            found = {line.split("|")[0]: line.split("|", 2)[1:] for line in listed.splitlines() if line.count("|") > 1}
            self.states |= {number: found.get(number, [FORGOTTEN])[0] for number in alive}
            self.reasons = {number: why for number, (state, why) in found.items() if state == "PENDING"}

    def waits(self, number: str) -> str:
        """Why a job waits in the queue; empty where it does not, or SLURM has not looked at it yet."""
        why = self.reasons.get(number, "") if self.states.get(number) == "PENDING" else ""
        return "" if why in NO_REASON else why
