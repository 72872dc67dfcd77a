"""Labels a whole folder of scans, one file of results after the other; can be stopped and started again.

A scan that cannot be read does not stop the others; all that failed are named at the end. A result is known by what
made it (``data.origins``): what was made from the same scan by the same model in the same way is left alone, what
this program made otherwise is made again, and what it did not make, or made from another scan, is never overwritten
without being asked to.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.core.processes.claims import Claims
from semivox.data.dataset import some
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import read, stem, write_label, write_map
from semivox.data.origins import FOLDER as ORIGINS
from semivox.data.origins import (
    Origin,
    Standing,
    forget,
    made_since,
    origin_of,
    recorder,
    standing,
    time_of,
)
from semivox.inference.confidence_table import expected_by_class
from semivox.inference.jobs import Job, find_jobs, safe_name
from semivox.inference.predictor import Prediction, ScanPredictor

CLAIMS = ".claims"
"""Where processes that share the work say which scan each is at."""
TAKEN = (Standing.OTHER, Standing.CHANGED, Standing.FOREIGN)
"""What is not overwritten without being asked to: it may be somebody's only copy."""
FAILURES = (InputError, OSError, MemoryError, torch.OutOfMemoryError)
"""What is wrong with one scan; anything else is a fault of the program and stops it."""


@dataclass
class FolderOutcome:
    """What came of labeling a folder."""

    labels: list[Path] = field(default_factory=list)
    """Of all scans whose results are there now."""
    jobs: list[Job] = field(default_factory=list)
    """All scans that were found, labeled or not."""
    kept: int = 0
    """How many of them were there before, made from the same."""
    again: list[str] = field(default_factory=list)
    """Cases that were labeled again, since the scan, the model or the options are others than before."""
    skipped: list[str] = field(default_factory=list)
    """What lies among the scans and is none in a format that can be read, each with the reason."""

    def sentences(self) -> Iterator[str]:
        """What a user should know of it."""
        if self.kept:
            yield f"{self.kept} of {len(self.labels)} were done before, from the same scan with the same model."
        if self.skipped:
            yield f"Not used: {some(self.skipped, 4)}."
        if self.again:
            yield f"Labeled again, because the scan, the model or the options have changed: {some(self.again)}."


