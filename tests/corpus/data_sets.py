"""Data sets, their tables and descriptions, and names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from tests.corpus.data_set import (
    AFFINE,
    SIZE,
    describe,
    gray,
    image,
    itk_image,
    save,
    table,
)
from tests.corpus.register import add, bad


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


@bad("not_hounsfield", "warning")
def scans_of_another_kind_that_are_named_ct(root: Path) -> None:
    describe(root, {"channel_names": {"0": "CT"}, "labels": {"background": 0, "one": 1, "two": 2}})


@bad("similar_names", "warning")
def names_that_differ_in_case(root: Path) -> None:
    save(root / "images" / "U.nii.gz", gray(12))


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
