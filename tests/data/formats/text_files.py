"""NRRD and MetaImage files put together line by line, in all the variants of their headers that programs write."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path

import numpy as np

SHAPE = (4, 5, 6)
VOXELS = np.arange(-60, 60, dtype="<i2").reshape(SHAPE, order="F")
PLAIN = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 5 6",
    "space directions": "(0.75,0,0) (0,1.25,0) (0,0,3)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(12.5,-40.25,7.125)",
}
"""The fields of a NRRD header as 3D Slicer writes them; None leaves one out."""
TURNED = "(0.6,0.8,0) (-1.6,1.2,0) (0,0,3)"
NO_SPACE = {"space": None, "space directions": None, "space origin": None}
FOUR = {
    "dimension": "4", "sizes": "2 4 5 6", "kinds": "vector domain domain domain",
    "space directions": "none (0.75,0,0) (0,1.25,0) (0,0,3)",
}  # fmt: skip
LAST = {
    "dimension": "4", "sizes": "4 5 6 2", "kinds": "domain domain domain list",
    "space directions": "(0.75,0,0) (0,1.25,0) (0,0,3) none",
}  # fmt: skip
TWO = np.concatenate([VOXELS.ravel("F"), VOXELS.ravel("F")[::-1]])
NRRD: dict[str, tuple[dict[str, str | None], bytes]] = {
    "plain": ({}, b""),
    "RAS": ({"space": "right-anterior-superior"}, b""),
    "RAS in short": ({"space": "RAS"}, b""),
    "LAS": ({"space": "left-anterior-superior"}, b""),
    "space of no name": ({"space": None, "type": "short\nspace dimension: 3"}, b""),
    "scanner": ({"space": "scanner-xyz"}, b""),
    "oblique": ({"space directions": TURNED}, b""),
    "left-handed": ({"space directions": "(-0.75,0,0) (0,1.25,0) (0,0,3)"}, b""),
    "axes in another order": ({"space directions": "(0,0,0.75) (-1.25,0,0) (0,3,0)"}, b""),
    "spaces in vectors": ({"space directions": "( 0.75 , 0, 0 )  (0,1.25,0) (0,0,3)"}, b""),
    "no origin": ({"space origin": None}, b""),
    "origin without directions": ({"space directions": None}, b""),
    "RAS without directions": ({"space": "RAS", "space directions": None}, b""),
    "LAS without directions": ({"space": "LAS", "space directions": None}, b""),
    "RAS without directions and origin": ({"space": "RAS", "space directions": None, "space origin": None}, b""),
    "spacings only": ({**NO_SPACE, "spacings": "0.75 1.25 3"}, b""),
    "no kinds": ({"kinds": None}, b""),
    "comments and keys": ({"# comment": "data file: /etc/passwd", "measurement frame": "(1,0,0) (0,1,0) (0,0,1)"}, b""),
    "big endian": ({"endian": "big"}, VOXELS.astype(">i2").tobytes("F")),
    "signed char": ({"type": "signed char", "endian": None}, VOXELS.astype("i1").tobytes("F")),
    "float": ({"type": "float"}, VOXELS.astype("<f4").tobytes("F")),
    "double": ({"type": "double"}, VOXELS.astype("<f8").tobytes("F")),
    "unsigned long long": ({"type": "uint64"}, VOXELS.clip(0).astype("<u8").tobytes("F")),
    "gzip": ({"encoding": "gzip"}, gzip.compress(VOXELS.tobytes("F"))),
    "text": ({"encoding": "ascii", "endian": None}, " ".join(map(str, VOXELS.ravel("F"))).encode()),
    "vector first": (FOUR, TWO.reshape(2, -1).T.tobytes()),
    "list last": (LAST, TWO.tobytes()),
    "time without kinds": ({**NO_SPACE, **LAST, "space directions": None, "kinds": None}, TWO.tobytes()),
}  # fmt: skip
"""Name -> fields unlike the plain ones, and the data; read by ITK as well."""
NRRD_MORE: dict[str, tuple[dict[str, str | None], bytes]] = {
    "bzip2": ({"encoding": "bzip2"}, bz2.compress(VOXELS.tobytes("F"))),
    "hex": ({"encoding": "hex"}, VOXELS.tobytes("F").hex().encode()),
    "two gzip streams": (
        {"encoding": "gz"}, gzip.compress(VOXELS.tobytes("F")[:100]) + gzip.compress(VOXELS.tobytes("F")[100:])
    ),
    "bytes skipped": ({"byte skip": "7"}, b"7 bytes" + VOXELS.tobytes("F")),
    "last bytes": ({"byte skip": "-1"}, b"any bytes" + VOXELS.tobytes("F")),
    "lines skipped": ({"line skip": "2"}, b"one\nother\n" + VOXELS.tobytes("F")),
    "skipped when unpacked": ({"encoding": "gzip", "byte skip": "7"}, gzip.compress(b"7 bytes" + VOXELS.tobytes("F"))),
    "list in the middle": (
        {"dimension": "4", "sizes": "4 2 5 6", "kinds": "domain list domain domain",
         "space directions": "(0.75,0,0) none (0,1.25,0) (0,0,3)"},
        np.stack([VOXELS, VOXELS], axis=1).tobytes("F"),
    ),
    "space and time": (
        {**LAST, "space": "left-posterior-superior-time", "kinds": "domain domain domain time",
         "space directions": "(0.75,0,0,0) (0,1.25,0,0) (0,0,3,0) (0,0,0,1)", "space origin": "(12.5,-40.25,7.125,0)"},
        TWO.tobytes(),
    ),
}  # fmt: skip
"""Variants that the format allows and ITK's reader does not know, or reads otherwise than the format says."""


