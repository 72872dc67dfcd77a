"""The list of commands with whole summaries: a sentence that is cut off tells nobody what a command does."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperGroup


class WholeHelp(TyperGroup):
    """A group of commands whose summaries are not cut off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each command with the first paragraph of its help."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, summary(command.help)) for name, command in commands if command and not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def summary(text: str | None) -> str:
    """The first paragraph, in one line."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())
