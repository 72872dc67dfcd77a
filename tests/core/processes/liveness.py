"""Whether other processes still run."""

from __future__ import annotations

import time


def alive(number: int) -> bool:
    """Whether a process still runs; one that only waits to be reaped does not."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(*numbers: int) -> bool:
    """Whether all of these processes end within a minute; they do at once, but the machine may be busy."""
    deadline = time.monotonic() + 60
    while any(map(alive, numbers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(alive, numbers))
