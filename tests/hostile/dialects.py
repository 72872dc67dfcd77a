"""Scans in the rarer dialects of their formats, and what these allow a file to claim."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np

from tests import corpus
from tests.data.formats.text_files import VOXELS, metaimage, nrrd
from tests.hostile.kinds import CHECK, Words, hostile

SECOND: dict[str, tuple[int, str, object]] = {
    "dim of axes -1": (16, "q", -1),
    "dim of axes 2**62": (16, "q", 2**62),
    "dim of x -24": (24, "q", -24),
    "dim of x 0": (24, "q", 0),
    "dim of x 2**31": (24, "q", 2**31),
    "dim of x 2**63-1": (24, "q", 2**63 - 1),
    "dim of x such that the product is 0 in 64 bits": (24, "q", 2**61),
    "vox_offset of -1": (168, "q", -1),
    "vox_offset of 2**62": (168, "q", 2**62),
    "a slope of infinity": (176, "d", float("inf")),
    "data type of no kind": (12, "h", 9999),
    "data type of 80-bit floats": (12, "h", 1536),
    "data type of complex numbers": (12, "h", 2048),
}
"""NIfTI-2: byte, form, value."""
SECOND_HARMLESS: dict[str, tuple[int, str, object]] = {
    "magic of a later version": (4, "8s", b"n+3\0\r\n\x1a\n"),
    "magic spoiled by an FTP in text mode": (4, "8s", b"n+2\0\n\x1a\n\0"),
    "a slope of NaN": (176, "d", float("nan")),
    "pixdim of NaN beside a good s-form": (112, "d", float("nan")),
    "slice_end of -1": (232, "q", -1),
    "a name of markup": (240, "80s", b"<script>\x1b[2J"),
    "intent of labels": (504, "i", 1002),
}


def second(place: int, form: str, value: object, order: str, part: str, root: Path) -> Words:
    """A NIfTI-2 file, in little or big endian, with one other number."""
    path = root / "scans" / part / "a.nii.gz"
    array = corpus.gray(0) if part == "images" else corpus.box()
    header = nib.Nifti2Header(endianness=order)
    header.set_data_dtype(array.dtype)
    made = nib.Nifti2Image(array, corpus.AFFINE, header)
    nib.save(made, path)
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(f"{order}{form}", data, place, value)
    path.write_bytes(gzip.compress(bytes(data), 1))
    return CHECK


for _table, _may in ((SECOND, False), (SECOND_HARMLESS, True)):
    for _number, (_name, (_place, _form, _value)) in enumerate(_table.items()):
        _order, _part = "<>"[_number % 2], "labels" if _number % 4 == 3 else "images"
        hostile("dialects", f"NIfTI-2 {_part} ({_order}): {_name}",
                partial(second, _place, _form, _value, _order, _part), may_pass=_may)  # fmt: skip


def typed(dtype: str, fill: Callable[[np.ndarray], np.ndarray], part: str, root: Path) -> Words:
    """Voxels of a type that few programs write."""
    array = fill((corpus.gray(0) if part == "images" else corpus.box()).astype(dtype))
    header = nib.Nifti1Header(endianness="<" if array.dtype.newbyteorder("<") == array.dtype else ">")
    header.set_data_dtype(array.dtype)
    header.set_sform(corpus.AFFINE, 1)
    header.set_data_shape(array.shape)
    header["vox_offset"] = 352
    path = root / "scans" / part / "a.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4) + array.tobytes("F"), 1))
    return CHECK


def _with(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def fill(array: np.ndarray) -> np.ndarray:
        array[0, 0, 0] = value
        return array

    return fill


TYPES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], str, bool]] = {
    "whole numbers of 64 bits, big endian": (">i8", _with(5), "images", True),
    "floats of 64 bits, big endian": (">f8", _with(5), "images", True),
    "an image beyond single precision": ("<f8", _with(1e300), "images", True),
    "an image of 2**62": ("<i8", _with(2**62), "images", True),
    "labels of 64 bits": ("<i8", _with(0), "labels", True),
    "a label of 2**62": ("<i8", _with(2**62), "labels", False),
    "a label of -2**63": ("<i8", _with(-(2.0**63)), "labels", False),
    "a label of 2**64-1": ("<u8", lambda array: np.where(array == 2, np.uint64(2**64 - 1), array), "labels", False),
    "a label that single precision rounds to a class": ("<f8", _with(1 + 1e-9), "labels", True),
    "a label of 1e-300": ("<f8", _with(1e-300), "labels", True),
    "a label of -0.0": ("<f4", lambda array: np.where(array == 0, -0.0, array).astype("<f4"), "labels", True),
    "a label of -1 as 255": ("i1", _with(-1), "labels", False),
    "an image of denormal numbers": ("<f4", lambda array: (array * 1e-42).astype("<f4"), "images", True),
    "an image of one large number": ("<f4", _with(3e38), "images", True),
}
for _name, (_dtype, _fill, _part, _may) in TYPES.items():
    hostile("dialects", f"NIfTI: {_name}", partial(typed, _dtype, _fill, _part), may_pass=_may)


def extended(size: int, code: int, content: bytes, root: Path) -> Words:
    """A header extension whose size is not what follows."""
    path = root / "scans" / "images" / "a.nii.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    extension = struct.pack("<ii", size, code) + content
    extension += bytes(-len(extension) % 16)
    data[348:352] = b"\1\0\0\0"
    struct.pack_into("<f", data, 108, 352 + len(extension))
    path.write_bytes(gzip.compress(bytes(data[:352]) + extension + bytes(data[352:]), 1))
    return ("check", "scans", "--workers", "0", "--phi")


for _size, _code in ((0, 0), (-1, 2), (7, 2), (2**31 - 1, 4), (-(2**31), 6), (16, 2**31 - 1), (1 << 20, 2), (32, 44)):
    hostile("dialects", f"NIfTI: an extension of {_size} bytes and code {_code}",
            partial(extended, _size, _code, b"<b>PatientName</b>\x1b[2J"), may_pass=True)  # fmt: skip
hostile("dialects", "NIfTI: ten thousand extensions",
        partial(extended, 16, 6, struct.pack("<ii8s", 16, 6, b"x") * 10_000), may_pass=True)  # fmt: skip

_packed = zlib.compress(VOXELS.tobytes("F"))
META: dict[str, tuple[dict[str, str | None], bytes | None]] = {
    "a compressed size of 0": ({"CompressedData": "True", "CompressedDataSize": "0"}, _packed),
    "a compressed size of -1": ({"CompressedData": "True", "CompressedDataSize": "-1"}, _packed),
    "a compressed size of 1e18": ({"CompressedData": "True", "CompressedDataSize": "1000000000000000000"}, _packed),
    "a compressed size of words": ({"CompressedData": "True", "CompressedDataSize": "many"}, _packed),
    "a compressed size of 3": ({"CompressedData": "True", "CompressedDataSize": "3"}, _packed),
    "noise for zlib": ({"CompressedData": "True"}, b"\x78\x9c" + bytes(range(256))),
    "half of its zlib": ({"CompressedData": "True"}, _packed[: len(_packed) // 2]),
    "zlib of too little": ({"CompressedData": "True"}, zlib.compress(VOXELS.tobytes("F")[:-2])),
    "a checksum of zlib that is wrong": ({"CompressedData": "True"}, _packed[:-1] + b"\0"),
    "compressed perhaps": ({"CompressedData": "perhaps"}, None),
    "a list of files": ({"ElementDataFile": "LIST"}, None),
    "a pattern of a million files": ({"ElementDataFile": "%07d.raw 1 1000000 1"}, None),
    "a pattern that is none": ({"ElementDataFile": "%s%n%x.raw 1 3 1"}, None),
    "no file": ({"ElementDataFile": ""}, None),
    "itself as its file": ({"ElementDataFile": "x.mhd"}, None),
    "a folder as its file": ({"ElementDataFile": "."}, None),
    "the root as its file": ({"ElementDataFile": "/etc/passwd"}, None),
    "a way out as its file": ({"ElementDataFile": "../../../../../../../../etc/passwd"}, None),
    "two sizes": ({"DimSize": "4 5 6\nDimSize = 6 5 4"}, None),
    "another object": ({"ObjectType": "Mesh"}, None),
    "an origin named twice": ({"Offset": "1 2 3\nPosition = 4 5 6"}, None),
    "voxels of no size": ({"ElementSpacing": "1 1 0"}, None),
    "a row of keys without end": ({"Comment": "\n".join(f"Key{number} = 1" for number in range(200_000))}, None),
}
SPACES = "space directions"
NRRD: dict[str, tuple[dict[str, str | None], bytes | None]] = {
    "encoding of hex that is none": ({"encoding": "hex"}, b"zz zz zz" * 30),
    "encoding of text with words": ({"encoding": "text"}, b"1 2 three " * 40),
    "encoding of text with too little": ({"encoding": "text"}, b"1 2 3"),
    "encoding of text with 1e400": ({"encoding": "text", "type": "double"}, b"1e400 " * 120),
    "bzip2 of noise": ({"encoding": "bzip2"}, b"BZh9" + bytes(range(256))),
    "gzip of too little": ({"encoding": "gzip"}, gzip.compress(VOXELS.tobytes("F")[:-2])),
    "gzip with a wrong checksum": ({"encoding": "gzip"}, gzip.compress(VOXELS.tobytes("F"))[:-5] + b"\0" * 5),
    "a byte skip of -1 with gzip": ({"encoding": "gzip", "byte skip": "-1"}, gzip.compress(VOXELS.tobytes("F"))),
    "a byte skip of -2": ({"byte skip": "-2"}, None),
    "a line skip of a million": ({"line skip": "1000000"}, None),
    "sizes twice": ({"sizes": "4 5 6\nsizes: 6 5 4"}, None),
    "a type twice": ({"type": "short\ntype: float"}, None),
    "directions that are flat": ({SPACES: "(0.75,0,0) (0,1.25,0) (0.75,1.25,0)"}, None),
    "directions of 1e-40": ({SPACES: "(1e-40,0,0) (0,1e-40,0) (0,0,1e-40)"}, None),
    "directions without brackets": ({SPACES: "0.75,0,0 0,1.25,0 0,0,3"}, None),
    "a space of a million axes": ({"space": None, "space dimension": "1000000", "type": "short"}, None),
    "a data file of many": ({"data file": "%07d.raw 1 1000000 1", "encoding": "raw"}, None),
    "a data file of a list": ({"data file": "LIST\nx.raw\ny.raw"}, None),
    "a data file out of the folder": ({"data file": "../../../../../../../etc/passwd"}, None),
    "a data file from the root": ({"data file": "/etc/passwd"}, None),
    "a data file that is itself": ({"data file": "x.nhdr"}, None),
    "a data file on a drive of Windows": ({"data file": "C:\\Windows\\win.ini"}, None),
    "a data file of a share": ({"data file": "\\\\server\\share\\a.raw"}, None),
    "a data file of an address": ({"data file": "http://127.0.0.1:1/a.raw"}, None),
    "block data": ({"type": "block", "block size": "4"}, None),
    "a hundred thousand keys": ({"kinds": "domain domain domain\n" + "\n".join(
        f"k{number}:=v" for number in range(100_000))}, None),
    "a header of comments": ({"kinds": "domain domain domain\n" + "#\n" * 500_000}, None),
    "a value of 20 MB": ({"content": "x" * 20_000_000}, None),
}  # fmt: skip
MAY = {
    "a compressed size of 0", "a compressed size of -1", "a compressed size of 1e18", "a compressed size of words",
    "a compressed size of 3", "an origin named twice", "a row of keys without end", "a hundred thousand keys",
    "a header of comments", "a value of 20 MB", "block data",
}  # fmt: skip


def written(
    write: Callable[..., Path], name: str, fields: dict[str, str | None], data: bytes | None, root: Path
) -> Words:
    """An unlabeled case with these fields and voxels; also a name of the file of its voxels."""
    path = write(root / "scans" / "images" / name, fields, data or VOXELS.tobytes("F"))
    for key, mark in (("data file", ": "), ("ElementDataFile", " = ")):
        if key in fields:
            lines = [f"{key}{mark}{fields[key]}" if line.startswith(key) else line
                     for line in path.read_bytes().decode("latin-1").split("\n")]  # fmt: skip
            path.write_bytes("\n".join(lines).encode("latin-1"))
    return CHECK


for _kind, _write, _cases, _names in (
    ("MetaImage", metaimage, META, ("x.mha", "x.mhd")),
    ("NRRD", nrrd, NRRD, ("x.nrrd", "x.nhdr")),
):
    for _number, (_name, (_fields, _data)) in enumerate(_cases.items()):
        _own = "file" in _name
        _file = _names[1 if _own else 0 if _data or "skip" in _name or "size" in _name else _number % 2]
        hostile("dialects", f"{_kind} {_file}: {_name}",
                partial(written, _write, _file, _fields, _data), may_pass=_name in MAY)  # fmt: skip
