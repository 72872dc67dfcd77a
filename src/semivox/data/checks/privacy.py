"""Who is the patient? Fields of headers, and names of cases, that may tell (``semivox check --phi``).

Findings name fields, never their content, so that a report can be shown to anyone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from semivox.data.checks.findings import CaseVerdict, CheckReport, Finding, verdict_of
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import registry
from semivox.data.formats.scan import ScanError
from semivox.data.formats.volume import stem

DAY = re.compile(r"(?<!\d)(19|20)\d\d[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
PERSON = re.compile(r"^[A-Z][a-z]+[\^_ ,-]+[A-Z][a-z]+")


def with_privacy(report: CheckReport, dataset: Dataset) -> CheckReport:
    """The report with a warning for each field and name that may tell who a patient is."""
    entries = {entry.name: entry for entry in dataset.entries}
    return report.model_copy(update={"cases": tuple(_examined(case, entries[case.case]) for case in report.cases)})


def _examined(case: CaseVerdict, entry: CaseFiles) -> CaseVerdict:
    findings = (*case.findings, *telling(entry))
    return case.model_copy(update={"findings": findings, "verdict": verdict_of(findings)})


def telling(entry: CaseFiles) -> list[Finding]:
    """What in a case's files and name may tell who the patient is. Opens headers only."""
    found = []
    if DAY.search(entry.name) or PERSON.match(entry.name):
        text = f"the name of the case {entry.name!r} looks like a date or a person's name"
        found.append(_finding("phi_name", text, "Rename it; names stand in reports and results.", ""))
    for path in entry.images:
        if fields := sorted(set(_fields(path))):
            text = f"{path.name}: header fields that may reveal who the patient is: {', '.join(fields)}"
            fix = "Semivox copies none of them. Clean the file before you share it."
            found.append(_finding("phi_header", text, fix, str(path)))
    return found


def _fields(path: Path) -> Iterable[str]:
    """Names of the telling fields of a file; none of one that cannot be read, of which the check speaks."""
    found = registry.find(path)
    if found is None:
        return []
    try:
        return [*found.private_fields(path), *([] if path.is_dir() else _sidecar(path))]
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, ScanError):
        return []


def _sidecar(path: Path) -> Iterable[str]:
    """A JSON file beside the scan, as converters from DICOM write."""
    return ["JSON file beside it"] if path.with_name(f"{stem(path)}.json").exists() else []


def _finding(code: str, message: str, fix: str, file: str) -> Finding:
    return Finding(level="warning", code=code, message=message, fix=fix, file=file)
