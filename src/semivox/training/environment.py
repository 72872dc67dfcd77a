"""What the numbers of a run were made with (environment.json): an entry for each start. For people; decides nothing."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.processes.command import typed
from semivox.core.processes.cores import CPUINFO
from semivox.core.reading import content_of

PACKAGES = ("semivox", "torch", "lightning-fabric", "numpy", "nibabel", "SimpleITK")
ROUNDING = ("threads", "processor", "device")
"""What decides in which order numbers are added, and so their last bits; beside the version of torch."""


def starts(path: Path) -> list[dict[str, Any]]:
    """The entries so far; those that are none are left out, also a whole file that was damaged."""
    try:
        found = json.loads(content_of(path))
    except (InputError, ValueError, RecursionError):
        return []
    return [entry for entry in found if _sound(entry)] if isinstance(found, list) else []


def record(path: Path, threads: int, device: str) -> list[str]:
    """Add an entry; returns what it changes of what decides the last bits of numbers, in words.

    Raises SemivoxError where it cannot be written.
    """
    before = starts(path)
    entry = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "device": device,
        "cores": os.cpu_count(),
        "threads": threads,
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "command": typed(),
    }
    write_text(path, json.dumps([*before, entry], indent=2) + "\n")
    return changes(before[-1], entry) if before else []


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """``threads 1 instead of 2``, for all that differs; what one entry does not name is passed over."""
    then, here = (
        {name: entry.get(name) for name in ROUNDING} | {"torch": entry.get("packages", {}).get("torch")}
        for entry in (before, now)
    )
    return [f"{name} {here[name]} instead of {then[name]}" for name in here if then[name] not in (None, here[name])]


def versions(path: Path, package: str) -> tuple[str, ...]:
    """Of a package at each start, each once; empty where they were not recorded."""
    named = (entry.get("packages", {}).get(package) for entry in starts(path))
    return tuple(dict.fromkeys(str(version) for version in named if version))


def processor() -> str:
    """The processor's name, as far as the system tells."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _sound(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("packages", {}), dict)
