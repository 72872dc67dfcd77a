"""Numbers of things in sentences: ``1 case``, ``2 cases``."""

from __future__ import annotations


def plural(count: int, noun: str, many: str | None = None) -> str:
    """``1 case``, ``2 cases``, ``2 patients or scans``; ``many``: where an "s" at the end does not make the plural.

    >>> plural(1, "case"), plural(2, "patient or scan"), plural(3, "study", "studies")
    ('1 case', '2 patients or scans', '3 studies')
    """
    return f"{count} {noun if count == 1 else many or several(noun)}"


def several(noun: str) -> str:
    """``cases``, ``patients or scans``."""
    return " or ".join(f"{word}s" for word in noun.split(" or "))
