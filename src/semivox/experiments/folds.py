"""Cross-validation where labels are few: every labeled scan is held out once, patients stay together.

Leave-one-out up to 6 labeled scans, 3 folds up to 15, 5 folds above. A held-out scan is in no training part of its
fold, nor is any other scan of the same patient, labeled or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    patient = {name: groups.get(name) or f"\0{name}" for name in (*split.labeled, *split.unlabeled, *split.validation)}
    patients: dict[str, list[str]] = {}
    for name in sorted(split.labeled):
        patients.setdefault(patient[name], []).append(name)
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
    sought = annotated or {}
    held_out = _dealt(list(patients.values()), wanted, seed, sought)
    cut = tuple(_fold(split, patient, names) for names in held_out)
    _require_sought(split, cut, sought)
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
    patients: list[list[str]], count: int, seed: int, annotated: Mapping[str, tuple[str, ...]]
) -> list[list[str]]:
    """Patients dealt into folds of about equal numbers of scans: large ones first, each to the smallest fold.

    Of equal ones those in which the same classes were looked for one after the other, so that these are spread.
    """
    order = generator(seed, STREAM).permutation(len(patients))
    held_out: list[list[str]] = [[] for _ in range(count)]
    for index in sorted(order, key=lambda i: (-len(patients[i]), annotated.get(patients[i][0], ()))):
        min(held_out, key=len).extend(patients[index])
    return [sorted(names) for names in sorted(held_out, key=min)]


def _fold(split: Split, patient: Mapping[str, str], held_out: list[str]) -> Split:
    """Everything but the held-out scans and whatever else is of their patients."""
    out = {patient[name] for name in held_out}
    labeled, unlabeled, validation = (
        tuple(name for name in part if patient[name] not in out)
        for part in (split.labeled, split.unlabeled, split.validation)
    )
    return Split(labeled=labeled, unlabeled=unlabeled, validation=validation, test=tuple(held_out))
