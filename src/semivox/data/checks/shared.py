"""One label file that several scans name, as after a copied line of a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from semivox.data.checks.findings import Finding
from semivox.data.dataset import CaseFiles, some


def shared_labels(
    entries: Sequence[CaseFiles], parts: Mapping[str, str], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """(case, finding) for each case but the first whose label is another case's too; links are followed.

    ``parts``: case name -> part of the split, for the cases that are used. Scans that were brought onto one grid may
    share a label, so this is a warning.
    """
    groups: dict[str, list[CaseFiles]] = defaultdict(list)
    for entry in entries:
        if entry.label is not None and entry.name in parts:
            groups[str(entry.label.resolve())].append(entry)
    fix = "Give each scan its own label. No action if the scans were aligned to one another and labeled once."
    found = []
    for group in groups.values():
        for entry in group[1:]:
            others = some([other.name for other in group if other is not entry])
            text = f"{entry.label.name if entry.label else ''} is also the label of {others}"
            finding = Finding(level="warning", code="shared_label", message=text, fix=fix, file=files[entry.name])
            found.append((entry.name, finding))
    return found
