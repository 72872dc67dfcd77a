"""What is said where Ctrl-C ends a command before it could save and say so by itself."""

from __future__ import annotations

BEGINS_AGAIN = ("check", "join", "plan", "suggest", "evaluate", "export", "report", "methods")
"""Commands that write what they made at their end."""


def interrupted(command: str) -> str:
    """What is kept, and how it goes on. ``command``: the name of its function; empty where none had begun."""
    if command == "patches":
        return "interrupted; empty the folder of patches, and give the same command again"
    if command in BEGINS_AGAIN or not command:
        return "interrupted; what was there before is untouched, and the same command begins again"
    return "interrupted; what was finished before is kept, and the same command continues from there"
