"""Which cases are of one patient, as far as their names tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles, some
from semivox.data.remarks import Remark

SUBJECT = re.compile(r"^(sub-[A-Za-z0-9]+)(?:[_-].*)?$")
"""BIDS: everything named ``sub-01...`` is of one subject."""
VISIT = re.compile(
    r"^(?P<patient>.+?)[._-](?:ses|session|visit|v|tp|time|timepoint|t|frame|followup|fu|baseline|bl|pre|post|preop|"
    r"postop|day|week|month|year|exam|study|scan|phase)[._-]?\d*$",
    re.IGNORECASE,
)
"""A name that ends in a visit: ``p12_visit2``, ``patient001_frame01``, ``anna_pre``."""


def grouped(entries: Iterable[CaseFiles]) -> tuple[tuple[CaseFiles, ...], tuple[Remark, ...]]:
    """The entries with their patients, where nothing else says who that is, and a note on what was concluded."""
    entries = tuple(entries)
    visits: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        if entry.group is None and (patient := _patient(entry.name)) is not None:
            visits[patient].append(entry.name)
    own = {entry.name for entry in entries}
    several = {patient: names for patient, names in visits.items() if len({*names, patient} & own) > 1}
    patient_of = {name: patient for patient, names in several.items() for name in {*names, patient}}
    if not several:
        return entries, ()
    text = (
        f"{plural(len(several), 'patient has', 'patients have')} several scans, judging by the file names, "
        f"such as {some(next(iter(several.values())), 3)}"
    )
    fix = (
        "No action if that is right: they stay on one side of every split. Otherwise name the patients in a "
        "CSV table (column group)."
    )
    named = tuple(
        replace(entry, group=patient_of[entry.name]) if entry.group is None and entry.name in patient_of else entry
        for entry in entries
    )
    return named, (Remark("same_patient", text, fix, "note"),)


def _patient(name: str) -> str | None:
    """The patient that a case's name tells; None if it tells none."""
    if (match := SUBJECT.match(name)) is not None:
        return match[1]
    match = VISIT.match(name)
    return match["patient"] if match else None
