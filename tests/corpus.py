"""Bad inputs as they occur, made on the fly: each breaks one thing in a good data set, and names its verdict.

``python -m tests.corpus FOLDER`` writes them all, to look at or to try other software on.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813

SIZE = 24
AFFINE = np.diag([1.5, 1.5, 1.5, 1.0])


@dataclass(frozen=True)
class Bad:
    """One way to break a data set, and the finding it must get; level ``refused``: no data set at all.

    More of them are in ``tests/corpus_more.py``."""

    name: str
    level: str
    code: str
    """Of the finding; for ``refused`` and ``option``, words of the message."""
    make: Callable[[Path], None]


BAD: list[Bad] = []


def bad(code: str, level: str = "error") -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a way to break the data set in a folder."""

    def register(make: Callable[[Path], None]) -> Callable[[Path], None]:
        BAD.append(Bad(make.__name__, level, code, make))
        return make

    return register


def gray(seed: int, shape: tuple[int, ...] = (SIZE,) * 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 200, shape).astype(np.int16)


def box() -> np.ndarray:
    label = np.zeros((SIZE,) * 3, np.uint8)
    label[4:12, 5:15, 6:18] = 1
    label[12:16, 5:15, 6:18] = 2
    return label


def save(path: Path, array: np.ndarray, affine: np.ndarray | None = AFFINE, codes=(1, 1)) -> None:
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, codes[0], strip_shears=True)
    image.set_sform(affine, codes[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def good(root: Path) -> None:
    """Three labeled cases, one unlabeled, one for test: nothing wrong with any."""
    for seed, name in enumerate("abc"):
        save(root / "images" / f"{name}.nii.gz", gray(seed))
        save(root / "labels" / f"{name}.nii.gz", box())
    save(root / "images" / "u.nii.gz", gray(10))
    save(root / "test_images" / "t.nii.gz", gray(11))
    save(root / "test_labels" / "t.nii.gz", box())
    describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0, "one": 1, "two": 2}})


def describe(root: Path, content: dict) -> None:
    (root / "dataset.json").write_text(json.dumps(content))


def image(root: Path) -> Path:
    return root / "images" / "a.nii.gz"


def label(root: Path) -> Path:
    return root / "labels" / "a.nii.gz"


def patch_header(path: Path, offset: int, content: bytes) -> None:
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(bytes(data)))


def itk_image(array: np.ndarray) -> sitk.Image:
    result = sitk.GetImageFromArray(array)
    result.SetSpacing((1.5, 1.5, 1.5))
    return result


def replace_image(root: Path, suffix: str, compress: bool = False) -> Path:
    """Case a's image in another format."""
    image(root).unlink()
    path = root / "images" / f"a{suffix}"
    flipped = itk_image(gray(0).T.copy())
    flipped.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # LPS+ to the axes of AFFINE
    sitk.WriteImage(flipped, str(path), useCompression=compress)
    return path


