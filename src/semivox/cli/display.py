"""How much a command tells: ``--quiet`` results and errors alone, ``-v`` also when, warnings and whole tracebacks."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated

import typer

from semivox.core.errors import InputError

if TYPE_CHECKING:
    from semivox.pipeline.progress import ProgressDisplay

QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
VerboseFlag = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print times, warnings of libraries, and tracebacks of errors.")
]


@dataclass
class Told:
    """What a command was asked to tell; one for each start of the program."""

    quiet: bool = False
    verbose: bool = False


TOLD: ContextVar[Told] = ContextVar("told", default=Told())  # noqa: B039 - each start of the program sets its own
"""What the command that runs was asked to tell."""


def telling(command: Callable[..., None]) -> Callable[..., None]:
    """A command with ``--quiet`` and ``--verbose``."""
    signature = inspect.signature(command, eval_str=True)
    flags = {"quiet": QuietFlag, "verbose": VerboseFlag}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in flags.items()
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in signature.parameters.values()]

    @wraps(command)
    def told(quiet: bool, verbose: bool, **options: object) -> None:
        if quiet and verbose:
            raise InputError("--quiet and --verbose cannot be used together; leave one out")
        asked = TOLD.get()
        asked.quiet, asked.verbose = quiet, verbose
        if not verbose:
            warnings.simplefilter("ignore", FutureWarning)
        command(**options)

    told.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    told.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return told


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
