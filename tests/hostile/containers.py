"""What a file is packed in: other archives, gzip with odd parts, sizes that lie, terabytes of nothing, and HDF5."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from tests import corpus
from tests.hostile.formats import whole
from tests.hostile.kinds import CHECK, Words, hostile

TERABYTE = 1 << 40


def _tar(content: bytes, mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        info = tarfile.TarInfo("a.nii")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _zip(content: bytes, form: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", form) as archive, archive.open("a.nii", "w", force_zip64=True) as file:
        file.write(content)
    return stream.getvalue()


def member(content: bytes, flags: int = 0, extra: bytes = b"", size: int | None = None, check: int = 0) -> bytes:
    """One member of a gzip file, written by hand."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    tail = struct.pack("<II", zlib.crc32(content) ^ check, len(content) if size is None else size)
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + extra + body + tail


def _halves(content: bytes) -> bytes:
    return gzip.compress(content[: len(content) // 2]) + gzip.compress(content[len(content) // 2 :])


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "a zip of it": _zip,
    "a zip that packs nothing": partial(_zip, form=zipfile.ZIP_STORED),
    "a tar of it": partial(_tar, mode="w:"),
    "a tar in gzip": partial(_tar, mode="w:gz"),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma of old": partial(lzma.compress, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "deflate alone": lambda content: zlib.compress(content)[2:-4],
    "the mark of zstd": lambda content: b"\x28\xb5\x2f\xfd" + content,
    "the mark of 7z": lambda content: b"7z\xbc\xaf\x27\x1c\x00\x04" + content,
    "a checksum that is wrong": partial(member, check=1),
    "a size that is wrong": partial(member, size=7),
    "a size of 4 GB": partial(member, size=2**32 - 1),
    "an extra field that is longer than the file": partial(member, flags=4, extra=b"\xff\xff"),
    "a name without end": partial(member, flags=8, extra=b"a" * 300_000),
    "a method of no name": lambda content: b"\x1f\x8b\x07" + member(content)[3:],
    "half a second member": lambda content: _halves(content)[:-40],
    "a second member of another scan": lambda content: gzip.compress(content[:-2]) + gzip.compress(b""),
    "one voxel too few in two members": lambda content: _halves(content[:-2]),
    "no end mark of its last block": lambda content: gzip.compress(content)[:-12],
}
"""What cannot be read as a scan named .nii.gz."""
STILL_READ: dict[str, Callable[[bytes], bytes]] = {
    "two members": _halves,
    "a thousand members": lambda content: (
        b"".join(gzip.compress(content[at : at + 30]) for at in range(0, 30_000, 30)) + gzip.compress(content[30_000:])
    ),
    "an empty member at its end": lambda content: gzip.compress(content) + gzip.compress(b""),
    "an empty member first": lambda content: gzip.compress(b"") + gzip.compress(content),
    "zeros behind it": lambda content: gzip.compress(content) + bytes(512),
    "noise behind it": lambda content: gzip.compress(content) + b"garbage behind the end",
    "a second scan behind it": lambda content: gzip.compress(content) * 2,
    "more voxels than its header says": lambda content: gzip.compress(content + bytes(1000)),
    "a name with markup and a newline": partial(member, flags=8, extra=b"<b>\n=1+1\x1b[2J\0"),
    "a reserved flag": partial(member, flags=0xC0),
    "an extra field": partial(member, flags=4, extra=b"\x04\x00abcd"),
    "a checksum of its header": partial(member, flags=2, extra=b"\0\0"),
}
"""What programs make, or pass over: it may be read."""


def packed(change: Callable[[bytes], bytes], part: str, root: Path) -> Words:
    path = root / "scans" / part / "a.nii.gz"
    path.write_bytes(change(gzip.decompress(path.read_bytes())))
    return CHECK


for _table, _may in ((PACKED, False), (STILL_READ, True)):
    for _number, (_name, _change) in enumerate(_table.items()):
        _part = "labels" if _number % 3 == 2 else "images"
        hostile("containers", f"{_part} .nii.gz: {_name}", partial(packed, _change, _part), may_pass=_may)


def sparse(suffix: str, header: bool, root: Path) -> Words:
    """A file of a terabyte that takes no room on the disk; ``header``: behind a whole scan."""
    (root / "scans" / "images" / "a.nii.gz").unlink()
    path = whole(root / "scans" / "images", suffix)
    if not header:
        path.write_bytes(b"")
    os.truncate(path, TERABYTE)
    return CHECK


for _suffix in (".nii", ".nii.gz", ".nrrd", ".mha", ".nhdr", ".mhd", ".dcm"):
    for _header in (True, False):
        hostile("containers", f"a terabyte {'behind' if _header else 'of zeros named'} {_suffix}",
                partial(sparse, _suffix, _header), may_pass=_header and _suffix == ".dcm")  # fmt: skip


def sparse_table(name: str, root: Path) -> Words:
    """A small text file that is a terabyte long."""
    with (root / "scans" / name).open("ab") as file:
        file.truncate(TERABYTE)
    return CHECK


for _name in ("cases.csv", "dataset.json", "label_origins.json", "labels/names.txt"):
    hostile("containers", f"a terabyte of {_name}", partial(sparse_table, _name), may_pass=_name != "dataset.json")


def _plain(file: h5py.File, seed: int) -> None:
    file["image"] = np.random.default_rng(seed).normal(size=(40, 40, 40)).astype("f4")


def _label() -> np.ndarray:
    label = np.zeros((40, 40, 40), np.uint8)
    label[4:22, 4:22, 4:22] = 1
    return label


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((40, 40, 40), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "image", (40, 40, 40), "f4")
    file.create_virtual_dataset("image", layout)


def _loop(file: h5py.File) -> None:
    file["image"] = h5py.SoftLink("/other")
    file["other"] = h5py.SoftLink("/image")


def _array(array: np.ndarray) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__("image", array)


def _made(shape: tuple[int, ...], **more: object) -> Callable[[h5py.File], None]:
    return lambda file: file.create_dataset("image", shape, dtype="f4", **more) and None


HDF5: dict[str, Callable[[h5py.File], None]] = {
    "no image": lambda file: None,
    "an image in another file": lambda file: file.__setitem__("image", h5py.ExternalLink("/etc/passwd", "/image")),
    "an image in raw bytes elsewhere": _made((8, 8, 2), external=[("/etc/passwd", 0, 512)]),
    "an image of other files": _virtual,
    "links in a circle": _loop,
    "a link to nothing": lambda file: file.__setitem__("image", h5py.SoftLink("/gone")),
    "a group for an image": lambda file: file.create_group("image") and None,
    "an image of words": lambda file: file.create_dataset("image", data=["a", "b"], dtype=h5py.string_dtype()) and None,
    "an image of records": _array(np.zeros((40, 40, 40), [("a", "f4"), ("b", "i2")])),
    "an image of complex numbers": _array(np.zeros((40, 40, 40), "c8")),
    "an image of truths": _array(np.zeros((40, 40, 40), bool)),
    "an image of references": lambda file: file.create_dataset("image", (40, 40, 40), dtype=h5py.ref_dtype) and None,
    "an image without axes": _array(np.float32(1)),
    "an image of no space": lambda file: file.__setitem__("image", h5py.Empty("f4")),
    "an image of two axes": _array(np.zeros((16, 16), "f4")),
    "an image of five axes": _array(np.zeros((4,) * 5, "f4")),
    "an image of no voxel": _made((0, 40, 40)),
    "an image of 1e18 voxels": _made((10**6,) * 3, chunks=(64, 64, 64)),
    "an image of 8 TB": _made((12_800,) * 3, chunks=(64, 64, 64), compression="gzip"),
    "an image of NaN": _array(np.full((40, 40, 40), np.nan, "f4")),
    "an image of 1e300": _array(np.full((40, 40, 40), 1e300)),
    "a filter of no name": lambda file: _unknown_filter(file),
}


def _unknown_filter(file: h5py.File) -> None:
    kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kind.set_chunk((40, 40, 40))
    kind.set_filter(305, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    space = h5py.h5s.create_simple((40, 40, 40))
    h5py.h5d.create(file.id, b"image", h5py.h5t.NATIVE_FLOAT, space, kind)


def benchmark(make: Callable[[h5py.File], None], root: Path) -> Words:
    """One of three scans in the left-atrium benchmark's layout."""
    for seed, case in enumerate(("one", "two", "three")):
        (root / "la" / case).mkdir(parents=True)
        with h5py.File(root / "la" / case / "mri_norm2.h5", "w") as file:
            if case == "two":
                make(file)
            else:
                _plain(file, seed)
            file["label"] = _label()
    (root / "la" / "train.list").write_text("one\ntwo\n")
    (root / "la" / "test.list").write_text("three\n")
    return ("check", "la", "--workers", "0")


for _name, _build in HDF5.items():
    hostile("containers", f"HDF5: {_name}", partial(benchmark, _build), may_pass=_name == "a filter of no name")
hostile("unbroken", "check of HDF5", partial(benchmark, _array(corpus.gray(3, (40, 40, 40)))), may_pass=True)
