"""Scans keep their voxels and their place in the world through reading, turning, writing and reading again."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.formats import volume as volumes
from semivox.data.formats.orientation import axis_codes, shear_degrees
from tests.corpus import slices
from tests.data.formats.axes import orientations

SHAPE = (5, 6, 7)
SPACING = (0.7, 1.25, 3.0)
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def affine_of(codes: str, tilt: float = 0.0) -> np.ndarray:
    """An affine whose axes run along ``codes``, turned by a small angle about z."""
    ornt = nib.orientations.axcodes2ornt(codes)
    affine = np.zeros((4, 4))
    for axis, (target, flip) in enumerate(ornt):
        affine[int(target), axis] = flip * SPACING[axis]
    c, s = np.cos(tilt), np.sin(tilt)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ affine[:3, :3]
    affine[:3, 3], affine[3, 3] = (12.5, -40.25, 7.125), 1
    return affine


def scan(path: Path, codes: str = "LPS", tilt: float = 0.0, kind: type = np.int16) -> np.ndarray:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(kind)
    nib.save(nib.Nifti1Image(array, affine_of(codes, tilt)), path)
    return array


def test_there_are_48_orientations():
    assert len(set(orientations())) == 48


@pytest.mark.parametrize("codes", orientations())
def test_reading_turns_to_ras_as_nibabel_does(tmp_path, codes):
    scan(tmp_path / "a.nii", codes, tilt=0.1)
    volume = volumes.read([tmp_path / "a.nii"])
    oracle = nib.as_closest_canonical(nib.load(tmp_path / "a.nii"))
    assert axis_codes(volume.source) == codes
    assert axis_codes(volume.grid) == "RAS"
    assert np.array_equal(volume.array[0], np.asarray(oracle.dataobj))
    assert np.allclose(volume.grid.affine, oracle.affine, atol=1e-5)
    assert volume.array.flags.c_contiguous
    assert volume.array.flags.writeable


@pytest.mark.parametrize("codes", orientations())
def test_to_source_is_the_exact_inverse_of_reading(tmp_path, codes):
    array = scan(tmp_path / "a.nii", codes)
    volume = volumes.read([tmp_path / "a.nii"])
    assert np.array_equal(volumes.to_source(volume.array, volume)[0], array)
    leading = np.stack([volume.array[0], volume.array[0] + 1])
    assert np.array_equal(volumes.to_source(leading, volume)[1], array + 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA"])
def test_writing_then_reading_keeps_values_and_place(tmp_path, suffix, codes):
    grid = Grid(SHAPE, affine_of(codes, tilt=0.2))
    label = np.random.default_rng(0).integers(0, 5, SHAPE)
    path = tmp_path / "new" / f"a{suffix}"
    volumes.write_label(path, label, grid)
    volume = volumes.read([path])
    assert np.array_equal(volumes.to_source(volume.array, volume)[0], label)
    assert volume.array.dtype == np.uint8
    assert volume.source.shape == SHAPE
    assert np.allclose(volume.source.affine, grid.affine, atol=1e-5)
    assert np.allclose(volumes.read_grid(path).corners(), grid.corners(), atol=1e-4)
    assert [item.name for item in path.parent.iterdir()] == [path.name]  # no temporary file is left


@pytest.mark.parametrize("codes", [(1, 1), (0, 1), (2, 0), (0, 0), (4, 2)])
def test_output_has_the_affine_and_codes_of_its_source(tmp_path, codes):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None)
    image.header["descrip"] = b"patient name"
    image.header.set_zooms(SPACING)
    image.set_qform(affine_of("LPS", 0.1) if codes[0] else None, codes[0])
    image.set_sform(affine_of("LPS", 0.1) if codes[1] else None, codes[1])
    nib.save(image, tmp_path / "a.nii.gz")
    source = volumes.read([tmp_path / "a.nii.gz"]).source
    volumes.write_label(tmp_path / "b.nii.gz", np.ones(SHAPE, np.uint8), source)
    before, after = nib.load(tmp_path / "a.nii.gz").header, nib.load(tmp_path / "b.nii.gz").header
    for field in ("dim", "pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "qoffset_x", "quatern_b"):
        if np.array_equal(codes, (0, 0)) and field == "pixdim":
            assert np.allclose(before[field][1:4], after[field][1:4])  # the sign in front of them means nothing here
        else:
            assert np.allclose(before[field], after[field], atol=1e-5), field
    assert b"patient" not in after["descrip"].tobytes()
    again = volumes.read_grid(tmp_path / "b.nii.gz")
    assert again.codes == source.codes == codes
    assert np.allclose(again.affine, source.affine, atol=1e-5)


@pytest.mark.parametrize(("top", "kind"), [(1, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_labels_are_written_in_the_smallest_type(tmp_path, top, kind):
    volumes.write_label(tmp_path / "a.nii.gz", np.full(SHAPE, top, np.int64), Grid(SHAPE, np.eye(4)))
    assert nib.load(tmp_path / "a.nii.gz").get_data_dtype() == kind


@pytest.mark.parametrize("values", [np.full(SHAPE, -1), np.full(SHAPE, 65536), np.zeros(SHAPE, np.float32)])
def test_what_is_no_label_is_not_written_as_one(tmp_path, values):
    with pytest.raises(InputError, match="as a label"):
        volumes.write_label(tmp_path / "a.nii.gz", values, Grid(SHAPE, np.eye(4)))
    assert not any(tmp_path.iterdir())


def test_wrong_shape_or_suffix_is_not_written(tmp_path):
    with pytest.raises(InputError, match="shape"):
        volumes.write_label(tmp_path / "a.nii.gz", np.zeros((2, 2, 2), np.uint8), Grid(SHAPE, np.eye(4)))
    with pytest.raises(InputError, match="suffix"):
        volumes.write_label(tmp_path / "a.png", np.zeros(SHAPE, np.uint8), Grid(SHAPE, np.eye(4)))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("classes", [None, 3])
def test_maps_keep_their_values(tmp_path, suffix, classes):
    grid = Grid(SHAPE, affine_of("LPS"))
    values = np.random.default_rng(0).random(SHAPE if classes is None else (*SHAPE, classes)).astype(np.float32)
    volumes.write_map(tmp_path / f"a{suffix}", values, grid)
    volume = volumes.read([tmp_path / f"a{suffix}"])
    stored = volumes.to_source(volume.array, volume)
    assert np.array_equal(stored, values[None] if classes is None else np.moveaxis(values, -1, 0))


def test_itk_and_nifti_files_of_one_scan_agree(tmp_path):
    scan(tmp_path / "a.nii", "PIR", tilt=0.3)
    image = sitk.ReadImage(str(tmp_path / "a.nii"))
    first = volumes.read([tmp_path / "a.nii"])
    for suffix in (".nrrd", ".nhdr", ".mha", ".mhd"):
        sitk.WriteImage(image, str(tmp_path / f"b{suffix}"), useCompression=suffix != ".nhdr")
        second = volumes.read([tmp_path / f"b{suffix}"])
        assert np.array_equal(first.array, second.array)
        assert np.allclose(first.grid.affine, second.grid.affine, atol=1e-4)


def test_dicom_series_is_read_in_order_of_position(tmp_path):
    folder = tmp_path / "series"
    slices(folder, [3.0 * index for index in range(6)][::-1], size=8)  # first file is the highest slice
    volume = volumes.read([folder])
    assert volume.array.shape == (1, 8, 8, 6)
    assert axis_codes(volume.source) == "LPS"
    assert np.allclose(volume.spacing, (1.5, 1.5, 3.0))
    lowest = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "1.2.3.4_005.dcm")))[0].T  # (x, y)
    assert np.array_equal(volumes.to_source(volume.array, volume)[0, :, :, 0], lowest)
    assert np.array_equal(volumes.read_grid(folder).corners(), volume.source.corners())


def test_tilted_gantry_shows_as_shear(tmp_path):
    folder = tmp_path / "series"
    slices(folder, [3.0 * index for index in range(6)], size=8)
    for index, path in enumerate(sorted(folder.iterdir())):
        image = sitk.ReadImage(str(path))
        for key in image.GetMetaDataKeys():
            image.SetMetaData(key, image.GetMetaData(key))
        image.SetOrigin((0, 3.0 * index * np.tan(np.radians(10)), 3.0 * index))
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(path))
        image.SetMetaData("0020|0032", "\\".join(map(str, image.GetOrigin())))
        writer.Execute(image)
    volume = volumes.read([folder])
    assert shear_degrees(volume.source.affine) == pytest.approx(10, abs=0.01)
    assert shear_degrees(volume.grid.affine) == pytest.approx(0, abs=1e-6)


def test_sheared_grid_becomes_the_nearest_rotation_around_its_center(tmp_path):
    affine = affine_of("RAS", 0.2)
    affine[:3, 2] += affine[:3, 1] * 0.3
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), affine)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "a.nii")
    volume = volumes.read([tmp_path / "a.nii"])
    axes = volume.grid.affine[:3, :3] / volume.spacing
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert np.allclose(volume.grid.corners().mean(axis=0), volume.source.corners().mean(axis=0), atol=1e-5)
    assert np.allclose(volume.source.affine, affine, atol=1e-5)  # outputs go back onto the file's own grid


def test_header_without_geometry_gives_its_voxel_size_only(tmp_path):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None)
    image.header.set_zooms(SPACING)
    nib.save(image, tmp_path / "a.nii")
    grid = volumes.read_grid(tmp_path / "a.nii")
    assert grid.codes == (0, 0)
    assert np.allclose(grid.affine, np.diag([*SPACING, 1]))


def test_sform_counts_before_qform(tmp_path):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), affine_of("LPS"))
    image.set_qform(affine_of("RAS"), 1)
    image.set_sform(affine_of("LPS"), 2)
    nib.save(image, tmp_path / "a.nii")
    assert axis_codes(volumes.read_grid(tmp_path / "a.nii")) == "LPS"
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "b.nii")
    assert axis_codes(volumes.read_grid(tmp_path / "b.nii")) == "RAS"


@pytest.mark.parametrize(
    ("slope", "inter", "said"),
    [(2.0, np.nan, "by 2 and adds nan"), (2.0, np.inf, "by 2 and adds inf"), (np.inf, 0.0, "by inf and adds 0")],
)
def test_a_scale_that_is_no_number_is_a_sentence(tmp_path, slope, inter, said):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    image.header["scl_slope"], image.header["scl_inter"], image.header["vox_offset"] = slope, inter, 352
    content = image.header.binaryblock + bytes(4) + bytes(2 * 64)
    (tmp_path / "x.nii").write_bytes(content)
    with pytest.raises(InputError, match=f"{said}, which is no number"):
        volumes.read_scan(tmp_path / "x.nii")


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_no_scale_is_none(tmp_path, slope):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    image.header["scl_slope"], image.header["scl_inter"], image.header["vox_offset"] = slope, 7.0, 352
    (tmp_path / "x.nii").write_bytes(image.header.binaryblock + bytes(4) + np.arange(64, dtype=np.int16).tobytes())
    assert np.array_equal(np.sort(volumes.read_scan(tmp_path / "x.nii").array.ravel()), np.arange(64))


def test_slope_and_byte_order_are_undone(tmp_path):
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)
    image = nib.Nifti1Image(array, np.eye(4), nib.Nifti1Header(endianness=">"))
    image.header.set_slope_inter(2.0, -1000.0)
    nib.save(image, tmp_path / "a.nii.gz")
    oracle = nib.load(tmp_path / "a.nii.gz").get_fdata()
    read = volumes.read([tmp_path / "a.nii.gz"]).array
    assert read.dtype.isnative
    assert np.allclose(read[0], oracle)


def test_channels_come_from_files_or_from_the_last_axis(tmp_path):
    first, second = scan(tmp_path / "a_0000.nii"), scan(tmp_path / "a_0001.nii") * 2
    nib.save(nib.Nifti1Image(second, affine_of("LPS")), tmp_path / "a_0001.nii")
    nib.save(nib.Nifti1Image(np.stack([first, second], axis=-1), affine_of("LPS")), tmp_path / "b.nii.gz")
    apart = volumes.read([tmp_path / "a_0000.nii", tmp_path / "a_0001.nii"])
    together = volumes.read([tmp_path / "b.nii.gz"])
    assert np.array_equal(apart.array, together.array)
    assert apart.array.shape[0] == 2


def test_channel_stored_in_another_orientation_is_turned_too(tmp_path):
    array = scan(tmp_path / "a_0000.nii", "RAS")
    moved = affine_of("RAS") @ nib.orientations.inv_ornt_aff([[0, -1], [1, 1], [2, 1]], SHAPE)
    nib.save(nib.Nifti1Image(array[::-1], moved), tmp_path / "a_0001.nii")
    volume = volumes.read([tmp_path / "a_0000.nii", tmp_path / "a_0001.nii"])
    assert np.array_equal(volume.array[0], volume.array[1])


def test_few_nan_are_filled_and_many_are_refused(tmp_path):
    array = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)
    array[0, 0, :5] = np.nan
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii")
    read = volumes.read([tmp_path / "a.nii"]).array[0]
    assert np.array_equal(read[0, 0, :5], np.full(5, np.nanmin(array)))
    array[:2] = np.inf
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "b.nii")
    with pytest.raises(InputError, match="NaN or infinite"):
        volumes.read([tmp_path / "b.nii"])


def test_labels_are_whole_numbers(tmp_path):
    values = np.random.default_rng(0).integers(0, 3, SHAPE)
    nib.save(nib.Nifti1Image((values * 1.00001526).astype(np.float32), np.eye(4)), tmp_path / "a.nii")
    read = volumes.read_label(tmp_path / "a.nii").array
    assert read.dtype.kind == "i"
    assert np.array_equal(read[0], values)
    nib.save(nib.Nifti1Image((values * 0.9).astype(np.float32), np.eye(4)), tmp_path / "b.nii")
    with pytest.raises(InputError, match="not whole numbers"):
        volumes.read_label(tmp_path / "b.nii")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.nii.gz", "a"), ("1.2.840.nii", "1.2.840"), ("B.NII.GZ", "B"), ("x.seg.nrrd", "x"), ("series", "series")],
)
def test_stem_is_the_name_without_image_suffix(name, expected):
    assert volumes.stem(Path(name)) == expected
