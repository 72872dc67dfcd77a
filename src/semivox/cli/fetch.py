"""semivox fetch: scans for those who have none at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from semivox.cli.display import display, wrote


def fetch(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Data set; without one, all are listed.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder for it. Default: its name, here.")] = None,
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="Accept the license of the data set without being asked.")
    ] = False,
    mirror: Annotated[
        str | None,
        typer.Option(
            help="Web address where the archives lie under their names. Default: $SEMIVOX_MIRROR, or the publisher's."
        ),
    ] = None,
) -> None:
    """Get an open data set with labels from the web, checked by its published digest; an interrupted one goes on.

    Example: semivox fetch hippocampus --out scans/
    """
    from semivox.data.public.sets import SETS, named
    from semivox.pipeline.fetch import fetch as brought

    if name is None:
        for one in SETS.values():
            print(f"{one.name:<14}{one.what}\n{'':<14}license {one.license}; {one.cite}")
        return
    one = named(name)
    if not accept_license and sys.stdin.isatty():
        accept_license = typer.confirm(f"{one.name} comes under {one.license}. Accept?")
    folder = out or Path(one.name)
    if out is None:
        wrote(folder)
    print(brought(name, folder, accept_license, mirror, display()))
