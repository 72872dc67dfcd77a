"""A label lies on its scan in nibabel's, SimpleITK's and our own reading, whatever the scan's header says."""

from __future__ import annotations

import gzip
import itertools
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.formats import volume

SHAPE = (4, 5, 6)
UNITS = {"mm": 1.0, "micron": 1000.0, "meter": 0.001, "unknown": 1.0}
"""Unit -> how many of it are a mm."""
FIELDS = (
    *("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z", "xyzt_units"),
)
ANGLE = 0.3
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])


def affine_of(axes: np.ndarray, origin=(12.5, -40.25, 7.125)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes, origin
    return affine


SHAPES_OF_SPACE = {
    "straight": affine_of(np.diag([0.75, 1.25, 3.0])),
    "oblique": affine_of(TURN @ np.diag([0.75, 1.25, 3.0])),
    "left-handed": affine_of(TURN @ np.diag([-0.75, 1.25, 3.0])),
    "turned": affine_of(TURN @ np.diag([0.75, -1.25, 3.0])[:, [2, 0, 1]]),
}


def scan(path: Path, qform: np.ndarray, sform: np.ndarray, codes, unit: str = "mm", kind=nib.Nifti1Image) -> Path:
    image = kind(np.arange(120, dtype=np.int16).reshape(SHAPE), None)
    scale = np.diag([UNITS[unit]] * 3 + [1])
    image.header.set_xyzt_units(unit)
    image.header.set_qform(scale @ qform, codes[0])
    image.header.set_sform(scale @ sform, codes[1])
    nib.save(image, path)
    return path


def labeled(path: Path) -> tuple[volume.Volume, Path, Path]:
    """The scan as read, and a label and a map written for it."""
    read = volume.read([path])
    label, heat = path.with_name(f"label_{path.name}"), path.with_name(f"map_{path.name}")
    volume.write_label(label, np.ones(SHAPE, np.uint8), read.source)
    volume.write_map(heat, np.ones((*SHAPE, 2)), read.source)
    return read, label, heat


def in_itk(path: Path) -> tuple[np.ndarray, ...] | str:
    """Where ITK puts the voxels in space; its refusal where it refuses."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return "refused"
    axes = reader.GetDimension()
    direction = np.reshape(reader.GetDirection(), (axes, axes))[:3, :3]
    return np.array(reader.GetSpacing()[:3]), np.array(reader.GetOrigin()[:3]), direction


def same_in_itk(first: Path, second: Path) -> bool:
    a, b = in_itk(first), in_itk(second)
    return a == b if isinstance(a, str) or isinstance(b, str) else all(map(np.array_equal, a, b))


@pytest.mark.parametrize("codes", list(itertools.product(range(5), range(5))), ids=str)
def test_label_and_map_lie_on_the_scan_in_both_libraries(tmp_path, codes):
    kinds = SHAPES_OF_SPACE.items()
    for number, ((name, qform), unit) in enumerate(itertools.product(kinds, UNITS)):
        sform = affine_of(1.1 * TURN @ qform[:3, :3], (3, 2, 1)) if number % 2 else qform
        if number % 3 == 2:
            sform = sform + np.pad([[0, 0.2], [0, 0]], (0, 2))  # sheared
        path = scan(tmp_path / f"{name}_{unit}.nii", qform, sform, codes, unit)
        read, label, heat = labeled(path)
        before = nib.load(path)
        for made in map(nib.load, (label, heat)):
            assert all(np.array_equal(before.header[field], made.header[field]) for field in FIELDS)
            assert np.array_equal(before.header["pixdim"][:4], made.header["pixdim"][:4])
            assert np.array_equal(before.affine, made.affine)
        assert same_in_itk(path, label)
        if not isinstance(in_itk(path), str):
            assert same_in_itk(path, heat)
        expected = np.diag([1 / UNITS[unit]] * 3 + [1]) @ before.affine
        if codes == (0, 0):
            expected = np.diag([*np.divide(before.header.get_zooms(), UNITS[unit]), 1])
        assert np.allclose(read.source.affine, expected, rtol=1e-5, atol=1e-4)
        assert read.source.codes == codes


@pytest.mark.parametrize("unit", UNITS)
def test_a_scan_in_another_unit_lies_where_itk_puts_it(tmp_path, unit):
    affine = SHAPES_OF_SPACE["oblique"]
    path = scan(tmp_path / "a.nii.gz", affine, affine, (1, 1), unit)
    sitk.WriteImage(sitk.ReadImage(str(path)), str(tmp_path / "a.nrrd"))
    here, there = volume.read([path]), volume.read([tmp_path / "a.nrrd"])
    assert np.allclose(here.source.affine, there.source.affine, atol=1e-4)
    assert np.allclose(here.source.affine, affine, atol=1e-4)
    remarks = [remark.code for remark in volume.read_header(path).remarks]
    assert remarks == (["units"] if unit in ("micron", "meter") else [])


def test_nifti_2_keeps_its_digits_and_long_axes_are_written(tmp_path):
    affine = affine_of(np.diag([1 / 3, 1 / 3, 1.0]), (1e3 + 1e-9, 0, 0))
    path = scan(tmp_path / "a.nii", affine, affine, (1, 1), kind=nib.Nifti2Image)
    _, label, _ = labeled(path)
    assert np.array_equal(nib.load(label).affine, affine)
    long = Grid((40000, 1, 2), np.diag([0.01, 1, 1, 1]))
    volume.write_label(tmp_path / "b.nii", np.ones(long.shape, np.uint8), long)
    assert nib.load(tmp_path / "b.nii").shape == long.shape


def patched(path: Path, **fields: tuple[int, tuple[float, ...]]) -> Path:
    """A file with numbers put at byte offsets of its header."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    for offset, values in fields.values():
        struct.pack_into(f"<{len(values)}f", content, offset, *values)
    path.write_bytes(gzip.compress(bytes(content)))
    return path


PIXDIM, QUATERNION = 76, 256
ODD = {
    "qfac 0": {"pixdim": (PIXDIM, (0.0,))},
    "qfac 7": {"pixdim": (PIXDIM, (7.0,))},
    "negative edge": {"pixdim": (PIXDIM + 4, (-0.75, 1.25, 3.0))},
    "quaternion too long": {"quaternion": (QUATERNION, (1.0000002, 1e-4, 0.0))},
    "quaternion longer": {"quaternion": (QUATERNION, (1.001, 0.0, 0.0))},
}


@pytest.mark.parametrize("codes", [(0, 1), (1, 0), (1, 1), (2, 4)], ids=str)
@pytest.mark.parametrize("odd", ODD)
def test_odd_headers_are_read_as_the_standard_says(tmp_path, odd, codes):
    affine = affine_of(np.diag([0.75, -1.25, -3.0]))  # half a turn about x: b is 1
    path = patched(scan(tmp_path / "a.nii.gz", affine, affine, codes), **ODD[odd])
    read, label, heat = labeled(path)
    assert np.allclose(read.source.affine, affine, atol=5e-3)
    assert same_in_itk(path, label)
    assert same_in_itk(path, heat)
    counts = codes[1] == 0
    assert ("odd_qform" in [remark.code for remark in volume.read_header(path).remarks]) == (
        counts and odd != "quaternion too long"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"quaternion": (QUATERNION, (1.0, 1.0, 0.0))},
        {"quaternion": (QUATERNION, (np.nan, 0.0, 0.0))},
        {"pixdim": (PIXDIM + 4, (0.0, 1.0, 1.0))},
        {"pixdim": (PIXDIM + 4, (np.nan, 1.0, 1.0))},
    ],
)
def test_an_unusable_qform_is_refused_unless_the_sform_is_there(tmp_path, fields):
    affine = SHAPES_OF_SPACE["oblique"]
    with pytest.raises(InputError, match="geometry is unusable"):
        volume.read_header(patched(scan(tmp_path / "a.nii.gz", affine, affine, (1, 0)), **fields))
    both = patched(scan(tmp_path / "b.nii.gz", affine, affine, (1, 1)), **fields)
    read, label, _ = labeled(both)
    assert np.allclose(read.source.affine, affine, atol=1e-5)
    assert same_in_itk(both, label)


@pytest.mark.parametrize("edge", [1e-8, 1e6])
def test_sizes_that_no_scan_has_are_refused(tmp_path, edge):
    affine = np.diag([edge, 1, 1, 1])
    with pytest.raises(InputError, match=r"a\.nii: the header gives voxels of .* Correct the voxel size"):
        volume.read([scan(tmp_path / "a.nii", affine, affine, (1, 1))])
