"""Whether a further process may be a copy of this one (fork), which takes 20 ms, or must begin anew (spawn): 0.7 s.

A copy has one thread, and what the others held stays held. Python's own threads are counted; libraries that keep
threads of their own and cannot do without them in a copy are known by name. torch is none of them, as long as the copy
does not compute with it: a reader of scans does not.
"""

from __future__ import annotations

import sys
import threading

THREADED = ("SimpleITK", "ray", "grpc")


def forkable() -> bool:
    """Whether a copy of this process can do what this one can. On Linux alone: libraries of macOS do not stand it."""
    return (
        sys.platform == "linux" and threading.active_count() == 1 and not any(name in sys.modules for name in THREADED)
    )
