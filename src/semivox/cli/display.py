"""How much a command tells: ``--quiet`` results and errors alone, ``-v`` also when, warnings and whole tracebacks."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semivox.cli.command_report import CommandReport
from semivox.core.errors import InputError

if TYPE_CHECKING:
    from semivox.pipeline.progress import ProgressDisplay

QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
VerboseFlag = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print times, warnings of libraries, and tracebacks of errors.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", help="JSON file: what was done, to what, with what digests, how long, exit code."),
]


@dataclass
class Told:
    """What a command was asked to tell; one for each start of the program."""

    command: str = ""
    """Its name; empty before it begins."""
    quiet: bool = False
    verbose: bool = False
    report: CommandReport | None = None
    """What is written down of the command, where that was asked for."""


TOLD: ContextVar[Told] = ContextVar("told", default=Told())  # noqa: B039 - each start of the program sets its own
"""What the command that runs was asked to tell."""


def telling(command: Callable[..., None]) -> Callable[..., None]:
    """A command with ``--quiet``, ``--verbose`` and ``--report``."""
    signature = inspect.signature(command, eval_str=True)
    flags: dict[str, tuple[Any, object]] = {
        "quiet": (QuietFlag, False),
        "verbose": (VerboseFlag, False),
        "report": (ReportFile, None),
    }
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in flags.items()
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in signature.parameters.values()]

    @wraps(command)
    def told(quiet: bool, verbose: bool, report: Path | None, **options: object) -> None:
        if quiet and verbose:
            raise InputError("--quiet and --verbose cannot be used together; leave one out")
        asked = TOLD.get()
        asked.command = command.__name__
        asked.quiet, asked.verbose = quiet, verbose
        if not verbose:
            warnings.simplefilter("ignore", FutureWarning)
        if report is not None:
            asked.report = CommandReport.begun(report, command.__name__, options)
        command(**options)

    told.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    told.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return told


def wrote(folder: Path) -> None:
    """Note for ``--report`` where the command wrote, where none of its parameters says so."""
    if (report := TOLD.get().report) is not None:
        report.places.append(folder)


def display() -> ProgressDisplay:
    """Who is told how the command goes."""
    from semivox.pipeline.progress import Quiet, Terminal

    asked = TOLD.get()
    if asked.quiet:
        return Quiet()
    if not asked.verbose:
        return Terminal()

    class Timed(Terminal):
        """Also says when."""

        def say(self, text: str) -> None:
            """The time of day, and the sentence."""
            super().say(f"{time.strftime('%H:%M:%S')}  {text}")

    return Timed()
