"""semivox patches, study, report: many runs, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli.display import display


def study(
    grid: Annotated[
        Path | None, typer.Argument(metavar="GRID", help="Grid file (TOML): methods, counts, draws, seeds.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Study folder. Default: the grid file's name, here.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="The table of a paper instead of a grid file, such as sassnet-table-1.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder. Default: the one that the grid file names.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Runs at once, a process each. Default: as many as fit.", min=1)
    ] = None,
    on: o.On = "here",
    address: o.Address = "auto",
    slurm: o.Slurm = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE instead of what the grid file says, as plan.steps=100; may be repeated."),
    ] = None,
) -> None:
    """Compare methods fairly: all of them in every setting, draw of the labeled scans and seed, as run folders.

    Stop it with Ctrl-C at any time: those in progress save, and the same command resumes from there (exit code 75).
    A run that fails stops no other; it is named at the end (exit code 1). Methods, seeds, draws and labeled counts may
    be added to the grid file later.

    Example: semivox study grid.toml --data scans/ --out studies/first --set plan.steps=500
    """
    from semivox import api

    folder = out or Path(recipe or (grid.stem if grid else "study"))
    where: dict[str, Any] = {"on": on, "address": address, "slurm": o.assignments(slurm, "--slurm")}
    api.study(grid, folder, recipe=recipe, data=data, processes=processes, sets=sets or (), progress=display(), **where)


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Job or study folder; the runs of a study need not all be done.")
    ],
    by_difficulty: Annotated[
        bool, typer.Option("--by-difficulty", help="Also score by groups of unusual shapes (slow, done once).")
    ] = False,
) -> None:
    """Make the report of a study in FOLDER/report (page, tables as CSV, LaTeX, Markdown, figures), or a job's page.

    Example: semivox report studies/first
    """
    from semivox import api

    print(api.report(folder, by_difficulty=by_difficulty, progress=display()))


def patches(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the patches; new or empty.")],
    size: Annotated[str, typer.Option(help="Voxels of a patch, x,y,z; one number for all axes.")] = "96",
    spacing: Annotated[str, typer.Option(help="mm to resample to first, x,y,z; own: each scan's own.")] = "1",
    per_scan: Annotated[int, typer.Option(help="At most so many patches of a scan.", min=1)] = 18,
    overlap: Annotated[float, typer.Option(help="Part of a patch that another may share.", min=0, max=1)] = 0.25,
    foreground: Annotated[float, typer.Option(help="Least labeled part of a patch.", min=0, max=1)] = 0.01,
    seed: o.Seed = None,
    split: o.SplitFile = None,
) -> None:
    """Cut fixed patches out of scans, to be cases of their own (the protocol of the embedding-matching paper).

    Patches of a scan stay in one part and share a group. difficulty.csv says how far each is from common shapes; a
    report then scores by six groups of it.

    Example: semivox patches scans/ -o patches/ --size 96 --spacing 1
    """
    from semivox import api
    from semivox.data.fixed_patches import PatchChoice
    from semivox.pipeline.options import checked

    progress, voxels = display(), o.whole_triple(size, "--size")
    assert voxels is not None
    choice = checked(
        PatchChoice,
        "options of patches",
        size=voxels,
        spacing=None if spacing == "own" else o.triple(spacing, "--spacing"),
        per_scan=per_scan,
        overlap=overlap,
        foreground=foreground,
        seed=1 if seed is None else seed,
    )
    made = api.patches(data, out, split=split, choice=choice, progress=progress)
    progress.say(f"{made} patches are in {out}. Compare methods on them: semivox study GRID --data {out}")
