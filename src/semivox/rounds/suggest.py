"""Which scans, or boxes of scans, to label next, with reasons, proposals and what they may bring."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import beside, make_folder, write_text, writing
from semivox.core.plurals import plural
from semivox.core.randomness import generator
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.rounds.asking import Asking
from semivox.rounds.choice import BOXES_A_SCAN, Pick
from semivox.rounds.folder import job_of, rounds_of
from semivox.rounds.gain import curve_of, expected_gain, gain_text
from semivox.rounds.pool import Pool, Wanted, pool_of, rated
from semivox.rounds.proposal import PAGE, RECORD, Picture, Suggestion, require_free
from semivox.rounds.ratings import ratings_of

STREAM = 0x5066


def suggest(
    target: Path, out: Path | None, wanted: Wanted, picture: Picture | None, progress: ProgressDisplay | None = None
) -> tuple[Suggestion, Path]:
    """Write what to label next into ``out`` (a folder in the job where None); returns it and the folder.

    ``target``: a job, or a data folder where there is no model yet. Raises InputError where nothing is left to label.
    """
    progress = progress or Quiet()
    pool = pool_of(target)
    out = out or _place(target, pool)
    require_free(out)
    ratings, remarks = ratings_of(pool, wanted.ratings)
    pool, asked, notes = rated(pool, ratings, wanted)
    notes = [*remarks, *notes]
    stream = generator(wanted.seed, STREAM, pool.done)
    if not pool.names:
        raise InputError(
            f"{target}: every scan of the pool is labeled, or rated as of no use; there is nothing to suggest"
        )
    if len(pool.names) > wanted.look_at:
        notes.append(f"{wanted.look_at} of {len(pool.names)} unlabeled scans were looked at, drawn at random.")
        drawn = stream.permutation(pool.names)[: wanted.look_at]
        pool = replace(pool, names=tuple(sorted({*map(str, drawn), *asked})))
    work = Asking(pool, wanted, stream, progress)
    picks = work.picks(asked)
    if len(picks) < wanted.count:
        notes.append(_fewer(wanted, len(picks)))
    suggestion = Suggestion(
        data=str(pool.dataset.root.resolve()),
        round=pool.done,
        unit="boxes" if wanted.boxes else "scans",
        seed=wanted.seed,
        classes=work.classes,
        cases=(),
        gain=_gain(pool, wanted, len({pick.case for pick in picks})),
        notes=tuple(notes),
    )
    return _written(work, picks, suggestion, out, picture), out


def _written(
    work: Asking, picks: Sequence[Pick], suggestion: Suggestion, out: Path, picture: Picture | None
) -> Suggestion:
    """The suggestion with its cases, as the folder ``out``: whole, or not there, so that a stopped one begins anew."""
    make_folder(out.parent)
    unfinished = beside(out.resolve())
    try:
        suggestion = suggestion.model_copy(update={"cases": tuple(work.write(picks, unfinished, picture))})
        write_text(unfinished / PAGE, suggestion.text())
        suggestion.save(unfinished / RECORD)
        make_folder(out)
        with writing(out):
            for path in sorted(unfinished.iterdir(), key=lambda path: path.name == RECORD):
                path.rename(out / path.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return suggestion


def _place(target: Path, pool: Pool) -> Path:
    if pool.last is None:
        raise InputError(f"{target} holds scans and no job, where nothing else is written; say where with --out")
    return job_of(target) / "suggested" / f"after-round-{pool.done}"


def _fewer(wanted: Wanted, found: int) -> str:
    """Why these are not as many as were asked for."""
    if not wanted.boxes:
        return f"{wanted.count} were asked for; {found} are left."
    return (
        f"{plural(wanted.count, 'box was', 'boxes were')} asked for; {found} have room: boxes do not overlap, and "
        f"those where the models are unsure are {BOXES_A_SCAN} of a scan at most."
    )


def _gain(pool: Pool, wanted: Wanted, scans: int) -> str:
    """What the labels may bring."""
    if pool.last is None:
        return gain_text(None, scans)
    done = [each for each in rounds_of(job_of(pool.last.folder)) if each.finished]
    told = gain_text(expected_gain(curve_of(done), scans), scans)
    return f"{told} That is of scans labeled whole; boxes hold less." if wanted.boxes else told
