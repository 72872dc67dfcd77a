"""What a machine says when something of it is used up: memory, open files, processes and threads; in our words."""

from __future__ import annotations

import errno
import sys

LESS = "fewer --workers, a smaller --patch, or --network small need less"
MEMORY = f"the memory of this machine is used up; {LESS}"
FILES = "too many files are open; allow more (ulimit -n 4096), or use fewer --workers"
PROCESSES = "the system allows no further process or thread; allow more (ulimit -u), or use --workers 0"
NUMBERS = {
    errno.ENOMEM: MEMORY,
    errno.EMFILE: FILES,
    errno.ENFILE: FILES,
    errno.EAGAIN: PROCESSES,
}
"""By the number of a system's error."""
WORDS = {
    "can't allocate memory": MEMORY,
    "cannot allocate memory": MEMORY,
    "could not create a primitive": MEMORY,  # of a convolution; its sizes were verified when the network was built
    "could not create a memory object": MEMORY,
    "bad_alloc": MEMORY,
    "out of memory": MEMORY,
    "too many open files": FILES,
    "can't start new thread": PROCESSES,
    "resource temporarily unavailable": PROCESSES,
}
"""By a part of what torch, oneDNN or Python says."""


def exhausted(error: BaseException) -> str | None:
    """What is used up and what helps; None for an error of another kind."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno in NUMBERS:
        return NUMBERS[error.errno]
    if isinstance(error, RuntimeError):  # torch's own, and Python's where no thread can be started
        said = str(error).lower()
        return next((words for part, words in WORDS.items() if part in said), None)
    return None


def end_quietly(said: str) -> None:
    """Where something is used up, nothing follows our last sentence: what libraries do at exit, such as torch's report
    of compile times, may load modules, and ends in a traceback where no file can be opened."""
    if any(words.lower() in said.lower() for words in (MEMORY, FILES, PROCESSES, *WORDS)):
        sys.unraisablehook = lambda _: None
