"""Errors for people: each says what was wrong, which file, and what to do."""

from __future__ import annotations


class SemivoxError(Exception):
    """Something the user can act on. The command line prints it without a traceback and exits with ``code``."""

    code = 1


class InputError(SemivoxError):
    """What was given is wrong (a file, a folder, an option). Exit code 2."""

    code = 2


class InterruptedRun(SemivoxError):
    """The run was asked to stop, saved its state, and can be resumed by the same command. Exit code 75."""

    code = 75
