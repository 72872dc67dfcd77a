"""The folds of a further round: what the round before held out of a fold stays held out of it.

So the rounds of a cross-validated job score the same scans with models that have seen none of them, and a fold may
begin with the weights of its last model. That was trained on scans without label, though, some of which have one now:
these go to folds like any other, but in a warm round their own fold holds them out without scoring them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data.dataset import Dataset, annotated_of, groups_of
from semivox.experiments.folds import FOLDER, folds_in, further_folds
from semivox.experiments.job import parts_of
from semivox.experiments.record import load_record
from semivox.pipeline.next_labels import RECORD, Beginning
from semivox.rounds.folder import Round, RoundRecord
from semivox.training.settings import TrainSettings


def next_folds(
    done: Sequence[Round], split: Split, dataset: Dataset, start: Beginning, train: TrainSettings
) -> tuple[Split, ...]:
    """One split per fold of the round after these, whose labels are those of ``split``; none without cross-validation.

    ``done``: the rounds before, the last of which is finished; ``start``: how the round begins. Raises InputError where
    its folds cannot be kept, or a warm one would begin with weights that have seen what it holds out.
    """
    last, groups = done[-1], groups_of(dataset.entries)
    if load_record(last.folder).scored_on != "cross-validation":
        if start == "warm" and parts_of(dataset, split, train)[0] == "cross-validation":
            raise InputError(
                f"--begin warm: the models of round {last.number} have seen every labeled scan, and this round holds "
                "some out, by cross-validation. Use --begin scratch"
            )
        return ()
    cut = further_folds(split, groups, _held_out(last), train.seed, annotated_of(dataset.entries))
    return tuple(_unseen(done, index, fold, groups) for index, fold in enumerate(cut)) if start == "warm" else cut


def not_scored(split: Split, cut: Sequence[Split]) -> tuple[str, ...]:
    """The labeled scans that no fold scores; none where there are no folds."""
    scored = {name for fold in cut for name in fold.test}
    return tuple(name for name in split.labeled if name not in scored) if cut else ()


def _held_out(last: Round) -> list[tuple[str, ...]]:
    """What each fold of a round held out, scored or not. Raises InputError where its folds are not all there."""
    labeled = last.split.labeled
    held_out = [tuple(name for name in labeled if name not in set(fold.labeled)) for fold in folds_in(last.folder)]
    times = Counter(name for names in held_out for name in names)
    if lost := [name for name in labeled if times[name] != 1]:
        raise InputError(
            f"the folds of round {last.number} cannot be kept: {lost[0]!r} is held out of {times[lost[0]]} of the "
            f"{len(held_out)} in {last.folder / FOLDER}, not of one. Restore that folder, or begin another job in "
            "another --out"
        )
    return held_out


def _unseen(done: Sequence[Round], index: int, fold: Split, groups: Mapping[str, str]) -> Split:
    """A fold without those held-out scans of whose patients the weights that it begins with have seen something."""

    def patient(name: str) -> str:
        return groups.get(name) or f"\0{name}"

    seen = {patient(name) for name in _trained_on(done, index)}
    if not (scored := tuple(name for name in fold.test if patient(name) not in seen)):
        raise InputError(
            f"--begin warm: the last model of fold {index} has seen scans of all patients that it is to be scored on "
            f"({fold.test[0]!r} is of one). Use --begin scratch"
        )
    return fold.model_copy(update={"test": scored})


def _trained_on(done: Sequence[Round], index: int) -> set[str]:
    """What the weights of a fold have seen, labeled or not, since they were random."""
    found = set[str]()
    for each in reversed(done):
        cut = folds_in(each.folder)
        if index >= len(cut):
            raise InputError(
                f"--begin warm: round {each.number}, whose weights the last round began with, has no fold {index} in "
                f"{each.folder / FOLDER}. Restore that folder, or use --begin scratch"
            )
        found.update(*cut[index].for_training())
        if not (each.folder / RECORD).is_file() or RoundRecord.load(each.folder / RECORD).start != "warm":
            break
    return found
