"""Slices, enhanced images and other files of DICOM in which something is broken, or odd."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.data.formats.dicom import made_up
from tests.hostile.kinds import Words, hostile
from tests.hostile.objects import CHECK, SLICES, Change, belonging, study, tags_of, without


def enhanced(change: Change, root: Path) -> Words:
    """An enhanced image in the place of the second person's series."""
    study(root)
    data = made_up.enhanced(made_up.noise((SLICES, 8, 8)))
    data.PatientID, data.StudyInstanceUID = "1", f"{made_up.STUDY}.1"
    change(data)
    for file in (root / "d" / "p1" / "ct").iterdir():
        file.unlink()
    made_up.write(data, root / "d" / "p1" / "ct" / "x.dcm")
    return CHECK


ENHANCED: dict[str, tuple[Change, bool]] = {
    "frames that lie on one another": (
        lambda data: [setattr(frame.PlanePositionSequence[0], "ImagePositionPatient", [0, 0, 0])
                      for frame in data.PerFrameFunctionalGroupsSequence], False),
    "frames without a place": (
        lambda data: [delattr(frame, "PlanePositionSequence") for frame in data.PerFrameFunctionalGroupsSequence],
        False),
    "a frame of empty groups": (
        lambda data: data.PerFrameFunctionalGroupsSequence.__setitem__(2, Dataset()), False),
    "no groups": (without("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"), False),
    "floats for pixels": (
        lambda data: [delattr(data, "PixelData"), setattr(data, "FloatPixelData", b"\0" * SLICES * 64 * 4)], True),
    "two kinds of pixels": (tags_of(FloatPixelData=b"\0" * SLICES * 64 * 4), True),
    "a frame count of words": (lambda data: data.add_new(0x00280008, "LO", "many"), False),
    "colors": (tags_of(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0), False),
    "inverted gray": (tags_of(PhotometricInterpretation="MONOCHROME1"), True),
}  # fmt: skip
for _name, (_change, _may) in ENHANCED.items():
    hostile("objects", f"enhanced: {_name}", partial(enhanced, _change), "plan.json", may_pass=_may)

CLASSES = {
    "a basic text report": "1.2.840.10008.5.1.4.1.1.88.11",
    "an ECG": "1.2.840.10008.5.1.4.1.1.9.1.1",
    "a presentation state": "1.2.840.10008.5.1.4.1.1.11.1",
    "a key object selection": "1.2.840.10008.5.1.4.1.1.88.59",
    "an encapsulated PDF": "1.2.840.10008.5.1.4.1.1.104.1",
    "a dose": "1.2.840.10008.5.1.4.1.1.481.2",
    "a registration": "1.2.840.10008.5.1.4.1.1.66.1",
    "a whole slide": "1.2.840.10008.5.1.4.1.1.77.1.6",
    "a class of nobody": "1.2.3.4.5",
}


def classed(uid: str, root: Path) -> Words:
    """An object of another class among the slices of a series."""
    study(root)
    data = belonging(made_up.new(UID(uid), f"{made_up.STUDY}.99", Modality="OT"), 1)
    made_up.write(data, root / "d" / "p1" / "ct" / "other.dcm")
    return CHECK


for _name, _uid in CLASSES.items():
    hostile("objects", f"among slices: {_name}", partial(classed, _uid), "plan.json", may_pass=True)

Bytes = Callable[[bytes], bytes]


def _before(tag: bytes, more: bytes) -> Bytes:
    """Bytes put before an element."""

    def change(content: bytes) -> bytes:
        place = content.index(tag)
        return content[:place] + more + content[place:]

    return change


SEQUENCE = b"\x08\x00\x40\x11SQ\0\0"
ROWS = b"\x28\x00\x10\x00US"
BYTES: dict[str, tuple[Bytes, bool]] = {
    "a sequence without end": (_before(ROWS, SEQUENCE + b"\xff" * 4), False),
    "an item that is longer than its sequence": (
        _before(ROWS, SEQUENCE + struct.pack("<I", 16) + b"\xfe\xff\x00\xe0\xff\xff\xff\x00" + bytes(8)), False),
    "a private element of 2 GB": (_before(ROWS, b"\x29\x00\x10\x10OB\0\0" + struct.pack("<I", 2**31 - 2)), False),
    "a value of letters for a number": (lambda content: content.replace(ROWS + b"\x02\x00", ROWS + b"\x00\x00"), False),
    "a kind of value of no name": (lambda content: content.replace(ROWS, ROWS[:4] + b"QQ"), False),
    "tags in the wrong order": (_before(b"\x08\x00\x60\x00CS", b"\x28\x00\x30\x00DS\x04\x009\\9 "), False),
    "a syntax of no name": (lambda content: content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0"), False),
    "big endian by its syntax": (
        lambda content: content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"), False),
    "a syntax of JPEG": (
        lambda content: content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.50"), False),
    "no preamble": (lambda content: content[128:], True),
    "a preamble of TIFF": (lambda content: b"II*\0" + content[4:], True),
    "a preamble of a program": (lambda content: b"MZ" + content[2:], True),
    "zeros behind it": (lambda content: content + bytes(4096), True),
    "noise behind it": (lambda content: content + bytes(range(256)) * 4, True),
}  # fmt: skip


def sliced(change: Bytes, root: Path) -> Words:
    """One slice of other bytes."""
    study(root)
    file = root / "d" / "p1" / "ct" / "IM002.dcm"
    file.write_bytes(change(file.read_bytes()))
    return CHECK


for _name, (_alter, _may) in BYTES.items():
    hostile("objects", f"slice: {_name}", partial(sliced, _alter), "plan.json", may_pass=_may)


def texts(tag: str, value: Any, root: Path) -> Words:
    """All slices of one series say something odd."""
    study(root)
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    for file in (root / "d" / "p1" / "ct").iterdir():
        data = pydicom.dcmread(file)
        setattr(data, tag, value)
        data.save_as(file)
    pydicom.config.settings.writing_validation_mode = pydicom.config.WARN
    return CHECK


for _tag, _value in (
    ("PatientID", "../../evil"), ("PatientID", ""), ("PatientID", "a\x1b[2Jb"), ("PatientID", "<b>&amp;"),
    ("PatientID", "x" * 3000), ("SeriesDescription", "=cmd|'/c calc'!A1"), ("StudyInstanceUID", ""),
    ("SeriesInstanceUID", "../x"), ("SpecificCharacterSet", "ISO 9999"),
    ("SpecificCharacterSet", ["", "ISO 2022 IR 87"]),
    ("Modality", ""), ("Modality", "QQ"), ("StudyDate", "99999999"), ("InstanceNumber", "99999999999"),
    ("SliceThickness", "-1"), ("SpacingBetweenSlices", "0"), ("GantryDetectorTilt", "45"),
    ("PatientPosition", "UPSIDE"), ("WindowCenter", ["nan", "1"]), ("ImageType", ["DERIVED", "SECONDARY", "LOCALIZER"]),
):  # fmt: skip
    hostile(
        "objects", f"slices: {_tag} is {str(_value)[:30]!r}", partial(texts, _tag, _value), "plan.json", may_pass=True
    )
