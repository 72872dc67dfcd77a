"""Prepared cases on disk: memory-mapped arrays of which only the voxels that are asked for are read.

Folder: ``plan.json``, ``cases/<name>/{image.npy, label.npy, foreground.npy, case.json}``. A case without a label has
no label.npy, so a hidden label cannot be read from here by mistake.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import numpy as np

from semivox.core.case import Case
from semivox.core.errors import InputError, SemivoxError
from semivox.core.exhaustion import exhausted
from semivox.core.files import make_folder
from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing
from semivox.core.plan import Plan
from semivox.core.reading import NOT_A_FILE
from semivox.data.prepared.labels import rest_of

LAYOUT = 2
"""Raised when the content of a prepared case changes for the same plan, so that old ones are made again."""
CLAIMS = ".claims"
"""Where processes that share the folder say which case each prepares."""
OWN = ("plan.json", "cases")
"""What stands in a folder of prepared scans, beside hidden files."""


class SourceFile(Frozen):
    """A scan (a file, or several of one) that a case was made from, and enough to notice that it has changed."""

    path: str
    """Where it was; a scan of the same bytes elsewhere is the same one."""
    size: int
    """Bytes."""
    modified_ns: int
    """Of the file that was changed last."""
    state: str = ""
    """Hash of the names, sizes, inodes and times of all its files; while it is the same, none is read again."""
    sha256: str = ""
    """Of all bytes of all its files; empty in records of early versions, whose cases are made again."""


class CaseRecord(Frozen):
    """What is known of a prepared case without opening its voxels (case.json)."""

    called = "record of a prepared scan"
    layout: int = LAYOUT
    name: str
    plan: str
    """Digest of the plan the case was prepared by."""
    sources: tuple[SourceFile, ...]
    source_shape: Shape
    """Voxels of the file, in the file's own orientation."""
    source_affine: tuple[tuple[float, float, float, float], ...]
    """Rows of the file's (4, 4) matrix, voxel -> RAS+ mm."""
    channels: int
    shape: Shape
    """Voxels of the prepared arrays, in RAS+ orientation."""
    spacing: Spacing
    """mm per voxel of the prepared arrays; the plan's, up to the rounding of the shape."""
    labeled: bool
    annotated: tuple[str, ...] | None = None
    """Classes that were looked for in its label; None: all."""
    content: str
    """Hash of the prepared voxels (image, then label), and of what was looked for where that is not all."""
    reading: int = 1
    """How the files were read (``formats.scan.READING``)."""


def make_place(out: Path) -> None:
    """Make the folder of prepared scans. Raises InputError where it cannot be, or holds something else.

    A job or a run has a plan.json too, which would be lost.
    """
    make_folder(out)
    if other := next((path.name for path in sorted(out.glob("*")) if path.name not in OWN and path.name[0] != "."), ""):
        raise InputError(f"{out} holds something else ({other}); give another folder for prepared scans")


class Store:
    """The prepared cases of a data set. Cheap to open and to send to another process."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._open: dict[tuple[str, bool], Case] = {}

    def __getstate__(self) -> dict[str, object]:
        """Memory maps stay behind: the other process opens its own."""
        return {"folder": self.folder, "_open": {}}

    @cached_property
    def plan(self) -> Plan:
        """The plan by which the cases were prepared."""
        return Plan.load(self.folder / "plan.json")

    @cached_property
    def records(self) -> dict[str, CaseRecord]:
        """Name -> record of every case prepared by this store's plan, sorted by name."""
        digest = self.plan.digest()
        found = (CaseRecord.load(path) for path in sorted(self.folder.glob("cases/*/case.json")))
        return {record.name: record for record in sorted(found, key=lambda r: r.name) if record.plan == digest}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the prepared cases."""
        return tuple(self.records)

    def shape(self, name: str) -> Shape:
        """Voxels of a prepared case, without opening its arrays."""
        return self._record(name).shape

    def content(self, name: str) -> str:
        """Hash of a prepared case's voxels. Raises InputError if there is none."""
        return self._record(name).content

    def case(self, name: str, label: bool) -> Case:
        """A prepared case; its label is opened only if asked for. Raises InputError if there is none."""
        key = (name, label)
        if key not in self._open:
            self._open[key] = self._load(name, label)
        return self._open[key]

    def _load(self, name: str, label: bool) -> Case:
        record, folder = self._record(name), case_folder(self.folder, name)
        image = open_array(folder / "image.npy")
        if not label:
            return Case(name, image, None, record.spacing)
        if not record.labeled:
            raise InputError(f"case {name!r} was prepared without a label ({folder}); it can be used as unlabeled only")
        foreground = np.array(open_array(folder / "foreground.npy"))
        rest = rest_of(self.plan, record.annotated)
        return Case(name, image, open_array(folder / "label.npy"), record.spacing, foreground, rest)

    def _record(self, name: str) -> CaseRecord:
        if name not in self.records:
            raise InputError(f"case {name!r} is not prepared in {self.folder}; run prepare with a split that holds it")
        return self.records[name]


def case_folder(store: Path, name: str) -> Path:
    """Where a case is kept: under its own name, escaped where file systems would object or leave the folder."""
    safe = quote(name, safe=" ()+,=@[]")
    if safe.startswith(".") or len(safe) > 120 or safe != safe.strip():
        safe = quote(safe.strip(" .")[:100], safe="%") + "~" + hashlib.sha256(name.encode()).hexdigest()[:12]
    return Path(store) / "cases" / safe


def open_array(path: Path) -> np.ndarray:
    """A read-only view of an array on disk. Raises InputError if the file is missing or damaged, SemivoxError where the
    system has no more room for open files or memory."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(NOT_A_FILE)
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if words := exhausted(error):
            raise SemivoxError(f"cannot open {path}: {words}") from error
        raise InputError(f"cannot open {path} ({error}); delete its folder and run prepare again") from error
