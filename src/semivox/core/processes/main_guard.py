"""Scripts without ``if __name__ == "__main__":`` start themselves again in every process that they start.

Python imports the script in each new process ("spawn"). Without the guard that runs the whole script there, which asks
for processes in its turn; Python forbids that, and the process ends. Here it ends with a code of its own, in silence,
so that whoever started it can name the cause.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable

from semivox.core.errors import InputError

UNGUARDED = 86
"""Exit code of a process that found itself running the script that started it."""
SENTENCE = (
    "the script runs itself again in each process that it starts, because it has no main guard. Put its code under "
    '`if __name__ == "__main__":`, as in examples/python_api.py, or start no processes: workers=0 (and readers=0)'
)


def require_first_run() -> None:
    """End this process if it is one that was started a moment ago and is still importing the script.

    To be called where work begins, so that no script does its work twice. Not by an exception: a script that catches
    every one, in a loop, would never end.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)


def raise_if_unguarded(exit_codes: Iterable[int | None]) -> None:
    """Raise InputError naming the cause if a process that has ended was one of a script without guard."""
    if UNGUARDED in set(exit_codes):
        raise InputError(SENTENCE) from None
