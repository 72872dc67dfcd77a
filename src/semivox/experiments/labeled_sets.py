"""Which cases are labeled in each labeled set of a study: the first of an order, or of a permutation of it.

Within a draw, a smaller labeled set is part of every larger one, and test and validation cases are always the same.
Scans of one patient (or patches of one scan) stay neighbors, so that labels come from as few patients as possible.
Without test cases a labeled set is cut into folds, each of which is held out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.randomness import generator
from semivox.core.reading import lines_of, text_of
from semivox.core.split import Split
from semivox.data.dataset import Dataset, annotated_of, groups_of, some
from semivox.experiments.folds import folds
from semivox.experiments.study_file import ALL, CaseChoice

ALL_LABELS = f"labeled-{ALL}"
"""Name of the labeled set of all cases that have a label."""
STREAM = 0xD3A1
"""Keeps the permutations of draws apart from all other random numbers."""


@dataclass(frozen=True)
class Part:
    """What runs are trained on and scored on: a labeled set, or a fold of it."""

    fold: int | None
    """None: the whole labeled set."""
    split: Split
    scored: bool = True
    """Whether a scan is left that these runs can be scored on."""


@dataclass(frozen=True)
class LabeledSet:
    """One labeled set: its name, its split, and the parts of it that are trained on."""

    name: str
    """Such as ``labeled-8``, or the name of the split file; empty in a job, which has one."""
    draw: int
    split: Split
    parts: tuple[Part, ...]
    """The labeled set itself, or its folds."""

    @property
    def folder(self) -> str:
        """Within the study; "." in a job."""
        return f"{self.name}/draw-{self.draw}" if self.name else "."


def labeled_sets_of(choice: CaseChoice, dataset: Dataset, base: Path) -> tuple[LabeledSet, ...]:
    """Every labeled set of a study, smallest first. ``base``: the folder that files are named from.

    Raises InputError for names that do not exist, cases without a label they need, and too small a pool.
    """
    if unknown := sorted(set(choice.exclude) - {entry.name for entry in dataset.entries}):
        raise InputError(f"there is no case {unknown[0]!r} in {dataset.root} that could be excluded")
    pool, validation, test = _parts(choice, dataset, base)
    if not choice.labeled:
        if choice.split is None:
            raise InputError("the study's [cases] needs labeled = [counts], or split = a split.json")
        split = Split.load(base / choice.split)
        kept = {part: _kept(names, choice) for part, names in split.model_dump().items()}
        splits = {(labeled_set_names(choice)[0], 0): _together(**kept)}
    else:
        splits = _drawn(choice, dataset, pool, validation, test)
    labels, groups = _labeled_names(dataset), groups_of(dataset.entries)
    return tuple(_labeled_set(*key, split, choice, labels, groups, dataset) for key, split in splits.items())


def _labeled_set(
    name: str, draw: int, split: Split, choice: CaseChoice, labels: set[str], groups: dict[str, str], dataset: Dataset
) -> LabeledSet:
    """With its folds, where the study cross-validates. Raises InputError where it could not be scored."""
    if choice.folds is None:
        _check_test(name, split.test, labels, dataset)
        return LabeledSet(name, draw, split, (Part(None, split),))
    whole = split.model_copy(update={"test": ()})  # folds score labeled cases; a test set of the files is left alone
    cut = folds(whole, groups, choice.draw_seed, choice.folds, annotated=annotated_of(dataset.entries))
    return LabeledSet(name, draw, whole, tuple(Part(index, fold) for index, fold in enumerate(cut)))


def labeled_set_names(choice: CaseChoice) -> tuple[str, ...]:
    """What the labeled sets of a choice of cases are called, smallest first."""
    if not choice.labeled:
        return (Path(choice.split).stem,) if choice.split else ()
    return (*(f"labeled-{count}" for count in choice.counts), *([ALL_LABELS] if ALL in choice.labeled else []))


def _drawn(
    choice: CaseChoice, dataset: Dataset, pool: Sequence[str], validation: tuple[str, ...], test: tuple[str, ...]
) -> dict[tuple[str, int], Split]:
    """A split for each number of labeled cases and draw; the whole pool, the same in all draws, has the first only."""
    labels, groups, found = _labeled_names(dataset), groups_of(dataset.entries), dict[tuple[str, int], Split]()
    most = len(labels.intersection(pool))
    if most in choice.counts and ALL in choice.labeled:
        raise InputError(f'labeled names {most} and "all", and {most} cases are all there are; leave one of them out')
    for draw in choice.draws:
        order = permuted(pool, groups, choice.draw_seed, draw)
        counts = (*choice.counts, *([most] if ALL in choice.labeled else []))
        for name, count in zip(labeled_set_names(choice), counts, strict=True):
            if count < most or draw == choice.draws[0]:
                found[name, draw] = _taken(order, count, labels, validation, test)
    return found


def permuted(pool: Sequence[str], groups: dict[str, str], seed: int, draw: int) -> tuple[str, ...]:
    """The pool in the order of a draw: 0 as it is, others permuted; cases of one group stay together either way."""
    blocks: dict[str, list[str]] = {}
    for name in pool:
        blocks.setdefault(groups.get(name) or f"\0{name}", []).append(name)
    listed = list(blocks.values())
    if draw:
        listed = [listed[index] for index in generator(seed, STREAM, draw).permutation(len(listed))]
    return tuple(name for block in listed for name in block)


def _parts(choice: CaseChoice, dataset: Dataset, base: Path) -> tuple[tuple[str, ...], ...]:
    """The pool in the order of draw 0, validation cases, test cases."""
    if choice.split is not None:
        split = Split.load(base / choice.split)
        parts = ((*split.labeled, *split.unlabeled), split.validation, split.test)
        return tuple(_kept(names, choice) for names in parts)
    if choice.order:
        order, scored = _listed(base / choice.order), dict[str, tuple[str, ...]]()
    else:
        scored = {part: _in_part(dataset, part) for part in ("validation", "test")}
        names = dataset.order or tuple(entry.name for entry in dataset.entries)
        order = tuple(name for name in names if (entry := dataset.entry(name)).images and entry.part not in scored)
    order = _kept(order, choice)
    test, order = _split_off(choice.test or scored.get("test", ()), order, choice, base)
    validation, order = _split_off(choice.validation or scored.get("validation", ()), order, choice, base)
    return order, validation, test


def _in_part(dataset: Dataset, part: str) -> tuple[str, ...]:
    """The cases with a label that the files themselves call so."""
    return tuple(entry.name for entry in dataset.entries if entry.part == part and entry.images and entry.label)


def _split_off(
    wanted: int | tuple[str, ...] | str, order: tuple[str, ...], choice: CaseChoice, base: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The wanted cases but excluded ones, and the order without them. Raises InputError where there are too few."""
    if isinstance(wanted, int):
        if wanted >= len(order):
            raise InputError(f"{wanted} cases cannot be held out of {len(order)}: some must be left for training")
        cut = len(order) - wanted
        return order[cut:], order[:cut]
    names = _kept(_listed(base / wanted) if isinstance(wanted, str) else wanted, choice)
    held_out = set(names)
    return names, tuple(name for name in order if name not in held_out)