def nrrd(path: Path, fields: dict[str, str | None], data: bytes = b"", end: str = "\n", keys: str = "") -> Path:
    """A NRRD file, or a header with the data beside it where the name says so."""
    told = {key: value for key, value in (PLAIN | fields).items() if value is not None}
    if path.suffix == ".nhdr":
        path.with_suffix(".bin").write_bytes(data or VOXELS.tobytes("F"))
        told["data file"] = path.with_suffix(".bin").name
    lines = ["NRRD0005", "# made by hand", *(f"{key}: {value}" for key, value in told.items())]
    header = end.join([*lines, *keys.split("\n")] if keys else lines) + end * 2
    path.write_bytes(header.encode() + (b"" if path.suffix == ".nhdr" else data or VOXELS.tobytes("F")))
    return path


META_PLAIN = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False", "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "12.5 -40.25 7.125",
    "CenterOfRotation": "0 0 0", "AnatomicalOrientation": "RAI", "ElementSpacing": "0.75 1.25 3", "DimSize": "4 5 6",
    "ElementType": "MET_SHORT",
}  # fmt: skip
META: dict[str, tuple[dict[str, str | None], bytes]] = {
    "plain": ({}, b""),
    "oblique": ({"TransformMatrix": "0.6 0.8 0 -0.8 0.6 0 0 0 1"}, b""),
    "left-handed": ({"TransformMatrix": "-1 0 0 0 1 0 0 0 1"}, b""),
    "axes in another order": ({"TransformMatrix": "0 0 1 -1 0 0 0 1 0"}, b""),
    "other names": (
        {"TransformMatrix": None, "Orientation": "0.6 0.8 0 -0.8 0.6 0 0 0 1", "Offset": None, "Position": "1 2 3"}, b""
    ),
    "element size": ({"ElementSpacing": None, "ElementSize": "0.75 1.25 3"}, b""),
    "both sizes": ({"ElementSize": "9 9 9"}, b""),
    "no spacing": ({"ElementSpacing": None}, b""),
    "no matrix": ({"TransformMatrix": None, "Offset": None, "CenterOfRotation": None}, b""),
    "big endian": ({"BinaryDataByteOrderMSB": "True"}, VOXELS.astype(">i2").tobytes("F")),
    "byte order by its other name": (
        {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "True"}, VOXELS.astype(">i2").tobytes("F")
    ),
    "packed": (
        {"CompressedData": "True", "CompressedDataSize": str(len(zlib.compress(VOXELS.tobytes("F"))))},
        zlib.compress(VOXELS.tobytes("F")),
    ),
    "text": ({"BinaryData": "False"}, " ".join(map(str, VOXELS.ravel("F"))).encode() + b"\n"),
    "float": ({"ElementType": "MET_FLOAT"}, VOXELS.astype("<f4").tobytes("F")),
    "long": ({"ElementType": "MET_LONG"}, VOXELS.astype("<i4").tobytes("F")),
    "channels": ({"ElementNumberOfChannels": "2"}, TWO.reshape(2, -1).T.tobytes()),
    "time": (
        {"NDims": "4", "DimSize": "4 5 6 2", "TransformMatrix": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
         "Offset": "1 2 3 0", "CenterOfRotation": "0 0 0 0", "ElementSpacing": "0.75 1.25 3 1"},
        TWO.tobytes(),
    ),
    "another unit": ({"DistanceUnits": "um"}, b""),
}  # fmt: skip


def metaimage(path: Path, fields: dict[str, str | None], data: bytes = b"", end: str = "\n") -> Path:
    """A MetaImage file, or a header with the data beside it where the name says so."""
    told = {key: value for key, value in (META_PLAIN | fields).items() if value is not None}
    data = data or VOXELS.tobytes("F")
    if path.suffix == ".mhd":
        path.with_suffix(".bin").write_bytes(data)
    told["ElementDataFile"] = path.with_suffix(".bin").name if path.suffix == ".mhd" else "LOCAL"
    header = "".join(f"{key} = {value}{end}" for key, value in told.items()).encode()
    path.write_bytes(header + (b"" if path.suffix == ".mhd" else data))
    return path
