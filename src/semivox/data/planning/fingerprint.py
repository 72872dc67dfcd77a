"""What the training scans are like: sizes, voxel sizes, intensities, classes. The plan is decided from this alone."""

from __future__ import annotations

from collections.abc import Sequence

from semivox.core.errors import InputError
from semivox.core.plan import CaseFacts, ClassInfo, Fingerprint
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.data.dataset import Dataset


def fingerprint(dataset: Dataset, split: Split, facts: Sequence[CaseFacts]) -> Fingerprint:
    """The facts of the labeled and unlabeled cases, and the classes: as described, else as found in the labels."""
    known = {case.name: case for case in facts}
    names = (*split.labeled, *split.unlabeled)
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            f"{plural(len(missing), 'training case was', 'training cases were')} not measured, such as "
            f"{missing[0]!r}; run check first"
        )
    cases = tuple(known[name] for name in names)
    widths = sorted({len(case.channels) for case in cases})
    channels = dataset.channels or tuple(f"channel {index}" for index in range(widths[-1] if widths else 1))
    return Fingerprint(
        dataset=dataset.root.resolve().stem,
        channels=channels,
        classes=dataset.classes or _found_classes(cases, dataset.ignore),
        ignore=dataset.ignore,
        cases=cases,
    )


def _found_classes(cases: Sequence[CaseFacts], ignore: int | None) -> tuple[ClassInfo, ...]:
    """Background and a class per value that occurs in the labels."""
    values = sorted({value for case in cases for value in case.voxels} - {0, ignore})
    if not values:
        raise InputError("no label holds anything but background; give at least one scan with a drawn structure")
    return (
        ClassInfo(name="background", value=0),
        *(ClassInfo(name=f"class {value}", value=int(value)) for value in values),
    )
