"""Names that were mistyped: the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from semivox.core.files import short

MEANT = {"gpu": "cuda"}
"""What people say -> what is meant, where the nearest spelling is something else."""


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """``" (did you mean 'decay'?)"`` where a known name is near, else nothing.

    >>> suggestion("decai", ["decay", "steps"])
    " (did you mean 'decay'?)"
    >>> suggestion("weather", ["decay", "steps"])
    ''
    """
    typed = MEANT.get(str(wrong).lower(), str(wrong).lower())
    folded = {name.lower(): name for name in known}
    longer = [name for name in folded if len(typed) > 2 and name.startswith(typed)]
    near = longer or difflib.get_close_matches(typed, folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def not_there(given: Path) -> str:
    """The sentence for a path that does not exist, with the folder or file beside it that is spelled nearly so."""
    try:
        beside = [path.name for path in given.parent.iterdir()]
    except OSError:
        beside = []
    return f"{short(given)} does not exist{suggestion(given.name, beside)}"
