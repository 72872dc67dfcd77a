"""Paths as they are typed: an empty one is a mistake, such as a variable that a script forgot to set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from semivox.cli.usage import written
from semivox.core.errors import InputError
from semivox.core.frozen import Frozen


class GivenPaths(TyperCommand):
    """A command that takes no empty path. Python reads one as the current folder, which nobody asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What was typed, judged before it becomes paths. Raises InputError."""
        typed, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        parameters: list[Any] = list(self.get_params(ctx))
        for parameter in parameters:
            value = typed.get(parameter.name)
            empty = "" in value if isinstance(value, list | tuple) else value == ""
            if empty and parameter.type_descriptor.annotation in (Path, list[Path]):
                raise InputError(f"{written(parameter)} is empty; give a path, or . for the current folder")
        return super().parse_args(ctx, args)


def require_replaceable(path: Path, kind: type[Frozen]) -> None:
    """Refuse to replace a file that is not of this kind: it may be a scan. Raises InputError."""
    if not os.path.lexists(path) or (path.is_file() and path.stat().st_size == 0):
        return
    try:
        kind.load(path)
    except (InputError, OSError) as error:
        raise InputError(f"{path} would be replaced, and is no {kind.called}; give another --out") from error
