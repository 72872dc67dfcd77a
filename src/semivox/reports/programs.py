"""The programs that a page carries: its own, and the viewer's where it has volumes."""

from __future__ import annotations

from importlib import resources

from semivox.reports.cases import Cases
from semivox.reports.viewer.page import LIBRARY, script


def programs_of(cases: Cases) -> tuple[str, ...]:
    """The programs that a page of these cases needs: none without cases, the viewer only where it has volumes."""
    if not cases.lines:
        return ()
    volumes = bool(cases.scenes) or any(line.volume_file for line in cases.lines)
    return (*(viewing() if volumes else ()), own_program("report.js"))


def viewing() -> tuple[str, ...]:
    """The programs of a page whose volumes can be opened."""
    return script(LIBRARY), script("viewer.js"), own_program("volumes.js")


def own_program(name: str) -> str:
    """A program of this package."""
    return resources.files("semivox.reports").joinpath(name).read_text(encoding="utf-8")
