"""What the nodes of a Ray cluster have, and how many processes of the same needs they have room for.

One node holds a process whole: cores and memory of two nodes make no third one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semivox.core.plurals import plural

MEGABYTE = 2**20


@dataclass(frozen=True)
class Need:
    """What a process reserves on its node."""

    cores: int
    gpus: int = 0
    memory_mb: float = 0.0

    def options(self) -> dict[str, Any]:
        """As Ray takes it."""
        memory = {"memory": int(self.memory_mb * MEGABYTE)} if self.memory_mb else {}
        return {"num_cpus": self.cores, "num_gpus": self.gpus, **memory}

    def __str__(self) -> str:
        """``2 cores, 1 GPU and 3.2 GB of memory``."""
        return _told(self.cores, self.gpus, self.memory_mb)


@dataclass(frozen=True)
class Room:
    """The nodes that are alive, each as Ray names what it has in all, used or not."""

    nodes: tuple[Mapping[str, float], ...]

    def places(self, need: Need) -> int:
        """How many processes of this need the nodes hold together."""
        return sum(_places(node, need) for node in self.nodes)

    def most_cores(self, need: Need, count: int) -> int:
        """The most times ``need.cores`` that each of ``count`` processes can have; 1 where not even that fits."""
        share = 1
        while self.places(Need(need.cores * (share + 1), need.gpus, need.memory_mb)) >= max(1, count):
            share += 1
        return share

    @property
    def gpus(self) -> int:
        """Of all nodes."""
        return int(sum(node.get("GPU", 0) for node in self.nodes))

    def lacking(self, need: Need) -> str:
        """That no node has what is needed, and what they have, as the beginning of a sentence."""
        if not self.nodes:
            return f"the Ray cluster has no node left, and a process needs {need}"
        kinds = sorted({_told(*_of(node)) for node in self.nodes})
        have = " / ".join(kinds[:4]) + " / ..." * (len(kinds) > 4)
        return f"no node of the Ray cluster has {need} (they have {have})"


def room_of(nodes: list[dict[str, Any]]) -> Room:
    """From what ``ray.nodes()`` lists."""
    return Room(tuple(node["Resources"] for node in nodes if node["Alive"]))


def _of(node: Mapping[str, float]) -> tuple[int, int, float]:
    """Cores, GPUs, and memory in MB."""
    return int(node.get("CPU", 0)), int(node.get("GPU", 0)), node.get("memory", 0.0) / MEGABYTE


def _places(node: Mapping[str, float], need: Need) -> int:
    pairs = zip(_of(node), (need.cores, need.gpus, need.memory_mb), strict=True)
    return min(int(has // wanted) for has, wanted in pairs if wanted)


def _told(cores: int, gpus: int, memory_mb: float) -> str:
    parts = [plural(cores, "core"), *([plural(gpus, "GPU")] if gpus else [])]
    return f"{', '.join(parts)} and {memory_mb / 1024:.1f} GB of memory" if memory_mb else " and ".join(parts)
