"""One label that several scans have: one file, a link to it, or a copy with the same voxels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding
from semivox.data.dataset import CaseFiles, some

FEW = 2
"""So many equal labels are told even where there are hardly more."""
FIX = "Give each scan its own label. No action if the scans were aligned to one another and labeled once."


def shared_labels(
    entries: Sequence[CaseFiles], parts: Mapping[str, str], files: Mapping[str, str], cases: Sequence[Examined]
) -> list[tuple[str, Finding]]:
    """(case, finding) for each case but the first whose label is another case's too; links are followed.

    ``parts``: case name -> part of the split, for the cases that are used. Scans that were brought onto one grid may
    share a label, so this is a warning; copies of a scan have copies of its label, and are told as copies.
    """
    groups: dict[str, list[CaseFiles]] = defaultdict(list)
    for entry in entries:
        if entry.label is not None and entry.name in parts:
            groups[str(entry.label.resolve())].append(entry)
    found = []
    for group in groups.values():
        for entry in group[1:]:
            others = some([other.name for other in group if other is not entry])
            text = f"{entry.label.name if entry.label else ''} is also the label of {others}"
            found.append((entry.name, Finding.of("warning", "shared_label", text, FIX, files[entry.name])))
    told = {name for name, _ in found}
    return found + _copied([case for case in cases if case.name not in told], files)


def _copied(cases: Sequence[Examined], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """The same of labels in files of their own whose voxels are the same, on scans that are not.

    Nothing is said where most labels are one, as in sets that a program made up.
    """
    groups: dict[str, list[Examined]] = defaultdict(list)
    for case in cases:
        if case.drawn:
            groups[case.drawn].append(case)
    found = []
    labels = sum(map(len, groups.values()))
    for group in groups.values():
        for case in group[1:] if len(group) <= max(FEW, labels // 2) and len(group) < labels else ():
            others = [other.name for other in group if other is not case and other.digest != case.digest]
            if others:
                text = f"its label has, voxel by voxel, the same values as the label of {some(others)}"
                found.append((case.name, Finding.of("warning", "shared_label", text, FIX, files[case.name])))
    return found
