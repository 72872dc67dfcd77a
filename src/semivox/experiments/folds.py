"""Cross-validation where labels are few: every labeled scan is held out once, patients stay together.

Leave-one-out up to 6 labeled scans, 3 folds up to 15, 5 folds above. A held-out scan is in no training part of its
fold, nor is any other scan of the same patient, labeled or not. Where labels come later, what a fold held out stays
held out of it, so that its earlier model has trained on none of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.core.randomness import generator
from semivox.core.split import Split

LEAVE_ONE_OUT = 6
"""Up to this many labeled scans, each is held out alone."""
THREE_FOLDS = 15
"""Up to this many labeled scans, three folds; above, five."""
STREAM = 0xF01D
FOLDER = "folds"
"""Of a job, or of a labeled set: a folder for each fold, by its number."""


def fold_count(labeled: int) -> int:
    """Into how many folds this many labeled scans are cut, where nobody said how many."""
    if labeled <= LEAVE_ONE_OUT:
        return labeled
    return 3 if labeled <= THREE_FOLDS else 5


def folds(
    split: Split,
    groups: Mapping[str, str],
    seed: int = 0,
    count: int | Literal["auto"] = "auto",
    annotated: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Split, ...]:
    """One split per fold, whose ``test`` part is what is held out.

    ``groups``: case -> patient, for cases of which it is known. ``count``: how many folds; "auto": by the number of
    labeled scans. ``annotated``: case -> the classes looked for, where these were not all; scans of the same classes go
    to different folds as far as there are. ``split.test`` is left out of every fold. Raises InputError where there are
    fewer patients than folds, or only one, so that none could be held out, or where a fold would hold out all scans in
    which a class was looked for.
    """
    patient = patients_of(split, groups)
    patients = _scans_of_patients(split.labeled, patient)
    if len(patients) < 2:
        raise InputError(
            f"cross-validation needs labeled scans of at least two patients; there is "
            f"{plural(len(split.labeled), 'labeled scan')} of {plural(len(patients), 'patient')}. Label a "
            "scan of another "
            "patient, or give a test set"
        )
    if count != "auto" and count > len(patients):
        raise InputError(
            f"{count} folds need labeled scans of as many patients; the labeled scans ({len(split.labeled)}) are of "
            f"{plural(len(patients), 'patient')}. Give fewer folds"
        )
    wanted = min(fold_count(len(split.labeled)), len(patients)) if count == "auto" else count
    held_out = _dealt(list(patients.values()), [[] for _ in range(wanted)], seed, annotated or {})
    return _cut(split, patient, sorted(held_out, key=min), annotated or {})


def further_folds(
    split: Split,
    groups: Mapping[str, str],
    before: Sequence[Sequence[str]],
    seed: int = 0,
    annotated: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Split, ...]:
    """One split per fold, as ``folds`` makes them, of which each holds out what it held out ``before``, and more.

    Labeled scans that are new go to the fold of their patient, those of new patients to the smallest fold. Raises
    InputError where scans of one patient were held out of different folds.
    """
    patient, fold_of = patients_of(split, groups), dict[str, tuple[int, str]]()
    for index, names in enumerate(before):
        for name in names:
            other, first = fold_of.setdefault(patient[name], (index, name))
            if other != index:
                raise InputError(
                    f"folds cannot be kept: {first!r} and {name!r}, of one patient now, were held out of different "
                    "folds. Undo that change of patients, or begin another job in another --out"
                )
    held_out, new = [list(names) for names in before], list[list[str]]()
    for one, names in _scans_of_patients(split.labeled, patient).items():
        if one in fold_of:
            index = fold_of[one][0]
            held_out[index] = sorted({*held_out[index], *names})
        else:
            new.append(names)
    return _cut(split, patient, _dealt(new, held_out, seed, annotated or {}), annotated or {})


def patients_of(split: Split, groups: Mapping[str, str]) -> dict[str, str]:
    """Case -> patient of all that may be trained on; a scan of which nobody says it is one of its own."""
    names = (*split.labeled, *split.unlabeled, *split.validation)
    return {name: groups.get(name) or f"\0{name}" for name in names}


def folds_in(folder: Path) -> tuple[Split, ...]:
    """The folds that a job's folder holds, first to last; none where it holds no first one. Raises InputError."""
    found = list[Split]()
    while (path := split_of_fold(folder, len(found))).is_file():
        found.append(Split.load(path))
    return tuple(found)


def split_of_fold(folder: Path, index: int) -> Path:
    """The split of a fold in the folder of a job or labeled set."""
    return folder / FOLDER / str(index) / "split.json"


def _scans_of_patients(labeled: Sequence[str], patient: Mapping[str, str]) -> dict[str, list[str]]:
    patients: dict[str, list[str]] = {}
    for name in sorted(labeled):
        patients.setdefault(patient[name], []).append(name)
    return patients


def _cut(
    split: Split,
    patient: Mapping[str, str],
    held_out: Sequence[Sequence[str]],
    annotated: Mapping[str, tuple[str, ...]],
) -> tuple[Split, ...]:
    cut = tuple(_fold(split, patient, names) for names in held_out)
    _require_sought(split, cut, annotated)
    return cut


def _require_sought(split: Split, cut: Sequence[Split], annotated: Mapping[str, tuple[str, ...]]) -> None:
    """Raise InputError where all scans in which a class was looked for are held out together."""
    everywhere = {name for sought in annotated.values() for name in sought}
    for fold in cut:
        if any(name not in annotated for name in fold.labeled):
            continue
        left = {name for case in fold.labeled for name in annotated[case]}
        if gone := sorted(everywhere - left):
            raise InputError(
                f"cross-validation would hold out {', '.join(fold.test)}, and {gone[0]} was looked for in no other of "
                f"the {len(split.labeled)} labeled scans; label it in a scan of another patient, or give a test set"
            )


def _dealt(
    patients: Sequence[Sequence[str]],
    before: Sequence[Sequence[str]],
    seed: int,
    annotated: Mapping[str, tuple[str, ...]],
) -> list[list[str]]:
    """Patients dealt to folds until these have about equal numbers of scans: large ones first, to the smallest fold.

    Of equal ones those in which the same classes were looked for one after the other, so that these are spread.
    """
    order = generator(seed, STREAM).permutation(len(patients))
    held_out = [list(names) for names in before]
    for index in sorted(order, key=lambda i: (-len(patients[i]), annotated.get(patients[i][0], ()))):
        min(held_out, key=len).extend(patients[index])
    return [sorted(names) for names in held_out]


def _fold(split: Split, patient: Mapping[str, str], held_out: Sequence[str]) -> Split:
    """Everything but the held-out scans and whatever else is of their patients."""
    out = {patient[name] for name in held_out}
    labeled, unlabeled, validation = (
        tuple(name for name in part if patient[name] not in out)
        for part in (split.labeled, split.unlabeled, split.validation)
    )
    return Split(labeled=labeled, unlabeled=unlabeled, validation=validation, test=tuple(held_out))
