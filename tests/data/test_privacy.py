"""Nothing of a patient reaches an output, and what might tell who one is gets listed, by field name only."""

from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox import api
from semivox.data.checks.privacy import telling
from semivox.data.formats import volume
from semivox.data.layouts.recognize import find
from tests import corpus

SECRET = "Mustermann^Erika"


@pytest.fixture
def root(tmp_path):
    corpus.good(tmp_path)
    return tmp_path


def fields(root, name: str) -> str:
    return " ".join(finding.message for finding in telling(find(root).entry(name)))


def told(path, **texts: str) -> None:
    image = nib.load(path)
    for field, text in texts.items():
        image.header[field] = text.encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", SECRET.encode()))
    nib.save(image, path)


def test_clean_scans_are_not_suspected(root):
    assert all(not telling(entry) for entry in find(root).entries)
    assert api.check(root, workers=0, phi=True).findings == ()


def test_texts_and_extensions_of_nifti_are_listed_without_their_content(root):
    told(root / "images" / "a.nii.gz", descrip=SECRET, aux_file="19810203", db_name="ward 7")
    (root / "images" / "a.json").write_text("{}")
    said = fields(root, "a")
    for field in ("descrip", "aux_file", "db_name", "extension (comment)", "JSON file beside it"):
        assert field in said
    report = api.check(root, workers=0, phi=True)
    assert report.ok
    assert next(case for case in report.cases if case.case == "a").verdict == "warning"
    assert SECRET not in report.text() + report.model_dump_json()
    assert not any("phi" in finding.code for case in api.check(root, workers=0).cases for finding in case.findings)


@pytest.mark.parametrize("told", [b"\1\0\0\0", bytes(4)], ids=["told", "not told"])
@pytest.mark.parametrize("size", [0, 7, 24, -1, 2**31 - 1, -(2**31)])
def test_bytes_between_header_and_voxels_are_listed_however_they_are_damaged(root, size, told):
    path = root / "images" / "a.nii.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[348:352] = told
    struct.pack_into("<f", data, 108, 352 + 32)
    between = struct.pack("<ii", size, 6) + SECRET.encode().ljust(24, b"\0")
    path.write_bytes(gzip.compress(bytes(data[:352]) + between + bytes(data[352:])))
    assert "bytes between header and voxels" in fields(root, "a")
    assert api.check(root, workers=0, phi=True).ok


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_keys_of_text_headers_are_listed(root, suffix):
    path = corpus.replace_image(root, suffix)
    image = sitk.ReadImage(str(path))
    image.SetMetaData("PatientName", SECRET)
    sitk.WriteImage(image, str(path))
    assert "PatientName" in fields(root, "a")


def test_attributes_of_dicom_are_listed(root):
    corpus.slices(root / "images" / "d", [1.5 * index for index in range(3)])
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    path = next((root / "images" / "d").glob("*_000.dcm"))
    image = sitk.ReadImage(str(path))
    for key in image.GetMetaDataKeys():
        image.SetMetaData(key, image.GetMetaData(key))
    image.SetMetaData("0010|0010", SECRET)
    image.SetMetaData("0008|0080", "St. Elsewhere")
    writer.SetFileName(str(path))
    writer.Execute(image)
    said = fields(root, "d")
    assert "PatientName" in said
    assert "InstitutionName" in said
    assert SECRET not in said


SUSPECTED = {
    "scan_20190403": True,
    "2019-04-03_ct": True,
    "Erika_Muster": True,
    "hip_0001": False,
    "LA_12345678": False,
}


@pytest.mark.parametrize(("name", "suspected"), SUSPECTED.items())
def test_names_that_look_like_days_or_people_are_listed(root, name, suspected):
    corpus.save(root / "images" / f"{name}.nii.gz", corpus.gray(40))
    assert bool(telling(find(root).entry(name))) == suspected


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_no_text_of_the_input_stands_in_an_output(root, tmp_path, suffix):
    path = root / "images" / "a.nii.gz"
    told(path, descrip=SECRET, aux_file=SECRET[:20], intent_name=SECRET[:12])
    source = volume.read([path]).source
    out = tmp_path / f"label{suffix}"
    volume.write_label(out, np.zeros(source.shape, np.uint8), source)
    content = nib.load(out).to_bytes() if suffix.startswith(".nii") else out.read_bytes()
    assert SECRET[:10].encode() not in content
    if suffix == ".nii.gz":
        assert len(nib.load(out).header.extensions) == 0
