"""What only shows when cases are compared: copies across pools, patients on two sides, the odd one out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from semivox.data.checks.case import Examined
from semivox.data.checks.findings import Finding
from semivox.data.checks.names import swapped_names
from semivox.data.dataset import Dataset

OUTLIER = 3.0
"""Factor between a voxel edge and the data set's median edge beyond which the unit is in doubt."""
TRAINED = ("labeled", "unlabeled")


def between_cases(dataset: Dataset, parts: Mapping[str, str], cases: Sequence[Examined]) -> dict[str, list[Finding]]:
    """Findings per case name that come from comparing cases; ``parts``: case name -> part of the split."""
    files = {entry.name: str(entry.images[0]) if entry.images else "" for entry in dataset.entries}
    found: dict[str, list[Finding]] = defaultdict(list)
    for finder in (_copies, _channels, _spacings):
        for name, finding in finder(parts, cases, files):
            found[name].append(finding)
    told = {case.name: case.segments for case in cases if case.segments}
    for name, finding in swapped_names(told, files):
        found[name].append(finding)
    return found


def on_dataset(dataset: Dataset, parts: Mapping[str, str], cases: Sequence[Examined]) -> list[Finding]:
    """Findings on the data set as a whole."""
    return [*_remarks(dataset), *_skipped(dataset), *_orientations(cases), *_patients(dataset, parts), *_names(dataset)]


def _copies(parts: Mapping[str, str], cases: Sequence[Examined], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """The same voxels under two names: an error where one is trained on and the other is for test."""
    groups: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        if case.digest:
            groups[case.digest].append(case.name)
    found = []
    for names in groups.values():
        tested = [name for name in names if parts.get(name) == "test"]
        for name in names[1:] if len(names) > 1 and not tested else names:
            others = [other for other in names if other != name]
            if not others:
                continue
            leak = bool(tested) and parts.get(name) in TRAINED
            text = f"{name} ({parts.get(name, 'unused')}) has the same voxels as "
            text += ", ".join(f"{other} ({parts.get(other, 'unused')})" for other in others[:4])
            fix = "Remove it from training: the test would measure memory." if leak else "Keep one of them."
            level = "error" if leak else "warning"
            found.append((name, Finding(level=level, code="duplicate", message=text, fix=fix, file=files[name])))
    return found


def _channels(
    parts: Mapping[str, str], cases: Sequence[Examined], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """Cases whose number of channels is not that of most, where the data set declares none."""
    counts = Counter(case.channels for case in cases if case.channels)
    if len(counts) < 2:
        return []
    usual = max(counts, key=lambda count: (counts[count], count))
    fix = "Add or remove files so that all cases have the same channels, or leave the case out."
    found = []
    for case in cases:
        told = any(finding.code in ("missing_channel", "extra_channel") for finding in case.findings)
        if case.channels and case.channels != usual and not told:
            code = "missing_channel" if case.channels < usual else "extra_channel"
            text = f"{case.channels} channel(s), most cases have {usual}"
            found.append((case.name, Finding(level="error", code=code, message=text, fix=fix, file=files[case.name])))
    return found


def _spacings(
    parts: Mapping[str, str], cases: Sequence[Examined], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """Cases whose voxels are far from the data set's median size in all directions, as after a lost unit."""
    known = [case for case in cases if case.spacing]
    if len(known) < 3:
        return []
    median = np.median([case.spacing for case in known], axis=0)
    found = []
    for case in known:
        ratio = np.array(case.spacing) / median
        if (ratio > OUTLIER).all() or (ratio < 1 / OUTLIER).all():
            text = f"voxels of {_mm(case.spacing)} mm; the data set's median is {_mm(median)} mm"
            fix = "Check the voxel size against the original scan."
            finding = Finding(
                level="warning", code="spacing_outlier", message=text, fix=fix, file=files[case.name]
            )  # fmt: skip
            found.append((case.name, finding))
    return found


def _remarks(dataset: Dataset) -> list[Finding]:
    """What the names and places of files told."""
    return [
        Finding(level=remark.level, code=remark.code, message=remark.message, fix=remark.fix, file="")
        for remark in dataset.remarks
    ]


def _skipped(dataset: Dataset) -> list[Finding]:
    """Files that were passed over."""
    fix = "No action, unless it should have been used."
    return [
        Finding(level="note", code="skipped", message=f"passed over {text}", fix=fix, file="")
        for text in dataset.skipped
    ]


def _orientations(cases: Sequence[Examined]) -> list[Finding]:
    """Scans stored in different orientations, which is harmless because all are turned to RAS+."""
    counts = Counter(case.axes for case in cases if case.axes)
    if len(counts) < 2:
        return []
    listed = ", ".join(f"{count} x {axes}" for axes, count in counts.most_common())
    text = f"scans are stored in different orientations ({listed}); all are turned to RAS+ and back on output"
    fix = "No action; if a scan then appears upside down, its header is wrong."
    return [Finding(level="note", code="mixed_orientation", message=text, fix=fix, file="")]


def _patients(dataset: Dataset, parts: Mapping[str, str]) -> list[Finding]:
    """Groups (patients) with cases both in training and in validation or test."""
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in dataset.entries:
        part = parts.get(entry.name)
        if entry.group and part:
            sides[entry.group]["training" if part in TRAINED else part] = entry.name
    fix = "Move all cases of a patient to one part of the split."
    return [
        Finding(
            level="error",
            code="group_leak",
            message=f"the group {group!r} stands on several sides: "
            + ", ".join(f"{name} ({side})" for side, name in sorted(found.items())),
            fix=fix,
            file="",
        )
        for group, found in sorted(sides.items())
        if len(found) > 1
    ]


def _names(dataset: Dataset) -> list[Finding]:
    """Names that differ in upper and lower case only, which some disks take for one."""
    groups: dict[str, list[str]] = defaultdict(list)
    for entry in dataset.entries:
        groups[entry.name.casefold()].append(entry.name)
    fix = "Rename one of them: Windows and macOS would write both results to one file."
    return [
        Finding(
            level="warning",
            code="similar_names",
            message=f"{' and '.join(names)} differ in case only",
            fix=fix,
            file="",
        )
        for names in groups.values()
        if len(names) > 1
    ]


def _mm(values: Sequence[float] | np.ndarray) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
