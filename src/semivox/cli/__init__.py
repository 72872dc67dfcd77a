"""The command line: ``semivox COMMAND``. Results go to stdout or files, words for people to stderr.

Exit codes: 0 done; 1 a run failed; 2 something given is wrong; 75 stopped and saved, the same command resumes; 130
interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType

import typer
from typer.exceptions import TyperException

from semivox.cli import data, export, fetch, jobs, methods, models, rounds, studies, view
from semivox.cli.command_report import CommandReport
from semivox.cli.display import TOLD, Told, telling
from semivox.cli.given_paths import GivenPaths
from semivox.cli.interrupted import interrupted
from semivox.cli.usage import sentence
from semivox.cli.whole_help import WholeHelp
from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.exhaustion import end_quietly, exhausted
from semivox.core.files import NO_PLACE, short
from semivox.core.processes.command import remember
from semivox.core.processes.signals import TERMINATE

INTERRUPTED = 130
STOPPED = "stopped on request; run the same command again to resume"
SYSTEM = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ESTALE,
    *NO_PLACE,
)
"""What a disk, not the program, is to blame for: full, over quota, read-only, forbidden, broken, gone; names that it
does not allow."""
LOOKS = (700, 10, 100)
"""When Python looks for garbage: rarely at everything. Five such looks, while torch is loaded, took a seventh of the
start of a training."""
REMEDY = "What was saved before is untouched: fix the cause and run the same command again, or give another --out"

app = typer.Typer(
    name="semivox",
    help="From a folder of 3D scans, a handful of them labeled, to a segmentation model that can be trusted.",
    epilog="Begin with: semivox check DATA, then: semivox run DATA --out RUN. No data at hand: semivox demo",
    no_args_is_help=True,
    cls=WholeHelp,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    data.check,
    data.join,
    data.plan,
    data.prepare,
    models.pretrain,
    models.train,
    models.predict,
    models.evaluate,
    export.export,
    jobs.run,
    rounds.suggest,
    rounds.adopt,
    rounds.rounds,
    jobs.watch,
    studies.patches,
    studies.study,
    studies.report,
    view.view,
    jobs.demo,
    fetch.fetch,
    methods.methods,
):
    app.command(cls=GivenPaths)(telling(command))


@app.callback(invoke_without_command=True)
def semivox(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    """From a folder of 3D scans, a handful of them labeled, to a segmentation model that can be trusted."""
    if version:
        from importlib.metadata import version as version_of

        print(version_of("semivox"))
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code. Errors that a user can fix are a sentence, all others a traceback."""
    gc.set_threshold(*LOOKS)
    try:
        os.getcwd()
    except OSError:  # which libraries that are about to be loaded would end the program for
        print("semivox: the folder that this was started in is gone; change to one that is there", file=sys.stderr)
        sys.exit(InputError.code)
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files; another word there would stop the report
    if isinstance(sys.stdout, io.TextIOWrapper):  # names in letters that a terminal or file does not know
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(exit_code(arguments))


class Asked(BaseException):
    """A scheduler asked a command to stop. No part of the program takes it for an error of its own."""


_asked_for: list[int] = []
"""Signals that asked this command to stop. Python may wrap what a signal raises into another error, where it comes
while a class is made (as by an import)."""


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Requests to stop end a command wherever it is; training, which saves first, takes note of them by itself."""
    if threading.current_thread() is not threading.main_thread():  # Python allows it there only
        yield
        return
    before = {number: signal.signal(number, _asked) for number in TERMINATE}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _asked(number: int, frame: FrameType | None) -> None:
    _asked_for.append(number)
    raise Asked


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; ``--report`` is written however it ends."""
    told = Told()
    TOLD.set(told)
    remember(sys.argv[1:] if arguments is None else arguments)
    code, said = SemivoxError.code, "a fault of the program"
    try:
        code, said = _ended(arguments, told)
        if said:
            print(f"semivox: {said}", file=sys.stderr)
    finally:
        end_quietly(said)
        if told.report is not None:
            failed = _reported(told.report, code, said)
            code = code or failed
    return code


def _reported(report: CommandReport, code: int, said: str) -> int:
    """Write the report; the exit code where that fails, else 0."""
    try:
        report.end(code, said)
    except (SemivoxError, OSError) as error:
        print(f"semivox: the report is not written: {error}", file=sys.stderr)
        return SemivoxError.code
    return 0


def _ended(arguments: Sequence[str] | None, told: Told) -> tuple[int, str]:
    """Run a command; its exit code, and what is said of an error."""
    _asked_for.clear()
    try:
        code, said = _carried_out(arguments, told)
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            return INTERRUPTED, interrupted(told.command)
        if not _asked_for:
            raise
        code, said = InterruptedRun.code, STOPPED
    if _asked_for and code:
        return InterruptedRun.code, STOPPED
    return (code, said or interrupted(told.command)) if code == INTERRUPTED else (code, said)


def _carried_out(arguments: Sequence[str] | None, told: Told) -> tuple[int, str]:
    """The same, of errors that are foreseen."""
    try:
        with heard():
            return int(app(args=arguments, prog_name="semivox", standalone_mode=False) or 0), ""
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no command at all: the help is what is wanted
            print(error.message, file=sys.stderr)
            return InputError.code, ""
        return InputError.code, sentence(error)
    except Asked:
        return InterruptedRun.code, STOPPED
    except SemivoxError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            return INTERRUPTED, ""
        if told.verbose:
            traceback.print_exc()
        return error.code, str(error)
    except (OSError, MemoryError, RuntimeError) as error:
        if words := exhausted(error):
            return SemivoxError.code, f"{words}. What was saved before is untouched"
        if not isinstance(error, OSError) or error.errno not in SYSTEM:
            raise
        if error.errno in NO_PLACE:
            return InputError.code, f"{short(error.filename or 'a file')}: {error.strerror}; give another path"
        return SemivoxError.code, f"{error.filename or 'a file'}: {error.strerror}. {REMEDY}"
    except (SystemExit, KeyboardInterrupt) as end:  # typer ends every command so, an interrupted one with 130
        return (int(end.code or 0) if isinstance(end, SystemExit) else INTERRUPTED), ""
