"""Labels a whole folder of scans, one file of results after the other; can be stopped and started again.

A scan that cannot be read does not stop the others; all that failed are named at the end. A result is known by what
made it (``inference.origin``): what was made from the same scan by the same model in the same way is left alone, what
this program made otherwise is made again, and what it did not make, or made from another scan, is never overwritten
without being asked to.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from semivox.core.errors import InputError
from semivox.core.processes.claims import Claims
from semivox.data.formats import registry
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import read, stem, write_label, write_map
from semivox.data.layouts.names import CHANNEL, by_channel, clash, scans, untagged
from semivox.inference.origin import FOLDER as ORIGINS
from semivox.inference.origin import (
    Origin,
    Standing,
    forget,
    made_since,
    origin_of,
    path_of,
    remember,
    standing,
    time_of,
)
from semivox.inference.predictor import Prediction, ScanPredictor

UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
"""What some file system forbids in a name, or takes for a path."""
LONGEST = 120
"""Bytes of a name, so that ``_probability_<class>.nii.gz`` still fits into the 255 that file systems allow."""
CLAIMS = ".claims"
"""Where processes that share the work say which scan each is at."""
TAKEN = (Standing.OTHER, Standing.CHANGED, Standing.FOREIGN)
"""What is not overwritten without being asked to: it may be somebody's only copy."""
FAILURES = (InputError, OSError, MemoryError, torch.OutOfMemoryError)
"""What is wrong with one scan; anything else is a fault of the program and stops it."""


@dataclass(frozen=True)
class Job:
    """One scan to label: its files, and where its results go."""

    name: str
    images: tuple[Path, ...]
    label: Path

    def map(self, ending: str) -> Path:
        """The file of a map."""
        suffix = suffix_of(self.label)
        return self.label.with_name(f"{self.label.name.removesuffix(suffix)}_{ending}{suffix}")

    @property
    def record(self) -> Path:
        """What says what the results were made from."""
        return path_of(self.label, safe_name(self.name))


@dataclass
class Outcome:
    """What came of labeling a folder."""

    labels: list[Path] = field(default_factory=list)
    """Of all scans whose results are there now."""
    kept: int = 0
    """How many of them were there before, made from the same."""
    again: list[str] = field(default_factory=list)
    """Cases that were labeled again, since the scan, the model or the options are others than before."""


