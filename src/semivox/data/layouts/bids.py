"""BIDS: ``sub-01/[ses-1/]anat/sub-01_T1w.nii.gz``, labels under ``derivatives/``; bids-specification.readthedocs.io.

Images of one subject, session and run are channels, named by their suffixes. A label is a file ``_dseg``, ``_mask``
(also ``_label-NAME_mask``), ``_seg`` or ``_lesion`` with the same subject, session and run. All cases of a subject are
one patient.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import distinct
from semivox.data.layouts.tags import composed, require_text
from semivox.data.remarks import Remark

SUBJECT = re.compile(r"^sub-[A-Za-z0-9]+$")
ENTITY = re.compile(r"^(?P<key>[a-z]+)-(?P<value>[A-Za-z0-9]+)$")
CASE_KEYS = ("sub", "ses", "acq", "run")
"""Entities that name a case; acquisition and run where they tell several images of one suffix apart."""
LABELS = ("dseg", "seg", "mask", "lesion", "roi", "label")
"""Suffixes of labels, the first that is found being taken."""
PLACES = ("anat", "ct", "pet", "")
"""Folders of images that hold one volume; others hold time series."""
NATIVE = ("orig", "native", "individual", "T1w", "T2w", "CT", "scanner")
"""Values of ``space`` by which a label lies on its image."""


@dataclass(frozen=True)
class _File:
    path: Path
    entities: dict[str, str]
    suffix: str


def matches(root: Path) -> bool:
    """Whether there are folders ``sub-...`` with images named as BIDS does."""
    return root.is_dir() and any(True for _ in _files(root))


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError where the images of no two cases are alike."""
    images, remarks = list(_files(root)), list[Remark]()
    keys = _keys(images)
    cases: dict[str, dict[str, _File]] = defaultdict(dict)
    for file in images:
        cases[_name(file, keys)].setdefault(file.suffix, file)
    channels = _channels(cases)
    if other := sorted({file.suffix for file in images} - set(channels)):
        text = f"images {', '.join(other)} are not used: not every case has them; the channels are "
        fix = "Which images are used can be said in a CSV table."
        remarks.append(Remark("extra_files", text + ", ".join(channels), fix))
    labels = [file for folder in _derivatives(root) for file in _files(folder, LABELS)]
    labels += list(_files(root, LABELS))
    entries = []
    for name, files in cases.items():
        chosen = [files[channel] for channel in channels if channel in files]
        label, more = _label(name, chosen[0] if chosen else next(iter(files.values())), labels)
        remarks += more
        entries.append(CaseFiles(name, tuple(file.path for file in chosen), label, "training", _patient(files)))
    described = layout_description.describe(root, layout_description.load(root))
    return Dataset(
        root,
        "BIDS",
        distinct(entries),
        described.channels or channels,
        described.classes,
        described.ignore,
        (),
        tuple(remarks),
    )


def _files(root: Path, suffixes: Sequence[str] | None = None) -> Iterator[_File]:
    """Scans in the folders of subjects: those with one of the suffixes; None: images, which have none of a label's."""
    for subject in sorted(path for path in root.glob("sub-*") if path.is_dir() and SUBJECT.match(path.name)):
        for session in [subject, *sorted(path for path in subject.glob("ses-*") if path.is_dir())]:
            for place in PLACES:
                for path in sorted((session / place).glob("sub-*")):
                    file = _parsed(path)
                    if file is not None and (
                        file.suffix not in LABELS if suffixes is None else file.suffix in suffixes
                    ):
                        require_text(path)
                        yield file


def _parsed(path: Path) -> _File | None:
    """The entities and suffix of a file name; None for what is no scan."""
    if not suffix_of(path) or path.is_dir():
        return None
    *pairs, suffix = composed(stem(path)).split("_")
    entities = [ENTITY.match(text) for text in pairs]
    if not pairs or not all(entities) or ENTITY.match(suffix):
        return None
    return _File(path, {match["key"]: match["value"] for match in entities if match}, suffix)


def _derivatives(root: Path) -> list[Path]:
    """Folders below ``derivatives`` with subjects: of each program, or of all."""
    top = root / "derivatives"
    if not top.is_dir():
        return []
    below = [path for path in sorted(top.iterdir()) if path.is_dir() and not path.name.startswith("sub-")]
    return [top, *below, *(inner for path in below for inner in sorted(path.iterdir()) if inner.is_dir())]


def _keys(images: Sequence[_File]) -> tuple[str, ...]:
    """Subject and session, and acquisition or run where one case would have two images of one suffix without them."""
    keys = ["sub", "ses"]
    for key in CASE_KEYS[2:]:
        counts = Counter((_name(file, tuple(keys)), file.suffix) for file in images)
        if counts and max(counts.values()) > 1:
            keys.append(key)
    return tuple(keys)


def _name(file: _File, keys: Sequence[str]) -> str:
    return "_".join(f"{key}-{file.entities[key]}" for key in keys if key in file.entities)


def _patient(files: dict[str, _File]) -> str:
    return f"sub-{next(iter(files.values())).entities['sub']}"


def _channels(cases: dict[str, dict[str, _File]]) -> tuple[str, ...]:
    """The suffixes that every case has, else those that most cases have."""
    common = set.intersection(*(set(files) for files in cases.values()))
    if not common:
        counts = Counter(suffix for files in cases.values() for suffix in files)
        usual, count = counts.most_common(1)[0]
        if count < 2:
            raise InputError("no two subjects have images of one suffix; list the files in a CSV table")
        common = {usual}
    return tuple(sorted(common))


def _label(name: str, image: _File, labels: Sequence[_File]) -> tuple[Path | None, list[Remark]]:
    """The one label of a case; several of one kind are an error."""
    found = [
        file
        for file in labels
        if all(file.entities.get(key) == image.entities.get(key) for key in ("sub", "ses"))
        and all(file.entities.get(key) in (None, image.entities.get(key)) for key in ("acq", "run"))
        and file.entities.get("space", NATIVE[0]) in NATIVE
    ]
    for suffix in LABELS:
        alike = [file.path for file in found if file.suffix == suffix]
        if len(alike) == 1:
            return alike[0], []
        if alike:
            text = f"{name} has {len(alike)} labels ({some(path.name for path in alike)})"
            fix = "Keep one below derivatives/, or list the files in a CSV table."
            return None, [Remark("two_labels", text, fix, "error")]
    return None, []
