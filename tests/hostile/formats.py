"""Files that are damaged, or are no files at all: every format in every role."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813

from tests import corpus
from tests.hostile.kinds import CHECK, Words, hostile

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".seg.nrrd", ".hdr", ".img")
ITK = (".nrrd", ".nhdr", ".mha", ".mhd", ".seg.nrrd")


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../evil.txt", "evil")
    return stream.getvalue()


RANDOM = np.random.default_rng(0).bytes(5000)
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "one byte": lambda content: content[:1],
    "the first half": lambda content: content[: len(content) // 2],
    "the first 100 bytes": lambda content: content[:100],
    "the first 400 bytes": lambda content: content[:400],
    "no last hundred bytes": lambda content: content[:-100],
    "zeros": lambda content: bytes(len(content)),
    "ones": lambda content: b"\xff" * len(content),
    "noise": lambda content: RANDOM,
    "noise after its mark": lambda content: content[:8] + RANDOM,
    "noise before it": lambda content: RANDOM[:512] + content,
    "a web page": lambda content: b"<!DOCTYPE html><html><body>404</body></html>",
    "an archive": lambda content: _zip(),
    "a pickle": lambda content: pickle.dumps({"a": [1, 2, 3]}),
    "text in UTF-16": lambda content: "NRRD0004 ObjectType = Image".encode("utf-16"),
    "gzip of nothing": lambda content: gzip.compress(b""),
    "gzip of noise": lambda content: gzip.compress(RANDOM),
    "gzip of gzip": lambda content: gzip.compress(gzip.compress(content)),
    "half of a gzip": lambda content: gzip.compress(content)[:200],
    "newlines": lambda content: b"\n" * 5000,
    "a line without end": lambda content: b"NRRD0004\nsizes: " + b"9 " * 500_000,
}


def dangling(path: Path) -> None:
    path.symlink_to("gone")


def itself(path: Path) -> None:
    path.symlink_to(path.name)


def zeros_without_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


NO_FILES = {
    "a dangling link": dangling,
    "a link to itself": itself,
    "a link to zeros without end": zeros_without_end,
    "a pipe": os.mkfifo,
    "an empty folder": folder,
}


def whole(folder: Path, suffix: str, label: bool = False) -> Path:
    """A scan (or label) that fits the good data, in a format; the file that is damaged."""
    array = corpus.box() if label else corpus.gray(0)
    path = folder / f"a{suffix}"
    if suffix in (".nii", ".nii.gz"):
        corpus.save(path, array)
    elif suffix in (".hdr", ".img"):
        nib.save(nib.Nifti1Pair(array, corpus.AFFINE), folder / "a.img")
    elif suffix == ".dcm":
        corpus.slices(folder / "a", [1.5 * index for index in range(5)], size=8)
        path = folder / "a" / "1.2.3.4_002.dcm"
    else:
        flipped = corpus.itk_image(array.T.copy())
        flipped.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        name = str(path).replace(".seg.nrrd", ".nrrd")
        sitk.WriteImage(flipped, name, useCompression=suffix == ".mha")
        Path(name).replace(path)
    return path


def in_role(role: str, suffix: str, spoil: Callable[[Path], object], root: Path) -> Words:
    """Put the spoiled file where the role reads it."""
    places = {
        "image": "scans/images",
        "label": "scans/labels",
        "scan to label": "in",
        "reference": "refs",
        "prediction": "labels",
        "label to export": "labels",
    }
    place = root / places[role]
    (place / "a.nii.gz").unlink()
    spoil(whole(place, suffix, role not in ("image", "scan to label")))
    if role in ("image", "label"):
        return CHECK
    if role == "scan to label":
        return ("predict", "job/supervised", "-i", "in", "-o", "out", "--device", "cpu")
    if role == "label to export":
        return ("export", "labels", "-o", "out", "--to", "csv")
    return ("evaluate", "-r", "refs", "-p", "labels")


NEEDS = {
    "image": ("scans",),
    "label": ("scans",),
    "scan to label": ("job", "in"),
    "reference": ("refs", "labels"),
    "prediction": ("refs", "labels"),
    "label to export": ("labels",),
}


def damaged(change: Callable[[bytes], bytes], path: Path) -> None:
    path.write_bytes(change(path.read_bytes()))


def replaced(make: Callable[[Path], object], path: Path) -> None:
    path.unlink()
    make(path)


WHOLE = {(".nhdr", "the first 400 bytes"), (".mhd", "the first 400 bytes")}
_roles = list(NEEDS)
_number = 0
for _suffix in SUFFIXES:
    for _name, _spoil in [
        *((name, partial(damaged, change)) for name, change in DAMAGES.items()),
        *((name, partial(replaced, make)) for name, make in NO_FILES.items()),
    ]:
        _role = _roles[_number % len(_roles)]
        _number += 1
        hostile(
            "files",
            f"{_role} {_suffix}: {_name}",
            partial(in_role, _role, _suffix, _spoil),
            *NEEDS[_role],
            # told to be no scan and passed over; a short header that stays whole
            may_pass=_suffix in (".hdr", ".img") or (_suffix, _name) in WHOLE,
        )


def no_folder(make: Callable[[Path], object], words: tuple[str, ...], root: Path) -> Words:
    """The folder that a command reads is none."""
    shutil.rmtree(root / "scans")
    make(root / "scans")
    return words


for _name, _make in (NO_FILES | {"a text file": lambda path: path.write_text("hello")}).items():
    for _command in ("check", "plan", "predict", "run", "patches", "export"):
        _words = {
            "check": CHECK,
            "plan": ("plan", "scans", "-o", "plan.json", "--workers", "0"),
            "predict": ("predict", "job/supervised", "-i", "scans", "-o", "out"),
            "run": ("run", "scans", "-o", "out"),
            "patches": ("patches", "scans", "-o", "out"),
            "export": ("export", "scans", "-o", "out", "--to", "csv"),
        }[_command]
        hostile("files", f"{_command}: data that is {_name}", partial(no_folder, _make, _words), "scans", "job")