def cut(path: Path, part: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


# --- damaged files -----------------------------------------------------------------------------------------------


@bad("truncated")
def truncated_nii_gz(root: Path) -> None:
    cut(image(root))


@bad("truncated")
def truncated_last_byte(root: Path) -> None:
    image(root).write_bytes(image(root).read_bytes()[:-1])


@bad("truncated")
def whole_gzip_of_half_a_scan(root: Path) -> None:
    data = gzip.decompress(image(root).read_bytes())
    image(root).write_bytes(gzip.compress(data[: len(data) // 2]))


@bad("truncated")
def truncated_nii(root: Path) -> None:
    image(root).unlink()
    save(root / "images" / "a.nii", gray(0))
    cut(root / "images" / "a.nii")


@bad("truncated")
def nii_header_only_in_part(root: Path) -> None:
    image(root).unlink()
    save(root / "images" / "a.nii", gray(0))
    cut(root / "images" / "a.nii", 0.005)


@bad("truncated")
def truncated_nrrd(root: Path) -> None:
    cut(replace_image(root, ".nrrd"))


@bad("truncated")
def truncated_nrrd_gzip(root: Path) -> None:
    cut(replace_image(root, ".nrrd", compress=True))


@bad("truncated")
def truncated_mha(root: Path) -> None:
    cut(replace_image(root, ".mha"))


@bad("truncated")
def truncated_mha_zlib(root: Path) -> None:
    cut(replace_image(root, ".mha", compress=True))


@bad("truncated")
def truncated_label(root: Path) -> None:
    cut(label(root))


@bad("unreadable")
def flipped_bits_in_gzip(root: Path) -> None:
    data = bytearray(image(root).read_bytes())
    data[len(data) // 2] ^= 0xFF
    data[-6] ^= 0xFF  # the checksum
    image(root).write_bytes(bytes(data))


@bad("empty_file")
def zero_bytes(root: Path) -> None:
    image(root).write_bytes(b"")


@bad("html_page")
def html_login_page(root: Path) -> None:
    image(root).write_text("<!DOCTYPE html><html><body>Please log in</body></html>")


@bad("lfs_pointer")
def git_lfs_pointer(root: Path) -> None:
    image(root).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123\n")


@bad("wrong_suffix")
def nii_named_nii_gz(root: Path) -> None:
    image(root).write_bytes(gzip.decompress(image(root).read_bytes()))


@bad("wrong_suffix")
def nii_gz_named_nii(root: Path) -> None:
    image(root).rename(root / "images" / "a.nii")


@bad("unreadable")
def text_named_nrrd(root: Path) -> None:
    image(root).unlink()
    (root / "images" / "a.nrrd").write_text("hello")


@bad("unreadable")
def text_named_mha(root: Path) -> None:
    image(root).unlink()
    (root / "images" / "a.mha").write_text("hello")


@bad("missing_file")
def mhd_without_its_raw(root: Path) -> None:
    replace_image(root, ".mhd").with_suffix(".raw").unlink()


@bad("missing_file")
def dangling_link(root: Path) -> None:
    image(root).unlink()
    image(root).symlink_to(root / "gone.nii.gz")


@bad("unreadable")
def analyze_header_without_mark(root: Path) -> None:
    patch_header(image(root), 344, b"\0\0\0\0")


# --- headers -----------------------------------------------------------------------------------------------------


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


@bad("spacing", "warning")
def voxels_in_meters(root: Path) -> None:
    for path, array in ((image(root), gray(0)), (label(root), box())):
        save(path, array, np.diag([0.0015, 0.0015, 0.0015, 1]))


@bad("field_of_view", "warning")
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


# --- intensities and channels ------------------------------------------------------------------------------------


def with_nan(count: int) -> np.ndarray:
    array = gray(0).astype(np.float32)
    array.flat[:count] = np.nan
    return array


@bad("nonfinite", "warning")
def some_nan(root: Path) -> None:
    save(image(root), with_nan(5))


@bad("nonfinite")
def much_nan(root: Path) -> None:
    save(image(root), with_nan(SIZE**3 // 10))


@bad("constant")
def constant_image(root: Path) -> None:
    save(image(root), np.full((SIZE,) * 3, 7, np.int16))


def two_channels(root: Path) -> None:
    """The same set as nnU-Net raw with two channels."""
    (root / "images").rename(root / "imagesTr")
    (root / "labels").rename(root / "labelsTr")
    for index, path in enumerate(sorted((root / "imagesTr").iterdir())):
        name = path.name.removesuffix(".nii.gz")
        save(root / "imagesTr" / f"{name}_0001.nii.gz", gray(50 + index))
        path.rename(root / "imagesTr" / f"{name}_0000.nii.gz")
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})


@bad("missing_channel")
def one_channel_missing(root: Path) -> None:
    two_channels(root)
    (root / "imagesTr" / "a_0001.nii.gz").unlink()


@bad("channel_mismatch")
def channels_on_different_grids(root: Path) -> None:
    two_channels(root)
    save(root / "imagesTr" / "a_0001.nii.gz", gray(60, (SIZE, SIZE, 20)))


@bad("missing_channel")
def more_channels_declared_than_there_are(root: Path) -> None:
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})


# --- labels ------------------------------------------------------------------------------------------------------


@bad("shape_mismatch")
def label_of_another_shape(root: Path) -> None:
    save(label(root), box()[:, :, :20])


@bad("geometry_mismatch")
def label_moved_by_two_voxels(root: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] = 3.0
    save(label(root), box(), moved)


@bad("geometry_mismatch", "warning")
def label_moved_by_a_third_of_a_voxel(root: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 0.5
    save(label(root), box(), moved)


@bad("geometry_mismatch")
def label_with_mirrored_header(root: Path) -> None:
    save(label(root), box(), AFFINE @ np.diag([-1, 1, 1, 1]))


@bad("float_label")
def interpolated_label(root: Path) -> None:
    save(label(root), box().astype(np.float32) * 0.8)


@bad("float_label")
def probabilities_as_label(root: Path) -> None:
    save(label(root), np.random.default_rng(0).random((SIZE,) * 3).astype(np.float32))


@bad("rounded_label", "note")
def label_through_a_slope(root: Path) -> None:
    save(label(root), box() * np.float32(1.00001526))


@bad("nonfinite")
def label_with_nan(root: Path) -> None:
    array = box().astype(np.float32)
    array[0, 0, 0] = np.nan
    save(label(root), array)


@bad("image_as_label")
def image_in_the_labels_folder(root: Path) -> None:
    save(label(root), np.random.default_rng(0).integers(-1000, 3000, (SIZE,) * 3).astype(np.int16))


@bad("image_as_label")
def float_image_in_the_labels_folder(root: Path) -> None:
    save(label(root), np.random.default_rng(0).normal(300, 100, (SIZE,) * 3).astype(np.float32))


@bad("unknown_label")
def value_that_no_class_has(root: Path) -> None:
    save(label(root), box() * 7)


@bad("negative_label")
def negative_value(root: Path) -> None:
    save(label(root), -box().astype(np.int16))


@bad("label_gaps", "note")
def zero_and_255_without_description(root: Path) -> None:
    (root / "dataset.json").unlink()
    for path in sorted(root.glob("*labels/*")):
        save(path, (box() > 0).astype(np.uint8) * 255)


@bad("empty_label", "warning")
def empty_label(root: Path) -> None:
    save(label(root), np.zeros((SIZE,) * 3, np.uint8))


@bad("label_channels")
def one_hot_label(root: Path) -> None:
    save(label(root), np.stack([box() == index for index in range(3)], axis=-1).astype(np.uint8))


@bad("missing_image")
def label_without_image(root: Path) -> None:
    image(root).unlink()


# --- data sets ---------------------------------------------------------------------------------------------------


@bad("duplicate")
def test_scan_among_the_unlabeled(root: Path) -> None:
    save(root / "images" / "v.nii.gz", gray(11))


@bad("duplicate")
def test_scan_among_the_labeled_as_float_and_flipped(root: Path) -> None:
    turned = gray(11)[::-1].astype(np.float32)
    affine = AFFINE @ np.diag([-1, 1, 1, 1])
    affine[0, 3] = 1.5 * (SIZE - 1)
    save(image(root), turned, affine)


@bad("duplicate", "warning")
def unlabeled_copy_of_a_labeled_scan(root: Path) -> None:
    save(root / "images" / "v.nii.gz", gray(0))


@bad("skipped", "note")
def macos_resource_files(root: Path) -> None:
    (root / "images" / "._a.nii.gz").write_bytes(b"\0\5\26\7")
    (root / "images" / ".DS_Store").write_bytes(b"x")


@bad("similar_names", "warning")
def names_that_differ_in_case(root: Path) -> None:
    save(root / "images" / "U.nii.gz", gray(12))


def table(root: Path, text: str) -> None:
    (root / "cases.csv").write_text(text)


@bad("group_leak")
def patient_on_both_sides(root: Path) -> None:
    rows = "a,images/a.nii.gz,labels/a.nii.gz,train,p1\nt,test_images/t.nii.gz,test_labels/t.nii.gz,test,p1\n"
    table(root, "case_id,image,label,split,group\n" + rows)


@bad("missing_file")
def table_with_a_wrong_path(root: Path) -> None:
    table(root, "case_id,image,label\na,images/a.nii.gz,labels/a.nii.gz\nb,images/gone.nii.gz,labels/b.nii.gz\n")


@bad("two files claim the case 'a'", "refused")
def same_case_in_two_formats(root: Path) -> None:
    sitk.WriteImage(itk_image(gray(0)), str(root / "images" / "a.nrrd"))


@bad("two files claim the case 'a'", "refused")
def same_case_in_training_and_test(root: Path) -> None:
    save(root / "test_images" / "a.nii.gz", gray(13))


@bad("Accepted layouts", "refused")
def no_known_layout(root: Path) -> None:
    (root / "images").rename(root / "pictures")


@bad("holds no scan", "refused")
def no_scans_at_all(root: Path) -> None:
    for path in [*root.glob("*images/*"), *root.glob("*labels/*")]:
        path.unlink()


@bad("must be a JSON object", "refused")
def broken_json(root: Path) -> None:
    (root / "dataset.json").write_text('{"labels": ')


@bad("region of several values", "refused")
def overlapping_regions(root: Path) -> None:
    describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0, "whole": [1, 2], "core": 2}})


@bad("share a value", "refused")
def two_classes_of_one_value(root: Path) -> None:
    describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0, "one": 1, "two": 1}})


