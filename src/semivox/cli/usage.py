"""What is wrong with a command as it was typed, in a sentence: the option, what it was given, what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from semivox.core.errors import InputError

AFTER = ("-q", "--quiet", "-v", "--verbose", "--report")
"""Options that every command takes, and that other programs take in front of one."""


def sentence(error: Any) -> str:
    """The sentence for what typer found wrong with a command line (its ``UsageError`` and those derived from it)."""
    from pydantic import ValidationError

    from semivox.core.explanations import explain
    from semivox.core.spelling import suggestion

    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    help_of = f"see: {context.command_path if context else 'semivox'} --help"
    option, kind = parameter and written(parameter), type(error).__name__
    if isinstance(error.__cause__, ValidationError) and option:
        wrong = error.__cause__.errors(include_url=False)[0].get("input")
        return f"{option} {wrong}: it {needed_by(explain(error.__cause__))}; {help_of}"
    if kind == "MissingParameter" and option:
        return f"{option} is missing; {help_of}"
    if kind == "BadOptionUsage":
        takes = "takes no value" if "does not take" in error.message else "needs a value"
        return f"{error.option_name} {takes}; {help_of}"
    if kind == "NoSuchOption":
        if context is not None and error.option_name in AFTER and hasattr(context.command, "list_commands"):
            return f"{error.option_name} stands after the command, as in: semivox check {error.option_name} scans/"
        known = [name for one in context.command.params for name in one.opts] if context else []
        return f"there is no option {error.option_name}{suggestion(error.option_name, known)}; {help_of}"
    if kind == "BadParameter" and option:
        return f"{option}: {lowered(error.message)}; {help_of}"
    words = lowered(error.message)
    if context is not None and words.startswith("no such command"):
        name = words.split("'")[1]
        there = context.command.list_commands(context)
        return f"there is no command {name!r}{suggestion(name, there)}; choose from {', '.join(there)}"
    return f"{words}; {help_of}"


def field(kind: Callable[[], type[Any]], name: str) -> Callable[[typer.CallbackParam, Any], Any]:
    """A check of an option by the field that it sets, so that what is wrong is told by the option's own name.

    ``kind``: gives the value class that has the field; called only when the option is given, as it loads more.
    """

    def check(parameter: typer.CallbackParam, value: Any) -> Any:
        if value is not None:
            from semivox.core.frozen import wrong_with

            if found := wrong_with(kind(), name, value):
                raise InputError(f"{written(parameter)} {value}: it {found}")
        return value

    return check


def written(parameter: Any) -> str:
    """An option as it is typed, ``--out``; an argument as help names it, ``DATA``."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return str(long[0] if long else parameter.metavar or str(parameter.name).upper())


def needed_by(explained: str) -> str:
    """``  (top level): must be a number (received 'x')`` -> ``must be a number``."""
    return explained.partition(": ")[2].partition(" (received")[0]


def lowered(text: str) -> str:
    """The sentence without its capital and its full stop, to stand within another."""
    return text[:1].lower() + text[1:].rstrip(".")
