"""semivox suggest, adopt, rounds: what to label next, labels taken back, and self-training."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import typed
from semivox.cli.display import display, wrote
from semivox.core.plurals import plural


def suggest(
    target: Annotated[
        Path, typer.Argument(metavar="JOB", help="Job folder; or the data folder where nothing is trained yet.")
    ],
    count: Annotated[int, typer.Option("--number", "-n", help="Scans (or boxes) to name.", min=1, max=100_000)] = 5,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write. Default: JOB/suggested/after-round-N.")
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes", help="Name boxes of scans; all else of them stays unannotated.")
    ] = False,
    ratings: Annotated[
        Path | None, typer.Option(help="ratings.json of the report. Default: the one in the job folder, if any.")
    ] = None,
    seed: Annotated[int, typer.Option(help="From which all randomness follows.", min=0)] = 1,
    look_at: Annotated[int, typer.Option(help="Scans that are looked at, of a larger pool.", min=1)] = 200,
    strategy: Annotated[
        str | None, typer.Option(help="mixture or random. Default: random for whole scans of a job, else mixture.")
    ] = None,
    device: o.Device = "auto",
    json: o.Json = False,
) -> None:
    """Which scans to label next, why, and what they may bring; writes scans and proposals to correct.

    Whole scans are drawn at random, which nothing measured here beats; --strategy mixture draws a third so and takes
    the rest where the models are unsure. Without a job, some scans of each kind are named. Correct (or draw) the files
    in OUT/labels in Slicer, ITK-SNAP or MITK, then: semivox adopt JOB OUT.

    Example: semivox suggest job/ -n 5
    """
    from semivox import api

    wanted: dict[str, Any] = {"count": count, "boxes": boxes, "seed": seed, "look_at": look_at, "device": device}
    wanted["strategy"] = strategy
    suggestion, folder = api.suggest(target, out, ratings=ratings, progress=display(), **wanted)
    print(suggestion.model_dump_json(indent=2) if json else suggestion.text())
    then = shlex.join(["semivox", "adopt", str(target), str(folder)])
    if suggestion.round:
        display().say(f"Scans, proposals and pictures are in {folder}. Correct the labels in it, then: {then}")
    else:
        display().say(f"The scans are in {folder / 'images'}. Draw their labels into {folder / 'labels'}, then: {then}")


def adopt(
    target: Annotated[Path, typer.Argument(metavar="JOB", help="Job folder, or a data folder.")],
    corrected: Annotated[
        Path, typer.Argument(metavar="CORRECTED", help="Folder of a suggestion, folder of labels, or one label.")
    ],
    origin: Annotated[
        str | None,
        typer.Option(help="expert, corrected or pseudo. Default: corrected where there was a proposal, else expert."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also replace labels of experts.")] = False,
    unchanged: Annotated[
        bool, typer.Option("--unchanged", help="Also take proposals as they are: you looked, and they are right.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Take corrected labels back into the data set: checked against their scans, with their origin noted.

    All fit, or none is taken. Then run the same semivox run again: it begins the next round.

    Example: semivox adopt job/ job/suggested/after-round-1
    """
    from semivox import api

    adoption = api.adopt(target, corrected, origin=origin, overwrite=overwrite, unchanged=unchanged)
    wrote(adoption.folder)
    if json:
        typed.put([{"case": one.case, "replaced": one.replaced, **one.origin.model_dump()} for one in adoption.adopted])
        return
    for one in adoption.adopted:
        print(one.text())
    if adoption.unchanged:
        print(f"Left out, since nobody changed the proposal (--unchanged takes it): {', '.join(adoption.unchanged)}")
    if adoption.already:
        print(f"In the data set already: {', '.join(adoption.already)}")
    if adoption.adopted or not adoption.already:
        display().say(f"{plural(len(adoption.adopted), 'label is', 'labels are')} in the data set now.")


def rounds(
    job: Annotated[Path, typer.Argument(metavar="JOB", help="Folder of a finished job with test or validation scans.")],
    count: Annotated[int, typer.Option("--rounds", "-r", help="Trainings on pseudo-labels.", min=1, max=100)] = 2,
    keep: Annotated[float, typer.Option(help="Part of the pool whose pseudo-labels are kept.", min=0, max=1)] = 0.5,
    workers: Annotated[int, typer.Option(help="Processes that prepare patches; 0: none.", min=0, max=256)] = 2,
) -> None:
    """Self-training: label the pool, keep what is stable, train again from scratch; against twins of equal steps.

    Run the same command again to resume.

    Example: semivox rounds job/ --rounds 2 --keep 0.5
    """
    from semivox import api

    print(api.self_train(job, rounds=count, keep=keep, workers=workers, progress=display()).text(), end="")
