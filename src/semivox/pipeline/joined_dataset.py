"""Several data sets joined into one folder: a table of their scans, labels with joint values, who was looked for what.

Scans stay where they are. Labels are written anew, so that what is corrected later changes no set that was joined.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from semivox.core.errors import InputError
from semivox.core.files import beside, make_folder, write_text, writing
from semivox.core.plurals import plural
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.sources import files_of, fresh_digest_of
from semivox.data.formats.volume import write_label
from semivox.data.joining import JointClasses, clashes, joint_channels, joint_classes, set_names
from semivox.inference.jobs import safe_name
from semivox.pipeline.joined_labels import Member, joint_label
from semivox.pipeline.progress import ProgressDisplay, Quiet

TABLE = "cases.csv"
Row: TypeAlias = dict[str, str]
Names: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class JoinedSet:
    """What was joined."""

    joint: JointClasses
    scans: int
    looked_for: dict[str, int]
    """Class -> labels in which it was looked for."""
    labels: int
    renamed: tuple[str, ...]
    """Cases that got the name of their set in front."""
    same: tuple[str, ...]
    """Cases that are one scan of several sets."""

    def text(self) -> str:
        """For a terminal."""
        counts = ", ".join(
            f"{info.name} ({info.value}) in {self.looked_for[info.name]}" for info in self.joint.classes if info.value
        )
        lines = [
            f"{plural(self.scans, 'scan')}, {plural(self.labels, 'label')}.",
            f"Looked for: {counts} of {plural(self.labels, 'label')}.",
        ]
        if self.renamed:
            lines.append(
                f"{plural(len(self.renamed), 'case')} of the same name in several sets "
                f"have the name of their set in front, such as {self.renamed[0]}."
            )
        if self.same:
            lines.append(
                f"{plural(len(self.same), 'scan is', 'scans are')} in several sets; their labels were put together, "
                f"as of {self.same[0]}."
            )
        return "\n".join(lines)


def join(sets: Sequence[Path], out: Path, progress: ProgressDisplay | None = None) -> JoinedSet:
    """Write a data set of all scans of several sets into ``out``: cases.csv, dataset.json, labels/.

    Raises InputError where the sets do not fit together, labels of one scan disagree, or ``out`` holds something.
    """
    datasets = _found(sets)
    joint = joint_classes(datasets)
    joint_channels(datasets)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty; give another --out, or empty it")
    cases = _cases(datasets)
    patients = _patients(cases)
    make_folder(out.resolve().parent)
    beside_it = beside(out)
    try:
        rows, annotated = _labels(cases, patients, joint, out, beside_it, progress or Quiet())
        _describe(beside_it, out, joint, datasets, rows, annotated)
        if out.exists():
            out.rmdir()  # an empty one
        with writing(out):
            beside_it.rename(out)
    finally:
        shutil.rmtree(beside_it, ignore_errors=True)
    everything = [name for names in annotated.values() for name in names]
    return JoinedSet(
        joint,
        len(rows),
        {name: everything.count(name) for name in joint.foreground},
        len(annotated),
        tuple(name for name, members in cases.items() if name != members[0].entry.name),
        tuple(name for name, members in cases.items() if len(members) > 1),
    )


def _labels(
    cases: Mapping[str, Sequence[Member]],
    patients: Mapping[str, str],
    joint: JointClasses,
    out: Path,
    now: Path,
    progress: ProgressDisplay,
) -> tuple[list[Row], dict[str, Names]]:
    """Write the labels of all cases into a folder that will be ``out``: rows of the table, and what was looked for."""
    rows, annotated = list[Row](), dict[str, Names]()
    with progress.bar("joining labels") as count:
        for done, (name, members) in enumerate(cases.items(), 1):
            row = _row(name, members, patients.get(name, ""), out)
            if (found := joint_label(name, members, joint)) is not None:
                row["label"] = f"labels/{safe_name(name)}.nii.gz"
                write_label(now / row["label"], found[0], found[1])
                annotated[name] = found[2]
            rows.append(row)
            count(done, len(cases))
    return rows, annotated


def _found(sets: Sequence[Path]) -> list[Dataset]:
    """The sets. Raises InputError for fewer than two, or one that is named twice."""
    places = [Path(path).resolve() for path in sets]
    if len(places) < 2:
        raise InputError("give two data sets or more to join")
    if twice := next((path for path in places if places.count(path) > 1), None):
        raise InputError(f"{twice} is named twice")
    return [layouts.find(Path(path)) for path in sets]


def _cases(datasets: Sequence[Dataset]) -> dict[str, list[Member]]:
    """Joint name -> one scan, as each set that has it has it. Raises InputError where names cannot be told apart."""
    scans: dict[str, dict[str, list[Member]]] = {}  # name without capitals -> which scan -> the same in several sets
    listed = [[entry for entry in dataset.entries if entry.images] for dataset in datasets]
    several = clashes([entry.name for entry in entries] for entries in listed)
    for of, dataset, entries in zip(set_names(datasets), datasets, listed, strict=True):
        for entry in entries:
            plain = entry.name.casefold()
            which = _bytes_of(entry) if several[plain] > 1 else f"{of} {entry.name}"
            scans.setdefault(plain, {}).setdefault(which, []).append(Member(of, dataset, entry))
    found: dict[str, list[Member]] = {}
    for same_name in scans.values():
        for members in same_name.values():
            first = members[0]
            name = first.entry.name if len(same_name) == 1 else f"{first.of}_{first.entry.name}"
            if name in found or (name != first.entry.name and name.casefold() in scans):
                raise InputError(f"two scans would be called {name!r}; rename one of them, or the folder of its set")
            found[name] = members
    return found


def _bytes_of(entry: CaseFiles) -> str:
    """What a scan's files hold: the same scan in two sets has the same."""
    return " ".join(fresh_digest_of(file) for path in entry.images for file in files_of(path))


