"""More bad inputs: descriptions, tables, names, headers, options and files of our own, each with its verdict.

Importing this module adds them to ``tests.corpus.BAD``. Level ``option``: making it must itself be refused.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.formats import volume
from semivox.data.planning.options import PlanOptions
from semivox.pipeline.assignments import parse_overrides, parse_triple
from semivox.pipeline.options import checked
from semivox.pipeline.stages import load_dataset
from semivox.training.model import load_model
from semivox.training.settings import TrainSettings, configure
from tests.corpus import (
    BAD,
    SIZE,
    Bad,
    bad,
    box,
    describe,
    gray,
    image,
    label,
    patch_header,
    replace_image,
    save,
    slices,
    table,
)


def add(name: str, code: str, level: str, make: Callable[[Path], object]) -> None:
    BAD.append(Bad(name, level, code, make))  # type: ignore[arg-type]


# --- headers -----------------------------------------------------------------------------------------------------

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


@bad("unreadable")
def gzip_bomb(root: Path) -> None:
    data = gzip.decompress(image(root).read_bytes())
    image(root).write_bytes(gzip.compress(data + bytes(80 << 20), 9))


@bad("truncated")
def header_that_claims_what_no_gzip_of_this_size_can_hold(root: Path) -> None:
    patch_header(image(root), 42, np.int16([1500, 1500, 1500]).tobytes())


@bad("unreadable")
def gzip_of_something_else(root: Path) -> None:
    image(root).write_bytes(gzip.compress(b"name,age\n" * 100))


@bad("unreadable")
def gzip_mark_and_nothing_else(root: Path) -> None:
    image(root).write_bytes(b"\x1f\x8b\x08\x00" + bytes(20))


@bad("html_page")
def xml_error_of_a_download(root: Path) -> None:
    image(root).write_text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')


@bad("missing_file")
def folder_where_a_file_should_be(root: Path) -> None:
    table(root, f"case_id,image,label\na,{root}/gone/a.nii.gz,labels/a.nii.gz\nb,images/b.nii.gz,labels/b.nii.gz\n")


def text_header(root: Path, suffix: str, old: bytes, new: bytes) -> None:
    """Case a as ``suffix`` with a word of its text header replaced."""
    path = replace_image(root, suffix)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


for name, suffix, old, new, code in (
    ("nrrd_of_negative_size", ".nrrd", b"sizes: 24", b"sizes: -4", "bad_header"),
    ("nrrd_of_size_in_words", ".nrrd", b"sizes: 24", b"sizes: XX", "bad_header"),
    ("nrrd_of_unknown_type", ".nrrd", b"type: short", b"type: quark", "bad_header"),
    ("nrrd_larger_than_its_file", ".nrrd", b"sizes: 24 24 24", b"sizes: 24 24 99", "truncated"),
    ("nrrd_with_a_direction_of_nan", ".nrrd", b"space directions: (", b"space directions: (nan", "bad_header"),
    ("nhdr_that_points_out_of_its_folder", ".nhdr", b"data file: ", b"data file: ../../", "outside_folder"),
    ("nhdr_that_points_to_the_root", ".nhdr", b"data file: ", b"data file: /etc/", "outside_folder"),
    ("nhdr_over_many_files", ".nhdr", b"data file: a.raw", b"data file: LIST", "bad_header"),
    ("mhd_that_points_out_of_its_folder", ".mhd", b"ElementDataFile = ", b"ElementDataFile = ../", "outside_folder"),
    ("mhd_over_many_files", ".mhd", b"ElementDataFile = a.raw", b"ElementDataFile = a%03d.raw 1 9 1", "bad_header"),
    ("mhd_with_a_header_size_in_words", ".mhd", b"ElementDataFile", b"HeaderSize = x\nElementDataFile", "bad_header"),
    ("mha_of_unknown_type", ".mha", b"MET_SHORT", b"MET_QUARK", "bad_header"),
    ("mha_of_channels_in_words", ".mha", b"ElementType", b"ElementNumberOfChannels = two\nElementType", "bad_header"),
    ("mha_of_1e308_axes", ".mha", b"NDims = 3", b"NDims = 1e308", "bad_header"),  # on which ITK crashes
    ("mha_of_too_few_offsets", ".mha", b"Offset = 0", b"Offset = ", "bad_header"),
    ("mha_header_bomb", ".mha", b"DimSize = 24 24 24", b"DimSize = 99999 99999 99999", "bad_header"),
):
    add(name, code, "error", lambda root, s=suffix, o=old, n=new: text_header(root, s, o, n))


@bad("unreadable")
def mha_bomb(root: Path) -> None:
    import zlib

    path = replace_image(root, ".mha", compress=True)
    head = path.read_bytes().split(b"LOCAL\n")[0] + b"LOCAL\n"
    path.write_bytes(head + zlib.compress(bytes(80 << 20), 9))


# --- intensities and labels --------------------------------------------------------------------------------------


@bad("nonfinite")
def infinite_image(root: Path) -> None:
    save(image(root), np.full((SIZE,) * 3, np.inf, np.float32))


@bad("constant")
def image_of_zeros(root: Path) -> None:
    save(image(root), np.zeros((SIZE,) * 3, np.uint8))


@bad("constant")
def one_channel_of_two_is_empty(root: Path) -> None:
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})
    for path in sorted(root.glob("*images/*")):
        first = np.asarray(nib.load(path).dataobj)
        save(path, np.stack([first, np.zeros_like(first) if path == image(root) else first[::-1]], axis=-1))


@bad("nonfinite")
def label_with_infinity(root: Path) -> None:
    array = box().astype(np.float32)
    array[0, 0, 0] = np.inf
    save(label(root), array)


@bad("unknown_label")
def one_stray_voxel_of_another_value(root: Path) -> None:
    array = box()
    array[0, 0, 0] = 9
    save(label(root), array)


@bad("unknown_label")
def label_of_255_where_classes_are_named(root: Path) -> None:
    save(label(root), (box() > 0).astype(np.uint8) * 255)


@bad("float_label")
def blurred_label(root: Path) -> None:
    from scipy.ndimage import gaussian_filter

    save(label(root), gaussian_filter(box().astype(np.float32), 1))


@bad("label_gaps", "note")
def values_with_gaps_without_description(root: Path) -> None:
    (root / "dataset.json").unlink()
    for path in sorted(root.glob("*labels/*")):
        save(path, (box().astype(np.uint8)) * 3)


@bad("shape_mismatch")
def label_with_two_axes_exchanged(root: Path) -> None:
    save(label(root), box()[:, :20].transpose(0, 2, 1))


@bad("geometry_mismatch")
def label_of_another_voxel_size(root: Path) -> None:
    save(label(root), box(), np.diag([1.5, 1.5, 3.0, 1.0]))


@bad("color_image")
def color_label(root: Path) -> None:
    save(label(root), np.zeros((SIZE,) * 3, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])))


@bad("empty_file")
def label_of_no_bytes(root: Path) -> None:
    label(root).write_bytes(b"")


@bad("html_page")
def label_that_is_a_web_page(root: Path) -> None:
    label(root).write_text("<html>404</html>")


@bad("missing_file")
def label_that_is_a_dangling_link(root: Path) -> None:
    label(root).unlink()
    label(root).symlink_to(root / "gone.nii.gz")


# --- data sets, tables, names ------------------------------------------------------------------------------------


@bad("extra_channel")
def one_case_with_a_channel_too_many(root: Path) -> None:
    (root / "dataset.json").unlink()
    text = "case_id,image,image_2,label\na,images/a.nii.gz,images/u.nii.gz,labels/a.nii.gz\n"
    table(root, text + "b,images/b.nii.gz,,labels/b.nii.gz\nc,images/c.nii.gz,,labels/c.nii.gz\n")


@bad("skipped", "note")
def notes_among_the_scans(root: Path) -> None:
    (root / "images" / "readme.txt").write_text("scans of 2019")


@bad("skipped", "note")
def empty_folder_among_the_scans(root: Path) -> None:
    (root / "images" / "series").mkdir()


@bad("duplicate", "warning")
def same_scan_under_two_names_in_another_format(root: Path) -> None:
    flipped = sitk.GetImageFromArray(gray(1).T.copy())
    flipped.SetSpacing((1.5, 1.5, 1.5))
    flipped.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(flipped, str(root / "images" / "v.mha"))


def described(**content: object) -> Callable[[Path], None]:
    return lambda root: describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0}, **content})


def rows(text: str) -> Callable[[Path], None]:
    return lambda root: table(root, "case_id,image\n" + text)


def latin(root: Path) -> None:
    (root / "cases.csv").write_bytes("case_id,image\nJörg,images/a.nii.gz\n".encode("latin-1"))


def description(content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / "dataset.json").write_bytes(content)


for name, make, words in (
    ("labels_as_a_list", described(labels=["a", "b"]), "must be like"),
    ("labels_of_no_class", described(labels={}), "must be like"),
    ("class_of_a_negative_value", described(labels={"background": 0, "x": -1}), "whole number from 0"),
    ("class_of_a_fraction", described(labels={"background": 0, "x": 1.5}), "whole number from 0"),
    ("class_of_a_word", described(labels={"background": 0, "x": "one"}), "whole number from 0"),
    ("ignore_shares_a_class_value", described(labels={"background": 0, "x": 1, "ignore": 1}), "share a value"),
    ("channels_as_a_word", described(channel_names="CT"), "channel_names"),
    ("channels_without_numbers", described(channel_names={"CT": "0"}), "channel_names"),
    ("description_is_a_list", description(b"[1, 2]"), "must be a JSON object"),
    ("description_is_empty", description(b""), "must be a JSON object"),
    ("description_is_binary", description(b"\xff\xfe\0\1"), "must be a JSON object"),
    ("msd_list_of_numbers", described(training=[1, 2]), "must hold"),
    ("msd_item_without_image", described(training=[{"label": "labels/a.nii.gz"}]), "must hold"),
    ("nnunet_case_without_files", described(dataset={"a": 1}), "must be"),
    ("table_in_latin_1", latin, "UTF-8"),
    ("table_of_one_name_twice", rows("a,images/a.nii.gz\na,images/b.nii.gz\n"), "claim the case"),
    ("case_id_of_a_control_character", rows("a\x07b,images/a.nii.gz\n"), "cannot name a case"),
    ("case_id_of_a_hidden_file", rows(".a,images/a.nii.gz\n"), "cannot name a case"),
    ("case_id_of_300_letters", rows(f"{'a' * 300},images/a.nii.gz\n"), "cannot name a case"),
    ("case_id_with_a_backslash", rows("..\\a,images/a.nii.gz\n"), "cannot name a case"),
    ("case_id_of_blanks", rows("  ,images/a.nii.gz\n"), "must not be empty"),
    ("case_id_that_is_a_path", rows("/etc/passwd,images/a.nii.gz\n"), "cannot name a case"),
):  # fmt: skip
    add(name, words, "refused", make)


# --- options, and files of our own -------------------------------------------------------------------------------

SPLIT = '{"labeled": ["a"], "unlabeled": ["u"]'


def reading(kind: type, text: str) -> Callable[[Path], object]:
    def make(root: Path) -> object:
        (root / "value.json").write_text(text)
        return kind.load(root / "value.json")

    return make


def model_of(**changes: object) -> Callable[[Path], object]:
    def make(root: Path) -> object:
        card = {"semivox": "0.1.0", "method": "supervised", "options": {}, "selection": "last", "steps": 1, "seed": 1}
        from tests.training import tiny

        plan = json.loads(tiny.plan().model_dump_json())
        (root / "model.json").write_text(json.dumps({**card, "plan": plan, "split": "x", **changes}))
        return load_model(root)

    return make


def parse(words: Sequence[str]) -> object:
    return parse_overrides(words)


for name, make, words in (
    ("split_with_a_case_on_two_sides", reading(Split, SPLIT + ', "test": ["a"]}'), "is in both"),
    ("split_with_an_unknown_part", reading(Split, SPLIT + ', "tset": ["t"]}'), "tset"),
    ("split_cut_short", reading(Split, SPLIT), "not a valid split"),
    ("split_of_numbers", reading(Split, '{"labeled": [1]}'), "labeled"),
    ("split_without_labeled", reading(Split, '{"unlabeled": ["u"]}'), "labeled"),
    ("split_of_cases_that_do_not_exist", lambda root: load_dataset(root, Split(labeled=("nobody",))), "lacks"),
    ("split_that_labels_an_unlabeled_case", lambda root: load_dataset(root, Split(labeled=("u",))), "no label"),
    ("split_file_that_is_missing", lambda root: load_dataset(root, root / "gone.json"), "cannot read"),
    ("excluding_nobody", lambda root: load_dataset(root, None, ("nobody",)), "excluded"),
    ("excluding_all_labeled", lambda root: load_dataset(root, None, ("a", "b", "c")), "no labeled case is left"),
    ("plan_that_is_empty", reading(Plan, "{}"), "not a valid plan"),
    ("plan_of_infinite_spacing", reading(Plan, '{"spacing": [Infinity, 1, 1]}'), "not a valid plan"),
    ("plan_that_nests_without_end", reading(Plan, "[" * 9999), "not a valid plan"),
    ("option_that_does_not_exist", lambda _: configure("mean_teacher", {"decai": 1}, TrainSettings()), "decai"),
    ("option_beyond_its_bounds", lambda _: configure("mean_teacher", {"decay": 2}, TrainSettings()), "decay"),
    ("method_that_does_not_exist", lambda _: configure("mean_teecher", {}, TrainSettings()), "mean_teecher"),
    ("method_that_is_an_import", lambda _: configure("os.system", {}, TrainSettings()), "os.system"),
    ("ablation_that_does_not_exist", lambda _: configure("mean_teacher", {}, TrainSettings(), "nothing"), "ablation"),
    ("setting_that_does_not_exist", lambda _: checked(TrainSettings, "train", **{"sted": 1}), "did you mean 'seed'"),
    ("negative_steps", lambda _: checked(TrainSettings, "train", **{"steps": -5}), "steps"),
    ("negative_workers", lambda _: checked(TrainSettings, "train", **{"workers": -1}), "workers"),
    ("device_that_does_not_exist", lambda _: checked(TrainSettings, "train", **{"device": "tpu"}), "device"),
    ("rate_that_is_not_a_number", lambda _: checked(TrainSettings, "train", **{"clip": float("nan")}), "clip"),
    ("set_without_a_section", lambda _: parse(["decay=0.9"]), "section.field=value"),
    ("set_of_an_unknown_section", lambda _: parse(["metod.decay=0.9"]), "did you mean 'method'"),
    ("set_that_contradicts_itself", lambda _: parse(["method.network=1", "method.network.rate=2"]), "contradicts"),
    ("set_of_what_the_data_decide", lambda _: parse(["plan.fingerprint=1"]), "fingerprint"),
    ("spacing_of_zero", lambda _: parse_triple("0,1,1", "--spacing"), "three positive numbers"),
    ("spacing_of_two_numbers", lambda _: parse_triple("1,1", "--spacing"), "three positive numbers"),
    ("spacing_that_is_not_a_number", lambda _: parse_triple("nan,1,1", "--spacing"), "three positive numbers"),
    ("spacing_without_end", lambda _: parse_triple("inf", "--spacing"), "three positive numbers"),
    ("memory_of_nothing", lambda _: checked(PlanOptions, "plan", memory_gb=0), "memory_gb"),
    ("model_of_an_unknown_method", model_of(method="builtins.eval"), "builtins.eval"),
    ("model_with_a_surplus_field", model_of(path="../../weights"), "path"),
    ("model_without_weights", model_of(), "cannot read"),
    ("model_with_unknown_options", model_of(options={"x": 1}), "x"),
    ("model_folder_of_nothing", lambda root: load_model(root), "no model in"),
    ("label_with_negative_values_to_write", lambda root: volume.write_label(
        root / "x.nii.gz", np.full((2, 2, 2), -1), volume.read_grid(image(root))), "as a label"),
    ("label_to_write_on_another_grid", lambda root: volume.write_label(
        root / "x.nii.gz", np.zeros((2, 2, 2), np.uint8), volume.read_grid(image(root))), "its grid"),
    ("label_to_write_in_a_picture_format", lambda root: volume.write_label(
        root / "x.png", np.zeros((SIZE,) * 3, np.uint8), volume.read_grid(image(root))), "suffix"),
):  # fmt: skip
    add(name, words, "option", make)


# --- DICOM -------------------------------------------------------------------------------------------------------


@bad("uneven_slices")
def dicom_slice_doubled(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in [0, 1, 2, 2, 3, 4, 5]])


@bad("uneven_slices")
def dicom_slices_at_one_place(root: Path) -> None:
    slices(root / "images" / "d", [0.0] * 6)


@bad("uneven_slices")
def dicom_slices_of_two_sizes(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(6)])
    slices(root / "images" / "d", [1.5 * index for index in range(6, 8)], size=16, seed=60)


@bad("unreadable")
def dicom_mark_and_nothing_else(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(6)])
    (root / "images" / "d" / "1.2.3.4_003.dcm").write_bytes(bytes(128) + b"DICM")
