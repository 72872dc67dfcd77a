"""``predict --save``: each label also as the files of other tools, in a folder a kind beside the labels.

``origins/CASE.forms.json`` says which label each file was made of, so that a second call leaves alone what is right,
makes again what is out of date, and never replaces what somebody changed or put there, unless asked to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.core.spelling import suggestion
from semivox.data.formats import registry
from semivox.data.formats.scan import ScanError
from semivox.data.formats.sources import fresh_digest_of
from semivox.data.formats.volume import stem
from semivox.export.forms import FORMS, NAMES, TABLE, TABLE_FILE, form_name
from semivox.export.labels import write_form, write_table
from semivox.inference.jobs import Job
from semivox.inference.maps import MAPS


class Forms(Frozen):
    """What was made of one label."""

    version: Literal[1] = 1
    files: Mapping[str, tuple[str, str]] = {}
    """Path from the folder of labels -> digests of the file and of the label it was made of."""


def maps_and_forms(save: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The maps and the files of other tools among what is to be saved. Raises InputError for what is neither."""
    names = [form_name(name) for name in save]
    for name in names:
        if name not in (*MAPS, *NAMES):
            known = (*MAPS, *NAMES)
            raise InputError(f"{name!r} cannot be saved{suggestion(name, known)}; there are {', '.join(known)}")
    return tuple(name for name in names if name in MAPS), tuple(name for name in names if name in NAMES)


def save_forms(jobs: Sequence[Job], forms: Sequence[str], classes: Sequence[ClassInfo], overwrite: bool) -> int:
    """Write each label in each form; returns how many files were written.

    Raises InputError, after all others are written, naming what could not be, or was left alone.
    """
    failed, written = [], 0
    for form in (form for form in forms if form != TABLE):
        for job in jobs:
            try:
                written += _saved(job, form, classes, overwrite)
            except (InputError, ScanError) as error:
                failed.append(f"  {form} of {job.name}: {error}")
    if TABLE in forms and jobs:
        # of labels that are there, so never out of date
        pairs = [(job.label, job.images[0] if len(job.images) == 1 else None) for job in jobs]
        write_table(jobs[0].label.parent / TABLE / TABLE_FILE, pairs, classes)
        written += 1
    if failed:
        raise InputError(f"{plural(len(failed), 'file')} could not be written (all others are):\n" + "\n".join(failed))
    return written


def _saved(job: Job, form: str, classes: Sequence[ClassInfo], overwrite: bool) -> int:
    """1 where the file was written, 0 where it is right."""
    folder = job.label.parent
    target = folder / form / f"{stem(job.label)}{FORMS[form].ending}"
    record = job.record.with_name(f"{job.record.stem}.forms.json")
    known, name = Forms.load(record) if record.exists() else Forms(), f"{form}/{target.name}"
    label = fresh_digest_of(job.label)
    if target.exists() and not overwrite:
        made = known.files.get(name)
        if made is None or made[0] != fresh_digest_of(target):
            raise InputError(
                f"{target} is left alone: this program did not make it as it is; use --overwrite to replace it"
            )
        if made[1] == label:
            return 0
    write_form(form, target, job.label, classes, _series(job) if FORMS[form].on_series else None)
    files = {**known.files, name: (fresh_digest_of(target), label)}
    Forms(files=files).save(record)
    return 1


def _series(job: Job) -> Path:
    """The DICOM series that was labeled. Raises InputError where the scan is none."""
    known = registry.find(job.images[0])
    if known is None or known.name != "DICOM":
        raise InputError(f"it refers to DICOM slices, and {job.images[0].name} has none; leave it out for this scan")
    return job.images[0]