def _listed(path: Path) -> tuple[str, ...]:
    """The names in a text file, a line each; empty lines do not count."""
    return tuple(line.strip() for line in lines_of(text_of(path)) if line.strip())


def _taken(
    order: Sequence[str], count: int, labels: set[str], validation: tuple[str, ...], test: tuple[str, ...]
) -> Split:
    """The first ``count`` cases of the order that have a label are labeled, all others are not."""
    labeled = tuple(name for name in order if name in labels)[:count]
    if len(labeled) < count:
        raise InputError(f"{count} labeled cases are asked for, but only {len(labeled)} of the pool have a label")
    taken = set(labeled)
    rest = tuple(name for name in order if name not in taken)
    return _together(labeled=labeled, unlabeled=rest, validation=validation, test=test)


def _together(**parts: tuple[str, ...]) -> Split:
    """The split of these parts. Raises InputError where a case stands in two of them, or twice in one."""
    try:
        return Split(**parts)
    except ValidationError as error:
        raise InputError(f"the study's [cases] do not go together:\n{explain(error)}") from error


def _kept(names: Sequence[str], choice: CaseChoice) -> tuple[str, ...]:
    left_out = set(choice.exclude)
    return tuple(name for name in names if name not in left_out)


def _labeled_names(dataset: Dataset) -> set[str]:
    return {entry.name for entry in dataset.entries if entry.label is not None}


def _check_test(name: str, test: Sequence[str], labels: set[str], dataset: Dataset) -> None:
    """Raise InputError where a scored case lacks a label, or nothing would be scored."""
    if not test:
        raise InputError(
            f"{name} has no test case, so nothing could be compared; give test = ... under [cases], or folds = "
            '"auto" for cross-validation over the labeled cases'
        )
    if bare := [case for case in test if case not in labels]:
        raise InputError(f"test cases need a label to be scored; {some(bare)} have none in {dataset.root}")
