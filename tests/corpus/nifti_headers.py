"""NIfTI headers that are wrong, or cannot be."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813

from tests.corpus.data_set import (
    AFFINE,
    SIZE,
    box,
    gray,
    image,
    label,
    patch_header,
    replace_image,
    save,
)
from tests.corpus.register import add, bad


@bad("bad_header")
def negative_size(root: Path) -> None:
    patch_header(image(root), 42, np.int16(-24).tobytes())


@bad("bad_header")
def zero_size(root: Path) -> None:
    patch_header(image(root), 44, np.int16(0).tobytes())


@bad("bad_header")
def header_bomb(root: Path) -> None:
    patch_header(image(root), 42, np.int16([32000, 32000, 32000]).tobytes())


@bad("bad_header")
def nrrd_header_bomb(root: Path) -> None:
    path = replace_image(root, ".nrrd")
    path.write_bytes(path.read_bytes().replace(b"sizes: 24 24 24", b"sizes: 99999 99999 99999"))


@bad("bad_header")
def unknown_data_type(root: Path) -> None:
    patch_header(image(root), 70, np.int16(7777).tobytes())


@bad("bad_header")
def complex_values(root: Path) -> None:
    save(image(root), gray(0).astype(np.complex64))


@bad("bad_affine")
def affine_of_nan(root: Path) -> None:
    patch_header(image(root), 280, np.full(12, np.nan, np.float32).tobytes())
    patch_header(image(root), 252, np.int16([0, 1]).tobytes())


@bad("bad_affine")
def affine_with_parallel_axes(root: Path) -> None:
    rows = np.float32([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]])
    patch_header(image(root), 280, rows.tobytes())
    patch_header(image(root), 252, np.int16([0, 1]).tobytes())


@bad("no_geometry", "warning")
def no_geometry(root: Path) -> None:
    save(image(root), gray(0), codes=(0, 0))


@bad("forms_disagree", "warning")
def forms_disagree(root: Path) -> None:
    scan = nib.Nifti1Image(gray(0), AFFINE)
    moved = AFFINE.copy()
    moved[0, 3] = 5
    scan.set_qform(moved, 1)
    scan.set_sform(AFFINE, 1)
    nib.save(scan, image(root))


@bad("geometry_mismatch")  # its label says mm
def header_in_meters(root: Path) -> None:
    patch_header(image(root), 123, b"\x01")


@bad("not_3d")
def flat_image(root: Path) -> None:
    save(image(root), gray(0, (SIZE, SIZE)))


@bad("color_image")
def color_nifti(root: Path) -> None:
    save(image(root), np.zeros((SIZE,) * 3, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])))


@bad("color_image")
def color_nrrd(root: Path) -> None:
    image(root).unlink()
    array = np.zeros((SIZE, SIZE, SIZE, 3), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(root / "images" / "a.nrrd"))


@bad("undeclared_channels")
def time_series(root: Path) -> None:
    save(image(root), gray(0, (SIZE, SIZE, SIZE, 5)))


@bad("squeezed", "note")
def fourth_axis_of_one(root: Path) -> None:
    save(image(root), gray(0)[..., None])


def sheared(degrees: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[1, 2] = 1.5 * np.tan(np.radians(degrees))
    return affine


@bad("sheared")
def gantry_tilt(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, sheared(10), codes=(0, 1))


@bad("sheared", "warning")
def slight_shear(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, sheared(0.5), codes=(0, 1))


@bad("spacing", "error")
def voxels_in_meters(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, np.diag([0.0015, 0.0015, 0.0015, 1]))


@bad("field_of_view", "error")
def too_large_for_a_scanner(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, np.diag([150.0, 150, 150, 1]))


@bad("spacing_outlier", "warning")
def voxels_ten_times_as_large(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, np.diag([15.0, 15, 15, 1]))


@bad("unit_spacing", "warning")
def ct_that_lost_its_spacing(root: Path) -> None:
    for path, array in ((image(root), gray(0, (512, 512, 4)) - 1000), (label(root), np.ones((512, 512, 4), np.uint8))):
        save(path, array, np.eye(4))


@bad("mixed_orientation", "note")
def one_scan_stored_lps(root: Path) -> None:
    for path in (image(root), label(root)):
        scan = nib.load(path)
        save(path, np.asarray(scan.dataobj)[::-1, ::-1], scan.affine @ np.diag([-1, -1, 1, 1]))


for name, offset, content, code, level in (
    ("voxels_at_byte_nan", 108, np.float32(np.nan), "bad_header", "error"),
    ("voxels_at_a_negative_byte", 108, np.float32(-352), "bad_header", "error"),
    ("voxels_far_behind_the_end", 108, np.float32(1e9), "truncated", "error"),
    ("voxels_at_byte_infinity", 108, np.float32(np.inf), "bad_header", "error"),
    ("no_axes", 40, np.int16(0), "bad_header", "error"),
    ("nine_axes", 40, np.int16(9), "bad_header", "error"),
    ("negative_number_of_axes", 40, np.int16(-3), "bad_header", "error"),
    ("one_axis", 40, np.int16(1), "not_3d", "error"),
    ("size_of_32767", 42, np.int16(32767), "truncated", "error"),
    ("five_axes", 40, np.int16([5, SIZE, SIZE, 4, 2, 3]), "not_3d", "error"),
    ("wide_type_for_narrow_voxels", 70, np.int16([64, 64]), "truncated", "error"),
    ("data_type_of_no_kind", 70, np.int16(0), "bad_header", "error"),
    ("data_type_of_one_bit", 70, np.int16(1), "bad_header", "error"),
    ("slope_of_infinity", 112, np.float32([np.inf, 0]), "bad_header", "error"),
    ("intercept_of_nan", 112, np.float32([2, np.nan]), "bad_header", "error"),
    ("header_in_micrometers", 123, np.uint8(3), "geometry_mismatch", "error"),
    ("mark_of_a_pair_of_files", 344, np.frombuffer(b"ni1\0", np.uint8), "unreadable", "error"),
):
    add(name, code, level, lambda root, o=offset, c=content: patch_header(image(root), o, np.asarray(c).tobytes()))


@bad("bad_affine")
def affine_of_infinity(root: Path) -> None:
    patch_header(image(root), 280, np.full(12, np.inf, np.float32).tobytes())
    patch_header(image(root), 252, np.int16([0, 1]).tobytes())


@bad("bad_affine")
def affine_of_zeros(root: Path) -> None:
    patch_header(image(root), 280, np.zeros(12, np.float32).tobytes())
    patch_header(image(root), 252, np.int16([0, 1]).tobytes())


@bad("bad_affine")
def no_geometry_and_no_voxel_size(root: Path) -> None:
    save(image(root), gray(0), codes=(0, 0))
    patch_header(image(root), 76, np.zeros(4, np.float32).tobytes())
