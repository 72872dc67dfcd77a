"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.core.errors import InputError

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="Folder of scans (or a CSV table); see: semivox check --help")
]
SplitFile = Annotated[
    Path | None, typer.Option("--split", help="split.json: names of labeled, unlabeled, validation, test cases.")
]
Exclude = Annotated[str | None, typer.Option(help="Cases to leave out: NAME,NAME,...")]
Workers = Annotated[int | None, typer.Option(help="Processes that read scans, one scan each; 0: none. Default: cores.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="method.FIELD=V, train.FIELD=V or plan.FIELD=V; may be repeated."),
]
MethodName = Annotated[str, typer.Option("--method", help="See: semivox methods")]
Ablation = Annotated[str | None, typer.Option(help="A named ablation of the method; see: semivox methods NAME")]
Steps = Annotated[int | None, typer.Option(help="Optimization steps. Default: the plan's.")]
Seed = Annotated[int | None, typer.Option(help="From which all randomness follows. Default: 1.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str | None, typer.Option(help="32-true or bf16-mixed. Default: measured.")]
Memory = Annotated[float | None, typer.Option(help="Memory that training may use, GB.")]
Time = Annotated[float | None, typer.Option(help="Time that a training may take, hours.")]
SpacingText = Annotated[str | None, typer.Option("--spacing", help="mm per voxel of training, x,y,z.")]
PatchText = Annotated[str | None, typer.Option("--patch", help="Patch in voxels, x,y,z.")]
Network = Annotated[str | None, typer.Option(help="vnet, unet3d, uxnet or small.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def triple(text: str | None, option: str) -> tuple[float, float, float] | None:
    """``"1,1,2.5"``, or one number for all axes -> three numbers. Raises InputError."""
    from semivox.pipeline.options import parse_triple

    return None if text is None else parse_triple(text, option)


def whole_triple(text: str | None, option: str) -> tuple[int, int, int] | None:
    """The same for whole numbers. Raises InputError."""
    numbers = triple(text, option)
    if numbers is None:
        return None
    if any(number != int(number) for number in numbers):
        raise InputError(f"{option} {text!r} is not understood; give three whole numbers of voxels, such as 64,64,48")
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


def names(text: str | None) -> tuple[str, ...]:
    """``"a,b"`` -> names."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def put(value: Mapping[str, Any] | list[Any]) -> None:
    """Print a result as JSON on stdout."""
    json.dump(value, sys.stdout, indent=2)
    print()
