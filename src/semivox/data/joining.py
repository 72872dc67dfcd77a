"""Several data sets as one: classes by their names, whatever their label values; cases told apart by their set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.layouts.description import MOST_VALUE

USUAL_IGNORE = 255


@dataclass(frozen=True)
class JointClasses:
    """The classes of all sets together."""

    classes: tuple[ClassInfo, ...]
    """Background first, by value."""
    ignore: int | None
    """The value of what nobody looked at, if a set has one."""

    @property
    def foreground(self) -> tuple[str, ...]:
        """Names of the classes but the background."""
        return tuple(info.name for info in self.classes if info.value)

    def names(self, own: Iterable[str]) -> tuple[str, ...]:
        """The joint names of classes of a set, in the joint order."""
        wanted = {name.casefold() for name in own}
        return tuple(name for name in self.foreground if name.casefold() in wanted)

    def values(self, dataset: Dataset) -> dict[int, int]:
        """Label value of a set -> joint value."""
        joint = {info.name.casefold(): info.value for info in self.classes}
        found = {info.value: joint[info.name.casefold()] if info.value else 0 for info in dataset.classes or ()}
        if dataset.ignore is not None and self.ignore is not None:
            found[dataset.ignore] = self.ignore
        return found


def joint_classes(datasets: Sequence[Dataset]) -> JointClasses:
    """Classes of the same name (capitals do not matter) are one; it keeps the value of the first set that has it.

    A value that another class has already gives way to the next free one. Raises InputError for a set with labels whose
    classes have no names.
    """
    values: dict[str, ClassInfo] = {}
    for dataset in datasets:
        if dataset.classes is None:
            if any(entry.label for entry in dataset.entries):
                raise InputError(
                    f"{dataset.root} does not name its classes, and sets are joined by the names; write them into its "
                    'dataset.json, such as {"labels": {"background": 0, "liver": 1}}'
                )
            continue
        for info in dataset.classes:
            if info.value and info.name.casefold() not in values:
                taken = {other.value for other in values.values()} | {0}
                value = info.value if info.value not in taken else _free(taken)
                values[info.name.casefold()] = ClassInfo(name=info.name, value=value)
    if not values:
        raise InputError("none of these sets has a class; give sets with labels")
    ordered = sorted(values.values(), key=lambda info: info.value)
    wanted = [dataset.ignore for dataset in datasets if dataset.ignore is not None]
    ignore = None
    if wanted:
        taken = {info.value for info in ordered} | {0}
        ignore = next((value for value in (*wanted, USUAL_IGNORE) if value not in taken), _free(taken))
    return JointClasses((ClassInfo(name="background", value=0), *ordered), ignore)


def _free(taken: Iterable[int]) -> int:
    """The lowest value from 1 that no class has."""
    there = set(taken)
    value = next(value for value in range(1, len(there) + 2) if value not in there)
    if value > MOST_VALUE:
        raise InputError(f"the sets have more classes than label files can hold ({MOST_VALUE})")
    return value


def joint_channels(datasets: Sequence[Dataset]) -> tuple[str, ...] | None:
    """The names of the channels; None where no set names them. Raises InputError where sets differ."""
    named = [dataset for dataset in datasets if dataset.channels is not None]
    for dataset in named[1:]:
        if _plain(dataset.channels) != _plain(named[0].channels):
            raise InputError(
                f"{named[0].root} has the channels {', '.join(named[0].channels or ())}, {dataset.root} "
                f"{', '.join(dataset.channels or ())}; only sets of the same channels, in the same order, can be joined"
            )
    counts = {len(entry.images): dataset for dataset in datasets for entry in dataset.entries if entry.images}
    if len(counts) > 1:
        (one, first), (other, second) = list(counts.items())[:2]
        raise InputError(
            f"scans of {first.root} are {one} files, scans of {second.root} {other}; only sets of the same channels, "
            "in the same order, can be joined"
        )
    return named[0].channels if named else None


def _plain(channels: tuple[str, ...] | None) -> list[str]:
    return [name.casefold() for name in channels or ()]


def set_names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """A short name of each set: that of its folder, with a number where two have the same."""
    stems = [dataset.root.resolve().stem for dataset in datasets]
    count, seen, names = Counter(stems), Counter[str](), []
    for stem in stems:
        seen[stem] += 1
        names.append(stem if count[stem] == 1 else f"{stem}-{seen[stem]}")
    return tuple(names)


def clashes(lists: Iterable[Iterable[str]]) -> Counter[str]:
    """Name, without capitals -> how many sets have it."""
    return Counter(name for names in lists for name in {name.casefold() for name in names})


def looked_for(entry: CaseFiles, dataset: Dataset, joint: JointClasses) -> tuple[str, ...]:
    """The joint names of the classes that were looked for in a label: what it says, else all of its set."""
    own = (info.name for info in dataset.classes or () if info.value) if entry.annotated is None else entry.annotated
    return joint.names(own)
