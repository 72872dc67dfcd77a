"""semivox view: scans and labels in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semivox.cli.display import display


def view(
    target: Annotated[Path, typer.Argument(metavar="DATA", help="Data folder, or one scan.")],
    case: Annotated[str | None, typer.Argument(metavar="CASE", help="Name of the case to open first.")] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option("--labels", "-l", help="Label file, or folder of labels named as the scans; may be repeated."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of this machine; 0: any that is free.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Look at scans and labels in the browser: three planes, 3D, windows, overlays. Nothing leaves this machine.

    The page is served to this machine alone, under an address that cannot be guessed, until Ctrl-C.

    Example: semivox view scans/ case_007 --labels job/embedding_matching/predictions
    """
    from semivox import api

    api.view(target, case, labels=labels or (), port=port, browser=browser, progress=display())
