"""semivox study, report: many runs, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def study(
    grid: Annotated[Path, typer.Argument(metavar="GRID", help="Grid file (TOML): methods, counts, draws, seeds.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Study folder. Default: the grid file's name, here.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder. Default: the one that the grid file names.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Runs at once, a process each. Default: as many as fit.", min=1)
    ] = None,
) -> None:
    """Compare methods fairly: all of them in every setting, draw of the labeled scans and seed, as run folders.

    Stop it with Ctrl-C at any time: running ones save, and the same command goes on from there (exit code 75 says so).
    A run that fails stops no other; it is named at the end (exit code 1). Methods, seeds, draws and labeled counts may
    be added to the grid file later.

    Example: semivox study grid.toml --data scans/ --out studies/first
    """
    from semivox.study import verbs
    from semivox.study.progress import Terminal

    verbs.study(grid, out or Path(grid.stem), data=data, processes=processes, tell=Terminal())


def report(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder; its runs need not all be done.")],
) -> None:
    """Turn a study into STUDY/report: one page (report.html), table.csv, table.tex, and the figures as files.

    Example: semivox report studies/first
    """
    from semivox.study import verbs

    print(verbs.report(folder))