def _patients(cases: Mapping[str, Sequence[Member]]) -> dict[str, str]:
    """Joint name -> patient. One that several sets name is another in each, but where a scan of it is in both."""
    sets: dict[str, set[str]] = {}
    shared = set[str]()
    for members in cases.values():
        for member in members:
            if member.entry.group:
                sets.setdefault(member.entry.group.casefold(), set()).add(member.of)
                shared |= {member.entry.group.casefold()} if len(members) > 1 else set()
    found = {}
    for name, members in cases.items():
        if owner := next((member for member in members if member.entry.group), None):
            group = str(owner.entry.group)
            apart = len(sets[group.casefold()]) > 1 and group.casefold() not in shared
            found[name] = f"{owner.of}_{group}" if apart else group
    return found


def _row(name: str, members: Sequence[Member], group: str, out: Path) -> dict[str, str]:
    """The row of a case in the table, yet without a label."""
    row = {"case_id": name, "label": "", "split": _part(name, members), "group": group}
    for channel, path in enumerate(members[0].entry.images, 1):
        row["image" if channel == 1 else f"image_{channel}"] = _from(out, path)
    return row


def _from(out: Path, path: Path) -> str:
    """A path as seen from a folder; whole where that is on another drive."""
    try:
        return Path(os.path.relpath(os.path.abspath(path), out.resolve())).as_posix()
    except ValueError:
        return Path(os.path.abspath(path)).as_posix()


def _part(name: str, members: Sequence[Member]) -> str:
    """What the case is for. Raises InputError where sets have it on different sides."""
    parts = sorted({member.entry.part or "training" for member in members})
    if len(parts) > 1:
        raise InputError(
            f"the scan {name!r} is in several sets, for {parts[0]} in one and for {parts[1]} in another; "
            "leave it out of one"
        )
    return parts[0]


def _describe(
    now: Path,
    out: Path,
    joint: JointClasses,
    datasets: Sequence[Dataset],
    rows: Sequence[Row],
    annotated: Mapping[str, Names],
) -> None:
    """Write the table, and dataset.json: classes, channels, who was looked through for what, and the sets."""
    images = sorted({column for row in rows for column in row if column.startswith("image")}, key=lambda c: (len(c), c))
    with (now / TABLE).open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, ["case_id", *images, "label", "split", "group"])
        table.writeheader()
        table.writerows(rows)
    labels = {info.name: info.value for info in joint.classes} | (
        {} if joint.ignore is None else {"ignore": joint.ignore}
    )
    channels = joint_channels(datasets)
    content: dict[str, object] = {
        **({} if channels is None else {"channel_names": {str(place): name for place, name in enumerate(channels)}}),
        "labels": labels,
        "annotated": {name: list(sought) for name, sought in annotated.items() if set(sought) != set(joint.foreground)},
        "joined": [_from(out, dataset.root) for dataset in datasets],
    }
    write_text(now / "dataset.json", json.dumps(content, indent=2) + "\n")
