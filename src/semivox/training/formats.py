"""Which precision and memory format trains fastest on this machine, decided so that a busy machine changes nothing.

Formats are timed in turn, so that whatever else the machine does slows all of them alike, again and again until their
shortest times agree and allow a decision. What cannot be decided in time stays with the default.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from semivox.core.plan import Plan, Precision
from semivox.core.processes.cores import CPUINFO

StepFormat = tuple[Precision, bool]
"""Precision, and whether memory is laid out channels-last."""
WORTHWHILE = 0.9
"""Another format must take less than this part of the default's time to be taken instead."""
AGREEING = 3
"""So many of the shortest times of each format count: a difference must be larger than their spread."""
STEADY = 1.1
"""Times that differ by less than this factor agree."""
ROUNDS = range(5, 31)
"""Rounds of timings: with fewer, agreement may be chance; what so many do not decide is as good as equal."""
SECONDS = 20.0
"""Time that the comparison may take."""
INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names, in /proc/cpuinfo, of instructions that multiply bfloat16 numbers (Intel and AMD; ARM)."""


@dataclass(frozen=True)
class Decision:
    """What was chosen, and what it was chosen from."""

    chosen: StepFormat
    seconds: Mapping[StepFormat, float]
    """The fastest step of each; of a format that there was no time for, nothing."""
    rounds: int
    undecided: tuple[StepFormat, ...]
    """Formats that may be faster than the default, or may not."""


def candidates(device: torch.device) -> tuple[StepFormat, ...]:
    """What is worth trying, the default first, then by how much may be gained: bfloat16 where the processor has it."""
    precisions: tuple[Precision, ...] = ("bf16-mixed", "32-true") if computes_bfloat16(device) else ("32-true",)
    layouts = (False, True) if device.type == "cuda" else (True, False)
    return tuple((precision, layout) for layout in layouts for precision in precisions)


def allowed(formats: Sequence[StepFormat], plan: Plan, decided: Collection[str]) -> tuple[StepFormat, ...]:
    """Those that leave the user's choices as they are; a precision that is not worth trying by itself is among them."""
    if "precision" in decided:
        formats = tuple(dict.fromkeys((plan.precision, channels_last) for _, channels_last in formats))
    return tuple(one for one in formats if "channels_last" not in decided or one[1] == plan.channels_last)


@cache
def computes_bfloat16(device: torch.device) -> bool:
    """Whether the processor has instructions for bfloat16; those without emulate it, up to a hundred times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(INSTRUCTIONS & _instructions())


def _instructions() -> set[str]:
    """What the system says the processor can do; nothing where it does not say."""
    if not CPUINFO.exists():
        return {"bf16"} if platform.machine() == "arm64" and _apple_bfloat16() else set()
    for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, listed = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(listed.split())
    return set()


def _apple_bfloat16() -> bool:
    """Whether an Apple processor has them (from the M2 on)."""
    import subprocess

    command = ["/usr/sbin/sysctl", "-n", "hw.optional.arm.FEAT_BF16"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=5).stdout.strip() == b"1"
    except OSError:
        return False


def decide(
    formats: Sequence[StepFormat],
    step: Callable[[StepFormat], float],
    budget: float = SECONDS,
    now: Callable[[], float] = time.monotonic,
    count: Callable[[int, int], None] | None = None,
) -> Decision:
    """The default (the first), unless another is surely faster by ``WORTHWHILE``.

    ``step``: does one step in a format and returns its seconds; the first of each format warms up and is not counted.
    ``count``: is told the seconds that have passed, of ``budget``.
    """
    begin, default = now(), formats[0]
    step(default)
    warm = now()
    timed = step(default)
    first = now() - warm
    left = list(formats[: max(1, int(budget / ((ROUNDS.start + 1) * max(first, 1e-6))))])  # as many as can be decided
    untried = formats[len(left) :]
    for other in left[1:]:
        step(other)
    times = {one: list[float]() for one in left}
    for number in range(ROUNDS.stop):
        passed = now() - begin
        if count is not None:
            count(min(round(passed), round(budget)), round(budget))
        if passed > budget or (len(left) == 1 and (steady(times[default]) or passed + first > budget)):
            break
        for one in _turned(left, number):
            times[one].append(step(one))
        left = [one for one in left if one == default or faster(times[one], times[default]) is not False]
        if len(left) > 1 and all(faster(times[one], times[default]) for one in left[1:]):
            break
    chosen = default
    undecided = [*untried, *(one for one in left[1:] if faster(times[one], times[default]) is None)]
    for other in left[1:]:
        chosen = other if faster(times[other], times[chosen]) else chosen
    if count is not None:
        count(round(budget), round(budget))
    times[default] = times[default] or [timed]
    known = {one: min(values) for one, values in times.items() if values}
    return Decision(chosen, known, len(times[default]), tuple(undecided))


def steady(times: Sequence[float]) -> bool:
    """Whether the fastest agree, so that further steps would tell nothing new."""
    fastest = sorted(times)[:AGREEING]
    return len(fastest) == AGREEING and fastest[-1] <= STEADY * fastest[0]


def faster(one: Sequence[float], other: Sequence[float]) -> bool | None:
    """From times of two formats: is the first faster by ``WORTHWHILE``? None: not to be told yet.

    What else a machine does can only make a step longer, so the shortest times tell, once several agree.
    """
    if len(one) < ROUNDS.start:
        return None
    low, other_low = sorted(one[: len(other)])[:AGREEING], sorted(other[: len(one)])[:AGREEING]
    spread = math.log(low[-1] / low[0]) + math.log(other_low[-1] / other_low[0])
    ratio = math.log(low[0] / other_low[0] / WORTHWHILE)
    return None if abs(ratio) <= spread else ratio < 0


def _turned(formats: Sequence[StepFormat], number: int) -> list[StepFormat]:
    """Another one first in each round, so that none always follows the same one."""
    first = number % len(formats)
    return [*formats[first:], *formats[:first]]


def named(one: StepFormat) -> str:
    """A format in words."""
    precision, channels_last = one
    return f"{precision}, {'channels-last' if channels_last else 'default'} format"
