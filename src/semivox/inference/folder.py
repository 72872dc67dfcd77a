"""Labels a whole folder of scans, one file of results after the other; can be stopped and started again.

A scan that cannot be read does not stop the others; all that failed are named at the end. Results appear complete or
not at all, and the label comes last, so a scan with a label and its maps is done.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from semivox.core.errors import InputError
from semivox.data.formats import registry
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import read, stem, write_label, write_map
from semivox.data.layouts.names import CHANNEL, by_channel, scans, untagged
from semivox.inference.predictor import Prediction, ScanPredictor

UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
"""What some file system forbids in a name, or takes for a path."""
LONGEST = 120
"""Bytes of a name, so that ``_probability_<class>.nii.gz`` still fits into the 255 that file systems allow."""
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


def predict_folder(
    inputs: Path,
    out: Path,
    predictor: ScanPredictor,
    channels: int,
    maps: Collection[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Label every scan of a folder, a single file, or a folder of DICOM slices; the paths of all labels.

    Results: ``<case>.nii.gz`` (``.nrrd``, ``.mha`` for such scans), ``<case>_entropy...``, ``<case>_disagreement...``
    and ``<case>_probability_<class>...``. Scans whose results are all there are left alone unless ``overwrite``.
    ``progress(done, total, name)`` is called after each scan. Raises InputError before any work if there is nothing to
    do or ``out`` is the input folder, and after all work if scans failed, naming each and why.
    """
    _require_apart(inputs, out)
    jobs = find_jobs(inputs, out, channels)
    failed: list[str] = []
    for done, job in enumerate(jobs, start=1):
        try:
            if overwrite or not _finished(job, predictor, maps):
                _label(job, predictor, channels, maps)
        except FAILURES as error:
            failed.append(f"  {job.name}: {error or type(error).__name__}")
        if progress is not None:
            progress(done, len(jobs), job.name)
    if failed:
        reasons = "\n".join(failed)
        raise InputError(f"{len(failed)} of {len(jobs)} scans could not be labeled (the others are done):\n{reasons}")
    return [job.label for job in jobs]


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
    """A name that is valid on every file system and cannot lead out of a folder; most names stay as they are."""
    safe = UNSAFE.sub("_", name).strip(". ") or "scan"
    if len(safe.encode()) <= LONGEST:
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
    """A file, and the files beside it that hold its other channels."""
    match = CHANNEL.match(stem(file))
    if channels == 1 or match is None:
        return [file]
    beside = ((path, CHANNEL.match(stem(path))) for path in scans(file.parent, skipped=[]))
    return [path for path, other in beside if other is not None and other["case"] == match["case"]]


def _group(paths: list[Path], channels: int) -> dict[str, tuple[Path, ...]]:
    """Files by case: nnU-Net's four-digit endings are channels, unless the model has one and they must be scans."""
    cases = by_channel(paths)
    if channels > 1 or all(len(files) == 1 for files in cases.values()):
        return cases
    return {name: files for key, files in cases.items() for name, files in _apart(key, files)}


def _apart(case: str, files: tuple[Path, ...]) -> list[tuple[str, tuple[Path, ...]]]:
    """Several files ``case_0000``, ``case_0001`` of a one-channel model: a scan each."""
    if len(files) == 1:
        return [(case, files)]
    return [(untagged(file), (file,)) for file in files]


def _label(job: Job, predictor: ScanPredictor, channels: int, maps: Collection[str]) -> None:
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
    for ending, array in _arrays(prediction, predictor).items():
        write_map(job.map(ending), array, volume.source)
    write_label(job.label, prediction.label, volume.source)


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


def _finished(job: Job, predictor: ScanPredictor, maps: Collection[str]) -> bool:
    """Whether the label and every map asked for are there."""
    endings = [name for name in maps if name != "probabilities"]
    if "probabilities" in maps:
        endings += _probability_endings(predictor)
    return job.label.is_file() and all(job.map(ending).is_file() for ending in endings)


def _require_apart(inputs: Path, out: Path) -> None:
    """Refuse to write where the scans are, where results could replace scans or be taken for some."""
    if suffix_of(out) or out.is_file():
        raise InputError(f"the output {out} must be a folder; results are named after their scans")
    source = (inputs.parent if inputs.is_file() else inputs).resolve()
    if out.resolve() == source:
        raise InputError(f"the output folder {out} is the folder of the scans; give another one")