def predict_folder(
    inputs: Path,
    out: Path,
    predictor: ScanPredictor,
    channels: int,
    maps: Collection[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> FolderOutcome:
    """Label every scan of a folder, a single file, or a folder of DICOM slices.

    Results: ``<case>.nii.gz`` (``.nrrd``, ``.mha`` for such scans), ``<case>_entropy...``, ``<case>_disagreement...``
    and ``<case>_probability_<class>...``, and ``origins/<case>.json``. ``overwrite``: also what was made from other
    scans, or not by this program. ``progress(done, total, name)`` is called after each scan. Several processes that are
    given the same folders share the work. Raises InputError before any work if there is nothing to do or ``out`` is the
    input folder, and after all work naming each scan that failed or whose place is taken, and why.
    """
    _require_apart(inputs, out)
    outcome, failed, done = FolderOutcome(), dict[str, str](), itertools.count(1)
    jobs = outcome.jobs = find_jobs(inputs, out, channels, outcome.skipped)
    with Claims(out / ORIGINS / CLAIMS) as claims:
        begun = time_of(out / ORIGINS)
        waiting = jobs
        for wait in (False, True):  # what another process is at comes last, and is there by then
            left = []
            for job in waiting:
                with claims.claim(job.name, wait) as ours:
                    if not ours:
                        left.append(job)
                        continue
                    try:
                        if made_since(job.record, job.label, begun, predictor.model, predictor.options()):
                            outcome.labels.append(job.label)  # by another process, just now
                        else:
                            _job(job, predictor, channels, maps, overwrite, outcome)
                    except FAILURES as error:
                        failed[job.name] = str(error) or type(error).__name__
                if progress is not None:
                    progress(next(done), len(jobs), job.name)
            waiting = left
    if failed:
        reasons = "\n".join(f"  {name}: {why}" for name, why in failed.items())
        raise InputError(f"{len(failed)} of {len(jobs)} scans could not be labeled (the others are done):\n{reasons}")
    outcome.labels.sort()
    return outcome


def _job(
    job: Job, predictor: ScanPredictor, channels: int, maps: Collection[str], overwrite: bool, outcome: FolderOutcome
) -> None:
    """Label one scan, or leave its results alone. Raises InputError where its place is taken."""
    wanted = origin_of(job.name, job.images, predictor.model, predictor.options())
    there = standing(wanted, job.record, job.label, [job.map(ending) for ending in _endings(predictor, maps)])
    if there in TAKEN and not overwrite:
        raise InputError(f"{job.label} is kept: it was {there.value}. Give another --out, or --overwrite to replace it")
    if there is Standing.SAME and not overwrite:
        outcome.kept += 1
    else:
        if there is Standing.OUTDATED:
            outcome.again.append(job.name)
        _label(job, predictor, channels, maps, wanted)
    outcome.labels.append(job.label)


def _label(job: Job, predictor: ScanPredictor, channels: int, maps: Collection[str], wanted: Origin) -> None:
    """Read, predict and write one scan. Raises InputError, OSError or a kind of memory error."""
    if len(job.images) not in (1, channels):
        given = ", ".join(path.name for path in job.images)
        raise InputError(f"the model needs {channels} channels, found {len(job.images)}: {given}")
    for number, image in enumerate(job.images if channels > 1 and len(job.images) > 1 else ()):
        if not stem(image).endswith(f"_{number:04d}"):
            raise InputError(f"channel {number} is missing: expected {job.name}_{number:04d}, found {image.name}")
    volume = read(job.images)
    if len(volume.array) != channels:
        raise InputError(f"{job.images[0]} holds {plural(len(volume.array), 'channel')}, the model needs {channels}")
    prediction = predictor(volume, maps)
    arrays = _arrays(prediction, predictor)
    forget(job.record)
    for ending, array in arrays.items():
        write_map(job.map(ending), array, volume.source)
    expected, written = expected_by_class(prediction, predictor.plan), [job.map(ending) for ending in arrays]
    ready = recorder(wanted, job.record, job.label, written, expected, prediction.unlike)
    write_label(job.label, prediction.label, volume.source, ready)


def _arrays(prediction: Prediction, predictor: ScanPredictor) -> dict[str, np.ndarray]:
    """Ending of the file -> map, (X, Y, Z) float32."""
    named = {"entropy": prediction.entropy, "disagreement": prediction.disagreement}
    found = {ending: array for ending, array in named.items() if array is not None}
    if prediction.probabilities is not None:
        found |= dict(zip(_probability_endings(predictor), prediction.probabilities, strict=True))
    return found


def _probability_endings(predictor: ScanPredictor) -> list[str]:
    """``probability_<class>`` for every class; with its label value where two class names would look the same."""
    names = [safe_name(info.name).replace(" ", "_") for info in predictor.plan.classes]
    twice = len({name.casefold() for name in names}) < len(names)
    return [
        f"probability_{name}_{info.value}" if twice else f"probability_{name}"
        for name, info in zip(names, predictor.plan.classes, strict=True)
    ]


def _endings(predictor: ScanPredictor, maps: Collection[str]) -> list[str]:
    """Endings of the files of every map that is asked for."""
    endings = [name for name in maps if name != "probabilities"]
    return endings + (_probability_endings(predictor) if "probabilities" in maps else [])


def _require_apart(inputs: Path, out: Path) -> None:
    """Refuse to write where the scans are, where results could replace scans or be taken for some."""
    if suffix_of(out) or out.is_file():
        raise InputError(f"the output {out} must be a folder; results are named after their scans")
    source = os.path.realpath(inputs.parent if inputs.is_file() else inputs)
    if os.path.realpath(out) == source:
        raise InputError(f"the output folder {out} is the folder of the scans; give another one")
