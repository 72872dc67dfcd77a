"""Labels beside their images: one folder a patient, or ``x.nii.gz`` and ``x_seg.nii.gz`` in one folder.

A file is a label if its name says so (``seg``, ``label``, ``mask``, ...); all others are images, several are channels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import by_case, distinct, pair, scans
from semivox.data.layouts.roles import PARTS
from semivox.data.layouts.tags import BEGINNING, IMAGE_WORDS, composed, is_label
from semivox.data.remarks import Remark


@dataclass(frozen=True)
class PatientFolder:
    """The files of one case, in a folder of its own."""

    name: str
    part: str
    group: str | None
    images: tuple[Path, ...]
    labels: tuple[Path, ...]

    def channels(self) -> tuple[str, ...]:
        """What tells its images apart: ``p1_t1.nii.gz`` in the folder ``p1`` -> t1."""
        return tuple(_channel(path, self.images, self.name) for path in self.images)


def matches(root: Path) -> bool:
    """Whether some label, by its name, lies beside an image: in the folder itself or in one a patient."""
    if not root.is_dir():
        return False
    here = _plain(root)
    return _beside(here) or any(folder.labels and folder.images for folder in _folders(root, []))


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a name that two files claim."""
    skipped: list[str] = []
    described = layout_description.describe(root, layout_description.load(root))
    if _beside(_plain(root)):
        files = scans(root, skipped)
        labels = by_case(path for path in files if is_label(path))
        images = by_case(path for path in files if not is_label(path))
        entries = pair({name: (path,) for name, path in images.items()}, labels, "training")
        channels, remarks = described.channels, list[Remark]()
    else:
        entries, found, remarks = entries_of(list(_folders(root, skipped)))
        channels = described.channels or found
    return Dataset(
        root,
        "labels beside images",
        distinct(entries),
        channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        tuple(remarks),
    )


def entries_of(
    folders: Sequence[PatientFolder],
) -> tuple[list[CaseFiles], tuple[str, ...] | None, list[Remark]]:
    """The cases of folders, the names of the channels that most have, and what was odd."""
    names = _usual_channels(folders)
    entries = [_entry(folder, names) for folder in folders]
    return entries, names if len(names) > 1 or names[0] else None, _remarks(folders, names)


def _plain(folder: Path) -> list[Path]:
    """The scan files of a folder, not its subfolders."""
    return [path for path in scans(folder, []) if path.is_file()]


def _beside(files: Iterable[Path]) -> bool:
    """Whether some image and a label of the same name are among the files."""
    files = list(files)
    labels = by_case(path for path in files if is_label(path)) if any(map(is_label, files)) else {}
    return any(not is_label(path) and composed(stem(path)) in labels for path in files)


def _folders(root: Path, skipped: list[str]) -> Iterator[PatientFolder]:
    """The folder of each case: of a patient, of a visit of a patient, below ``train``, ``val`` and ``test`` too."""
    for folder in _subfolders(root):
        part = PARTS.get(folder.name.lower())
        patients = _subfolders(folder) if part else [folder]
        for patient in patients:
            name = composed(patient.name)
            if _plain(patient):
                yield _folder(name, part or "training", None, scans(patient, skipped))
                continue
            for visit in _subfolders(patient):
                if _plain(visit):
                    yield _folder(f"{name}_{composed(visit.name)}", part or "training", name, scans(visit, skipped))


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def _folder(name: str, part: str, group: str | None, files: Sequence[Path]) -> PatientFolder:
    labels = tuple(path for path in files if is_label(path))
    return PatientFolder(name, part, group, tuple(path for path in files if path not in labels), labels)


def _channel(path: Path, images: Sequence[Path], patient: str) -> str:
    """The part of a file name that is not the patient's."""
    name, own = composed(stem(path)).lower(), patient.lower()
    name = name.removeprefix(own) if name.startswith(own) else name
    shared = [composed(stem(image)).lower() for image in images]
    if len(shared) > 1:
        first, last = min(shared), max(shared)
        length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        cut = re.split(r"[._-]", composed(stem(path)).lower()[:length])
        name = composed(stem(path)).lower()[sum(map(len, cut[:-1])) + len(cut[:-1]) :]
    name = name.strip("._- ")
    return "" if name in IMAGE_WORDS or name.isdigit() else BEGINNING.sub("", name)


def _usual_channels(folders: Sequence[PatientFolder]) -> tuple[str, ...]:
    """The channels that most cases have."""
    counts = Counter(folder.channels() for folder in folders if folder.images)
    single = [channels for channels in counts if len(channels) == 1]
    if len(single) == len(counts) > 1:  # one image each, named freely: one channel without a name
        return ("",)
    return max(counts, key=lambda channels: (counts[channels], len(channels))) if counts else ("",)


def _entry(folder: PatientFolder, channels: Sequence[str]) -> CaseFiles:
    """The case of a folder, its images in the order of the channels; the check tells of those that lack some."""
    found = dict(zip(folder.channels(), folder.images, strict=True))
    images = tuple(found[name] for name in channels if name in found) if len(channels) > 1 else folder.images
    label = folder.labels[0] if len(folder.labels) == 1 else None
    return CaseFiles(folder.name, images or folder.images, label, folder.part, folder.group)


def _remarks(folders: Sequence[PatientFolder], channels: Sequence[str]) -> list[Remark]:
    """Cases with several labels; files that are no channel of most cases."""
    found = []
    if several := [folder for folder in folders if len(folder.labels) > 1]:
        first = several[0]
        text = f"{plural(len(several), 'case has', 'cases have')} several labels, such as {first.name}: "
        text += some(path.name for path in first.labels)
        fix = "Keep one label in each folder, or list the files in a CSV table."
        found.append(Remark("two_labels", text, fix, "error"))
    if len(channels) > 1:
        extra = [
            f"{folder.name}/{path.name}"
            for folder in folders
            for name, path in zip(folder.channels(), folder.images, strict=True)
            if name not in channels and set(folder.channels()) & set(channels)
        ]
        if extra:
            text = (
                f"{plural(len(extra), 'file is', 'files are')} no channel of most cases "
                f"({', '.join(channels)}): {some(extra)}"
            )
            fix = "No action, unless they should be used."
            found.append(Remark("extra_files", text, fix))
    return found