def predict_folder(
    inputs: Path,
    out: Path,
    predictor: ScanPredictor,
    channels: int,
    maps: Collection[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> Outcome:
    """Label every scan of a folder, a single file, or a folder of DICOM slices.

    Results: ``<case>.nii.gz`` (``.nrrd``, ``.mha`` for such scans), ``<case>_entropy...``, ``<case>_disagreement...``
    and ``<case>_probability_<class>...``, and ``origins/<case>.json``. ``overwrite``: also what was made from other
    scans, or not by this program. ``progress(done, total, name)`` is called after each scan. Several processes that are
    given the same folders share the work. Raises InputError before any work if there is nothing to do or ``out`` is the
    input folder, and after all work naming each scan that failed or whose place is taken, and why.
    """
    _require_apart(inputs, out)
    jobs = find_jobs(inputs, out, channels)
    outcome, failed, done = Outcome(), dict[str, str](), itertools.count(1)
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
                        if made_since(job.record, begun, predictor.model, predictor.options()):
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
    job: Job, predictor: ScanPredictor, channels: int, maps: Collection[str], overwrite: bool, outcome: Outcome
) -> None:
    """Label one scan, or leave its results alone. Raises InputError where its place is taken."""
    wanted = origin_of(job.name, job.images, predictor.model, predictor.options())
    there = standing(wanted, job.record, job.label, [job.map(ending) for ending in _endings(predictor, maps)])
    if there in TAKEN and not overwrite:
        raise InputError(
            f"{job.label} is left alone: it was {there.value}. Give another --out, or --overwrite to replace it"
        )
    if there is Standing.SAME and not overwrite:
        outcome.kept += 1
    else:
        if there is Standing.OUTDATED:
            outcome.again.append(job.name)
        _label(job, predictor, channels, maps, wanted)
    outcome.labels.append(job.label)


def find_jobs(inputs: Path, out: Path, channels: int) -> list[Job]:
    """The scans under ``inputs``, sorted by name. Raises InputError if there are none or two claim one result."""
    jobs: dict[str, Job] = {}
    for name, images in sorted(_cases(inputs, channels).items()):
        safe = safe_name(name)
        job = Job(name, images, out / (safe + registry.results_ending(images[0])))
        first = jobs.setdefault(safe.casefold(), job)  # some file systems take a and A for the same
        if first is not job:
            raise InputError(
                f"the results of {first.images[0]} and {images[0]} would have the same name {safe!r}; "
                "rename one of the two scans"
            )
    if not jobs:
        raise InputError(f"{inputs} holds no scan; readable are {registry.readable()}")
    return list(jobs.values())


def safe_name(name: str) -> str:
    """A name that is valid on every file system and cannot lead out of a folder; most names stay as they are.

    One-to-one: a name that had to be changed ends in a digest of what it was, so that ``p 12:30`` and ``p 12_30``
    share no file.
    """
    safe = UNSAFE.sub("_", name).strip(". ") or "scan"
    if safe == name and len(safe.encode()) <= LONGEST:
        return safe
    head = safe.encode()[: LONGEST - 13].decode(errors="ignore")
    return f"{head}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _cases(inputs: Path, channels: int) -> dict[str, tuple[Path, ...]]:
    """Case name -> files of its channels in order."""
    if not inputs.exists() and registry.find(inputs) is None:
        raise InputError(f"{inputs} does not exist; give a scan, a folder of scans, or a folder of DICOM slices")
    if inputs.is_file():
        return _group(_with_channels(inputs, channels), channels)
    found = [path for path in scans(inputs, skipped=[]) if not _is_label(path)]
    if found:
        return _group(found, channels)
    return {inputs.resolve().name: (inputs,)} if registry.find(inputs) is not None else {}


def _is_label(path: Path) -> bool:
    """Whether a file's format says that it is a label: a structure set beside the slices of its scan."""
    known = registry.find(path)
    return known is not None and known.is_label(path)


def _with_channels(file: Path, channels: int) -> list[Path]:
    """A file, and the files beside it that hold its other channels; of a one-channel model, its namesakes too."""
    match = CHANNEL.match(stem(file))
    if channels == 1 or match is None:
        return [file]
    beside = ((path, CHANNEL.match(stem(path))) for path in scans(file.parent, skipped=[]))
    return [path for path, other in beside if other is not None and other["case"] == match["case"]]


def _group(paths: list[Path], channels: int) -> dict[str, tuple[Path, ...]]:
    """Files by case: nnU-Net's four-digit endings are channels where the model has that many.

    A model of one channel has channel 0000 alone: ``hip_0000`` is the case ``hip``, unless ``hip_0001`` stands beside
    it, and ``hip_0001`` is a case of its own.
    """
    if channels > 1:
        return by_channel(paths)
    numbers = {parent: _numbers(parent) for parent in {path.parent for path in paths}}
    found: dict[str, tuple[Path, ...]] = {}
    for path in paths:
        match = CHANNEL.match(stem(path))
        alone = match is not None and numbers[path.parent][match["case"]] == {"0000"}
        name = match["case"] if match is not None and alone else untagged(path)
        if name in found:
            raise clash(name, found[name][0], path)
        found[name] = (path,)
    return found


def _numbers(folder: Path) -> dict[str, set[str]]:
    """Case -> the four-digit endings that it has in a folder."""
    found: dict[str, set[str]] = {}
    for path in scans(folder, skipped=[]):
        if (match := CHANNEL.match(stem(path))) is not None:
            found.setdefault(match["case"], set()).add(match["channel"])
    return found


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
        raise InputError(f"{job.images[0]} holds {len(volume.array)} channel(s), the model needs {channels}")
    prediction = predictor(volume, maps)
    arrays = _arrays(prediction, predictor)
    forget(job.record)
    for ending, array in arrays.items():
        write_map(job.map(ending), array, volume.source)
    write_label(job.label, prediction.label, volume.source)
    remember(wanted, job.record, [job.label, *(job.map(ending) for ending in arrays)])


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
    source = (inputs.parent if inputs.is_file() else inputs).resolve()
    if out.resolve() == source:
        raise InputError(f"the output folder {out} is the folder of the scans; give another one")
