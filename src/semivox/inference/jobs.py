"""Which scans there are to label, and the names of their results: one-to-one, and valid on every file system."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.spelling import not_there
from semivox.data.formats import registry
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import stem
from semivox.data.layouts import benchmark
from semivox.data.layouts.names import ANY, CHANNEL, by_channel, clash, scans
from semivox.data.layouts.tags import untagged
from semivox.data.origins import path_of

UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
"""What some file system forbids in a name, or takes for a path."""
LIKELY = ("imagesTs", "test_images", "images", "imagesTr")
"""Folders of a data set that hold scans, not labels: named first."""
LONGEST = 120
"""Bytes of a name, so that ``_probability_<class>.nii.gz`` still fits into the 255 that file systems allow."""


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


def find_jobs(inputs: Path, out: Path, channels: int, skipped: list[str] | None = None) -> list[Job]:
    """The scans under ``inputs``, sorted by name. Raises InputError if there are none or two claim one result.

    ``skipped``: gets what is no scan in a format that can be read, with the reason.
    """
    jobs: dict[str, Job] = {}
    for name, images in sorted(_cases(inputs, channels, [] if skipped is None else skipped).items()):
        safe = safe_name(name)
        job = Job(name, images, out / (safe + registry.results_ending(images[0])))
        first = jobs.setdefault(safe.casefold(), job)  # some file systems take a and A for the same
        if first is not job:
            raise InputError(
                f"the results of {first.images[0]} and {images[0]} would have the same name {safe!r}; "
                "rename one of the two scans"
            )
    if not jobs:
        raise InputError(_without_scan(inputs))
    return list(jobs.values())


def _without_scan(folder: Path) -> str:
    """That a folder holds no scan, and which folders inside do, as in a whole data set: nobody should have to look."""
    inner = [child for child in sorted(folder.iterdir()) if scans(child, skipped=[])] if folder.is_dir() else []
    images = [child for child in inner if "label" not in child.name.lower()]
    if not images:
        return f"{folder} holds no scan; readable are {registry.readable()}"
    images.sort(key=lambda child: LIKELY.index(child.name) if child.name in LIKELY else len(LIKELY))
    return f"{folder} holds no scan itself; give the folder of its scans: {' or '.join(map(str, images[:3]))}"


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


def _cases(inputs: Path, channels: int, skipped: list[str]) -> dict[str, tuple[Path, ...]]:
    """Case name -> files of its channels in order."""
    if not inputs.exists() and registry.find(inputs) is None:
        raise InputError(f"{not_there(inputs)}; give a scan, a folder of scans, or a folder of DICOM slices")
    if benchmark.matches(inputs):
        return {entry.name: entry.images for entry in benchmark.find(inputs).entries}
    if inputs.is_file():
        return _group(_with_channels(inputs, channels), channels)
    passed_over: list[str] = []  # of a folder of slices, which is one scan, nothing is passed over here
    found = [path for path in scans(inputs, passed_over) if not _is_label(path)]
    if found:
        skipped += passed_over
        return _group(found, channels)
    return {inputs.absolute().name: (inputs,)} if registry.find(inputs) is not None else {}


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
        return by_channel(paths, ANY)  # a wrong number is an error that names the missing channel
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