@bad("cannot name a case", "refused")
def case_name_that_leaves_the_folder(root: Path) -> None:
    table(root, "case_id,image,label\n../../evil,images/a.nii.gz,labels/a.nii.gz\n")


@bad("the split 'trian' is not one of", "refused")
def misspelled_split(root: Path) -> None:
    table(root, "case_id,image,label,split\na,images/a.nii.gz,labels/a.nii.gz,trian\n")


@bad("case_id and image must not be empty", "refused")
def row_without_image(root: Path) -> None:
    table(root, "case_id,image,label\na,,labels/a.nii.gz\n")


# --- DICOM -------------------------------------------------------------------------------------------------------


def slices(folder: Path, positions: list[float], uid: str = "1.2.3.4", size: int = SIZE, seed: int = 30) -> None:
    """A series of CT slices at z = ``positions`` mm, axes along LPS+."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index, z in enumerate(positions):
        plane = sitk.GetImageFromArray(gray(seed + index, (size, size)))
        plane.SetSpacing((1.5, 1.5))
        tags = {
            "0008|0060": "CT", "0020|000e": uid, "0020|000d": "1.2.3", "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{index + 1}", "0020|0032": f"0\\0\\{z}", "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0013": str(index), "0018|0050": "1.5",
        }  # fmt: skip
        for key, value in tags.items():
            plane.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{uid}_{index:03d}.dcm"))
        writer.Execute(plane)


@bad("uneven_slices")
def dicom_slice_missing(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16) if index != 7])


@bad("several_series")
def two_dicom_series_in_a_folder(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    slices(root / "images" / "d", [1.5 * index for index in range(16)], uid="1.2.3.5")


@bad("uneven_slices")
def dicom_localizer(root: Path) -> None:
    slices(root / "images" / "d", [0.0])


@bad("truncated")
def truncated_dicom_slice(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    cut(root / "images" / "d" / "1.2.3.4_005.dcm", 0.7)


@bad("truncated")
def dicom_slice_without_its_last_byte(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    path = root / "images" / "d" / "1.2.3.4_005.dcm"
    path.write_bytes(path.read_bytes()[:-1])


def write_all(folder: Path) -> None:
    """Every bad data set in a folder of its name."""
    from tests import corpus_more

    for item in corpus_more.BAD:
        if item.level == "option":  # no files
            continue
        good(folder / item.name)
        item.make(folder / item.name)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
