"""The signals we answer or tell apart, as far as the system knows them: Windows has neither SIGKILL nor SIGUSR1."""

from __future__ import annotations

import signal

_ASKING = ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGBREAK")
TERMINATE = tuple(getattr(signal, name) for name in _ASKING if hasattr(signal, name))
"""Requests to stop that schedulers and parent processes send; on Windows one can send SIGBREAK alone."""
STOP = (signal.SIGINT, *TERMINATE)
"""All requests to stop: Ctrl-C, too."""
KILL = int(getattr(signal, "SIGKILL", 9))
"""What no process can answer; the system sends it where memory runs out."""
BUS = int(getattr(signal, "SIGBUS", 7))
"""A memory-mapped file has become shorter, or its drive has failed."""
