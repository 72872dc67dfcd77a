"""The nodes of the Ray cluster that was joined, looked at now and then: some join, some die, and so may the head."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Thread

from semivox.core.processes.ray_cluster import room_now
from semivox.core.processes.ray_room import Room

LOOK = 10.0
"""Seconds between two looks."""
SILENCE = 15.0
"""Seconds without an answer after which the head counts as lost."""


@dataclass
class Nodes:
    """What the nodes have, as it was some seconds ago. Nobody waits for an answer: a head that is dead gives none."""

    room: Room = field(default_factory=room_now)
    looked: float = field(default_factory=time.monotonic)
    """When the head was asked last."""
    looking: Thread | None = None

    def now(self) -> Room:
        """The last answer."""
        asks = self.looking is not None and self.looking.is_alive()
        if not asks and time.monotonic() - self.looked >= LOOK:
            self.looked = time.monotonic()
            self.looking = Thread(target=self._look, daemon=True)
            self.looking.start()
        return self.room

    @property
    def silent(self) -> bool:
        """Whether the head has not answered for long."""
        asks = self.looking is not None and self.looking.is_alive()
        return asks and time.monotonic() - self.looked > SILENCE

    def _look(self) -> None:
        self.room = room_now()
