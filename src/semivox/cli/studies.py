"""semivox patches, study, report: many runs, compared."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import typed
from semivox.cli.display import display, wrote
from semivox.core.plurals import plural
from semivox.core.processes.cores import MOST_PROCESSES


def study(
    study_file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Study file (TOML): methods, labeled counts, draws, seeds.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Study folder. Default: the study file's name, here.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Repeat the table of a paper, such as sassnet-table-1.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder. Default: the one that the study file names.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Runs at the same time, one process each. Default: as many as fit.", min=1, max=MOST_PROCESSES
        ),
    ] = None,
    on: o.On = "here",
    address: o.Address = "auto",
    slurm: o.Slurm = None,
    devices: o.StudyDevices = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE overrules the study file, such as plan.steps=100; may be repeated."),
    ] = None,
) -> None:
    """Compare methods fairly: all of them in every setting, draw of the labeled scans and seed, as run folders.

    Stop it with Ctrl-C at any time: those in progress save, and the same command resumes from there (exit code 75).
    A run that fails stops no other; it is named at the end (exit code 1). Methods, seeds, draws and labeled counts may
    be added to the study file later.

    Example: semivox study study.toml --data scans/ --out studies/first --set plan.steps=500
    """
    from semivox import api

    folder = out or Path(recipe or (study_file.stem if study_file else "study"))
    if out is None:
        wrote(folder)
    where: dict[str, Any] = {"on": on, "address": address, "slurm": typed.assignments(slurm, "--slurm")}
    how: dict[str, Any] = {"data": data, "processes": processes, "devices": devices, "sets": sets or (), **where}
    api.study(study_file, folder, recipe=recipe, progress=display(), **how)


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Job or study folder; the runs of a study need not all be done.")
    ],
    by_difficulty: Annotated[
        bool, typer.Option("--by-difficulty", help="Also score by how unusual a shape is (slow, done once).")
    ] = False,
) -> None:
    """Make the report of a study in FOLDER/report (page, tables as CSV, LaTeX, Markdown, figures), or a job's page.

    Of a job with rounds, the pages of all rounds; the last, which has the curve over the rounds, is named.

    Example: semivox report studies/first
    """
    from semivox import api

    print(api.report(folder, by_difficulty=by_difficulty, progress=display()))


def patches(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the patches; new or empty.")],
    size: Annotated[str, typer.Option(help="Size of a patch in voxels, x,y,z; one number for all axes.")] = "96",
    spacing: Annotated[
        str, typer.Option(help="Voxel size to resample to first, mm, x,y,z; own: keep each scan's.")
    ] = "1",
    per_scan: Annotated[int, typer.Option(help="Most patches cut from one scan.", min=1)] = 18,
    overlap: Annotated[
        float, typer.Option(help="Fraction of a patch that may overlap with another.", min=0, max=1)
    ] = 0.25,
    foreground: Annotated[float, typer.Option(help="Smallest labeled fraction of a patch.", min=0, max=1)] = 0.01,
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

    progress, voxels = display(), typed.whole_triple(size, "--size")
    assert voxels is not None
    choice = checked(
        PatchChoice,
        "options of patches",
        size=voxels,
        spacing=None if spacing == "own" else typed.triple(spacing, "--spacing"),
        per_scan=per_scan,
        overlap=overlap,
        foreground=foreground,
        seed=1 if seed is None else seed,
    )
    made = api.patches(data, out, split=split, choice=choice, progress=progress)
    command = shlex.join(["semivox", "study", "STUDY.toml", "--data", str(out)])
    progress.say(f"{plural(made, 'patch is', 'patches are')} in {out}. Compare methods on them: {command}")
