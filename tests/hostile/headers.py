"""Headers in which one number, word or tag is another than it can be."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pydicom

from tests import corpus
from tests.data.formats.dicom import made_up
from tests.data.formats.text_files import metaimage, nrrd
from tests.hostile.kinds import CHECK, Words, hostile

NAN, INF = math.nan, math.inf
NIFTI: dict[str, tuple[int, str, tuple[object, ...]]] = {
    "dim of axes": (40, "<h", (-1, 0, 1, 2, 8, 9, 32767, -32768)),
    "dim of x": (42, "<h", (-1, 0, 1, 25, 32767, -32768)),
    "dim of y": (44, "<h", (-24, 0, 23, 32767)),
    "dim of z": (46, "<h", (-24, 0, 48, 32767)),
    "datatype": (70, "<h", (0, 1, 3, -1, 32, 128, 1792, 2304, 9999)),
    "vox_offset": (108, "<f", (-1.0, 1e9, 1e38, NAN, INF, 3e5)),
    "scl_slope": (112, "<f", (INF, 1e38)),
    "scl_inter": (116, "<f", (INF, 3e38)),
    "magic": (344, "4s", (b"ni1\0", b"\0\0\0\0", b"abcd")),
}
HARMLESS_NIFTI: dict[str, tuple[int, str, tuple[object, ...]]] = {
    "sizeof_hdr": (0, "<i", (0, -1, 349, 540, 2**31 - 1)),
    "bitpix": (72, "<h", (0, -1, 7, 64)),
    "pixdim x beside a good s-form": (80, "<f", (0.0, NAN, INF, -INF, 1e30, 1e-30)),
    "pixdim y beside a good s-form": (84, "<f", (NAN, INF, 1e38)),
    "srow of x beside a good q-form": (280, "<f", (NAN, INF, 0.0, 1e30, -1e-30)),
    "srow of the origin beside a good q-form": (292, "<f", (NAN, INF, 1e38)),
    "magic": (344, "4s", (b"n+2\0",)),
    "qfac": (76, "<f", (0.0, NAN, 7.0, INF)),
    "no scaling": (112, "<f", (0.0, NAN)),
    "units": (123, "B", (0, 1, 255)),
    "qform_code": (252, "<h", (-1, 9, 32767)),
    "sform_code": (254, "<h", (-1, 9, 32767)),
    "quaternion": (256, "<f", (NAN, INF, 2.0, 1e30)),
    "intent_code": (68, "<h", (-1, 1001, 9999)),
    "extension": (348, "4s", (b"\1\0\0\0", b"\xff\xff\xff\xff")),
    "cal_max": (124, "<f", (NAN, INF)),
}


def nifti(role: str, place: int, form: str, value: object, root: Path) -> Words:
    path = root / "scans" / role / "a.nii.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(form, data, place, value)
    path.write_bytes(gzip.compress(bytes(data), 1))
    return CHECK


for _table, _pass in ((NIFTI, False), (HARMLESS_NIFTI, True)):
    for _field, (_place, _form, _values) in _table.items():
        for _index, _value in enumerate(_values):
            _role = "labels" if _index % 3 == 2 else "images"
            hostile(
                "headers",
                f"nifti {_role}: {_field} is {_value!r}",
                partial(nifti, _role, _place, _form, _value),
                may_pass=_pass,
            )

NRRD_FIELDS = {
    "dimension": ("0", "-3", "17", "1e308", "three", ""),
    "sizes": ("0 24 24", "24 24", "24 24 24 24", "-1 -1 -1", "99999999999 1 1", "a b c", "1.5 2 3", "nan nan nan"),
    "type": ("block", "quark", "", "unsigned", "double double"),
    "encoding": ("zip", "", "hex", "ascii", "bzip2", "gzip"),
    "endian": ("middle", ""),
    "space": ("nowhere", ""),
    "space directions": ("(1,0,0) (0,1,0)", "(nan,0,0) (0,1,0) (0,0,1)", "(0,0,0) (0,0,0) (0,0,0)", "none none none",
                         "(1,0,0) (1,0,0) (0,0,1)", "1 2 3", "(((", "(1e400,0,0) (0,1,0) (0,0,1)"),
    "space origin": ("(nan,0,0)", "(1,2)", "1,2,3", "(1e400,0,0)"),
    "byte skip": ("-5", "99999999", "x", "1e9"),
    "line skip": ("-1", "99999999", "x"),
    "kinds": ("domain domain", "vector domain domain"),
}  # fmt: skip
META_FIELDS = {
    "NDims": ("0", "-3", "17", "1e308", "three", ""),
    "DimSize": ("0 5 6", "4 5", "4 5 6 7", "-1 -1 -1", "99999999999 1 1", "a b c", "1.5 2 3", "nan nan nan"),
    "ElementType": ("MET_QUARK", "", "MET_STRING", "MET_SHORT MET_SHORT"),
    "ElementSpacing": ("0 1 1", "nan 1 1", "inf 1 1", "1 1", "a b c", "1e400 1 1"),
    "Offset": ("nan 0 0", "1 2", "a b c", "inf 0 0"),
    "TransformMatrix": ("0 0 0 0 0 0 0 0 0", "1 0 0", "nan 0 0 0 1 0 0 0 1", "1 0 0 1 0 0 0 0 1", "a b c d e f g h i"),
    "HeaderSize": ("-7", "99999999", "x"),
    "CompressedData": ("True",),
    "ElementNumberOfChannels": ("0", "-1", "99999999", "two"),
    "BinaryData": ("False", "maybe"),
}  # fmt: skip


def text(write: Callable[..., Path], name: str, field: str, value: str, root: Path) -> Words:
    """One field of a text header has another value; the scan is an unlabeled case."""
    write(root / "scans" / "images" / name, {field: value})
    return CHECK


for _kind, _write, _fields, _names in (
    ("nrrd", nrrd, NRRD_FIELDS, ("x.nrrd", "x.nhdr")),
    ("metaimage", metaimage, META_FIELDS, ("x.mha", "x.mhd")),
):
    for _field, _texts in _fields.items():
        for _index, _text in enumerate(_texts):
            _name = _names[_index % 2]
            hostile("headers", f"{_kind} {_name}: {_field} is {_text!r}", partial(text, _write, _name, _field, _text))

DICOM = {
    "Rows": (0, 1, 65535),
    "Columns": (0, 65535),
    "BitsAllocated": (0, 1, 7, 64, 65535),
    "BitsStored": (0, 99),
    "HighBit": (99,),
    "PixelRepresentation": (7,),
    "SamplesPerPixel": (0, 3, 999),
    "PhotometricInterpretation": ("PALETTE COLOR", "RGB", "quark"),
    "PixelSpacing": (["nan", "1"], ["0", "1"], ["-1", "1"], ["1"], ["1e30", "1"], None),
    "ImagePositionPatient": (["nan", "0", "0"], ["0", "0"], ["1e30", "0", "0"], None),
    "ImageOrientationPatient": (["0"] * 6, ["nan"] * 6, ["1", "0", "0"], ["1", "0", "0", "1", "0", "0"], None),
    "RescaleSlope": ("nan", "inf", "0", "1e300"),
    "RescaleIntercept": ("nan", "inf", "1e300"),
    "NumberOfFrames": (10**9, -1, 5),
    "SeriesInstanceUID": ("1.2.3.4.5.6",),
    "PixelData": (b"", b"\0" * 7, None),
}


def dicom(tag: str, value: object, root: Path) -> Words:
    """One tag of the middle of three slices of an unlabeled case has another value."""
    made_up.series(root / "scans" / "images" / "x", made_up.noise((3, 8, 8)))
    file = root / "scans" / "images" / "x" / "IM001.dcm"
    data = pydicom.dcmread(file)
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    if value is None:
        delattr(data, tag)
    else:
        setattr(data, tag, value)
    data.save_as(file)
    pydicom.config.settings.writing_validation_mode = pydicom.config.WARN
    pydicom.config.settings.reading_validation_mode = pydicom.config.WARN
    return CHECK


for _tag, _values in DICOM.items():
    for _value in _values:
        hostile("headers", f"dicom: {_tag} is {str(_value)[:40]!r}", partial(dicom, _tag, _value))

DESCRIPTION = {
    "a line of words": b"hello world\n",
    "a number too long": b'99999999 1 1 1 1 1 1 "a"\n',
    "a name without end": b'1 1 1 1 1 1 1 "' + b"a" * 100_000 + b"\n",
    "noise": bytes(range(256)) * 20,
    "half a line": b"1 255 0",
    "one number twice": b'1 1 1 1 1 1 1 "a"\n1 1 1 1 1 1 1 "b"\n',
    "one name twice": b'1 1 1 1 1 1 1 "a"\n2 1 1 1 1 1 1 "a"\n',
    "blanks without end": b" " * 200_000 + b"x\n",
    "quotes without end": b'1 1 1 1 1 1 1 "' * 10_001 + b" x\n",
}


def described(content: bytes, root: Path) -> Words:
    """A description of ITK-SNAP beside the labels."""
    (root / "scans" / "dataset.json").unlink()
    head = b"################################################\n# ITK-SnAP Label Description File\n"
    (root / "scans" / "labels" / "names.txt").write_bytes(head + content)
    return CHECK


for _name, _content in DESCRIPTION.items():
    hostile("headers", f"itksnap: {_name}", partial(described, _content))

SEGMENTS = {
    "LabelValue": ("x", "-1", "1e9", "", "nan"),
    "Layer": ("x", "-1", "99999999"),
}
HARMLESS_SEGMENTS = {
    "Extent": ("x", "0 -1", "9 9 9 9 9 9 9"),
    "Color": ("x", "nan nan nan", "1 2"),
    "Name": ("", "a\tb", "a" * 100_000),
}


def segmented(field: str, value: str, root: Path) -> Words:
    """A segmentation of 3D Slicer as a label."""
    scans = root / "scans"
    (scans / "dataset.json").unlink()
    (scans / "labels" / "a.nii.gz").unlink()
    fields = {"ID": "s", "Name": "one", "LabelValue": "1", "Layer": "0", "Extent": "0 23 0 23 0 23", "Color": "1 0 0"}
    import SimpleITK as sitk  # noqa: N813

    flipped = corpus.itk_image(corpus.box().T.copy())
    flipped.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(flipped, str(scans / "labels" / "a.nrrd"))
    path = scans / "labels" / "a.seg.nrrd"
    (scans / "labels" / "a.nrrd").replace(path)
    content = path.read_bytes()
    lines = [
        f"Segment{number}_{name}:={text}".encode()
        for number in (0, 1)
        for name, text in {**fields, "ID": f"s{number}", "LabelValue": str(number + 1), "Name": f"n{number}",
                           **({field: value} if number == 0 else {})}.items()
    ]  # fmt: skip
    head, _, data = content.partition(b"\n\n")
    path.write_bytes(head + b"\n" + b"\n".join(lines) + b"\n\n" + data)
    return CHECK


for _field, _texts in (SEGMENTS | HARMLESS_SEGMENTS).items():
    for _text in _texts:
        hostile(
            "headers",
            f"seg.nrrd: {_field} is {_text[:30]!r}",
            partial(segmented, _field, _text),
            may_pass=_field in HARMLESS_SEGMENTS,
        )
