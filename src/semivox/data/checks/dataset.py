"""What only shows when cases are compared: copies across pools, patients on two sides, the odd one out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from semivox.core.plurals import plural
from semivox.data.checks.arrangement import exchanged_classes
from semivox.data.checks.classes import class_findings, found_classes, side_findings
from semivox.data.checks.edges import edge_findings
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding, Level, by_axis
from semivox.data.checks.hounsfield import not_hounsfield
from semivox.data.checks.inverted import inverted_scans
from semivox.data.checks.likeness import likely_same
from semivox.data.checks.names import swapped_names
from semivox.data.checks.shared import shared_labels
from semivox.data.checks.units import unit_findings
from semivox.data.dataset import Dataset, annotated_of, groups_of, some

OUTLIER = 3.0
"""Factor between a voxel edge and the data set's median edge beyond which the unit is in doubt."""
WRONG = 30.0
"""The same factor from which no scanner explains it: such a scan would be resampled to a speck or to terabytes."""
FIELD_OUTLIER = 4.0
"""The same factor for the length of a scan along one axis."""
TRAINED = ("labeled", "unlabeled")


def between_cases(dataset: Dataset, parts: Mapping[str, str], cases: Sequence[Examined]) -> dict[str, list[Finding]]:
    """Findings per case name that come from comparing cases; ``parts``: case name -> part of the split."""
    files = {entry.name: str(entry.images[0]) if entry.images else "" for entry in dataset.entries}
    facts = {case.name: case.facts for case in cases if case.facts is not None}
    named = [
        *(pair for finder in (_copies, _channels, _spacings, _fields) for pair in finder(parts, cases, files)),
        *unit_findings(
            dataset.channels,
            {case.name: case.intensities for case in cases},
            {name: fact.channels for name, fact in facts.items()},
            files,
        ),
        *side_findings(found_classes(dataset, list(facts.values())), list(facts.values()), files)[0],
        *inverted_scans({case.name: case.intensities for case in cases}, files),
        *shared_labels(dataset.entries, parts, files, cases),
        *exchanged_classes(cases, found_classes(dataset, list(facts.values())), files),
        *edge_findings(cases, files, annotated_of(dataset.entries)),
        *likely_same(cases, groups_of(dataset.entries), files),
        *swapped_names({case.name: case.segments for case in cases if case.segments}, files),
    ]
    found: dict[str, list[Finding]] = defaultdict(list)
    for name, finding in named:
        found[name].append(finding)
    return found


def on_dataset(dataset: Dataset, parts: Mapping[str, str], cases: Sequence[Examined]) -> list[Finding]:
    """Findings on the data set as a whole."""
    facts = [case.facts for case in cases if case.facts is not None]
    return [
        *_remarks(dataset),
        *_skipped(dataset),
        *_labeled(dataset, parts),
        *class_findings(dataset, parts, cases, facts),
        *not_hounsfield(dataset.channels, facts),
        *side_findings(found_classes(dataset, facts), facts, {})[1],
        *_orientations(cases),
        *_patients(dataset, parts),
        *_names(dataset),
    ]


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
            fix = (
                "Remove it from training: the test would only measure what was memorized."
                if leak
                else "Keep one of them."
            )
            level: Level = "error" if leak else "warning"
            found.append((name, Finding.of(level, "duplicate", text, fix, files[name])))
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
            text = f"{plural(case.channels, 'channel')}, most cases have {usual}"
            found.append((case.name, Finding.of("error", code, text, fix, files[case.name])))
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
            text = f"voxels of {by_axis(case.spacing)} mm; the data set's median is {by_axis(median)} mm"
            level: Level = "error" if (ratio > WRONG).all() or (ratio < 1 / WRONG).all() else "warning"
            fix = "Check the voxel size, and its unit, against the original scan."
            found.append((case.name, Finding.of(level, "spacing_outlier", text, fix, files[case.name])))
    return found


def _fields(parts: Mapping[str, str], cases: Sequence[Examined], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """Scans that show far more or less of the body than the others along some axis."""
    known = [case for case in cases if case.spacing]
    if len(known) < 3:
        return []
    sizes = np.array([np.multiply(case.shape, case.spacing) for case in known])
    median = np.median(sizes, axis=0)
    told = "the scan spans {} mm; the data set's median is {} mm"
    fix = "No action if such scans will be labeled too; otherwise crop it, or leave it out."
    return [
        (
            case.name,
            Finding.of("warning", "field_outlier", told.format(by_axis(size), by_axis(median)), fix, files[case.name]),
        )
        for case, size in zip(known, sizes, strict=True)
        if (size > FIELD_OUTLIER * median).any() or (size * FIELD_OUTLIER < median).any()
    ]


def _remarks(dataset: Dataset) -> list[Finding]:
    """What the names and places of files told."""
    return [
        Finding(level=remark.level, code=remark.code, message=remark.message, fix=remark.fix, file="")
        for remark in dataset.remarks
    ]


def _labeled(dataset: Dataset, parts: Mapping[str, str]) -> list[Finding]:
    """That something can be trained on at all, and what is left aside."""
    found = []
    if not any(part == "labeled" for part in parts.values()):
        fix = "Draw one: labels/NAME.nii.gz for images/NAME.nii.gz (other layouts: semivox check --help). "
        fix += "semivox suggest names the scans to begin with."
        found.append(Finding.of("error", "no_label", "no scan for training has a label", fix))
    if aside := left_aside(dataset, parts):
        text = f"{plural(len(aside), 'scan')} for test or validation without a label, not used: {some(aside)}"
        fix = "No action; once there is a model, semivox predict labels them."
        found.append(Finding.of("note", "left_aside", text, fix))
    return found


def left_aside(dataset: Dataset, parts: Mapping[str, str]) -> list[str]:
    """Scans that the layout gives for test or validation, but that cannot be scored."""
    return [
        entry.name
        for entry in dataset.entries
        if entry.part in ("validation", "test") and entry.images and entry.name not in parts
    ]


def _skipped(dataset: Dataset) -> list[Finding]:
    """Files that were passed over."""
    fix = "No action, unless it should be used."
    return [Finding.of("note", "skipped", f"not used: {text}", fix) for text in dataset.skipped]


def _orientations(cases: Sequence[Examined]) -> list[Finding]:
    """Scans stored in different orientations, which is harmless because all are turned to RAS+."""
    counts = Counter(case.axes for case in cases if case.axes)
    if len(counts) < 2:
        return []
    listed = ", ".join(f"{count} x {axes}" for axes, count in counts.most_common())
    text = f"scans are stored in different orientations ({listed}); all are turned to RAS+ and back on output"
    fix = "No action; if a scan then appears upside down, its header is wrong."
    return [Finding.of("note", "mixed_orientation", text, fix)]


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
            message=f"the group {group!r} is on several sides: "
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
            message=f"{' and '.join(names)} differ only in upper and lower case",
            fix=fix,
            file="",
        )
        for names in groups.values()
        if len(names) > 1
    ]
