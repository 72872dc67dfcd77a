"""Folders and files under the names that people give them."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import default_split, find
from tests.data.layouts.made import describe, told, touch


@pytest.mark.parametrize(
    ("images", "labels", "test_images", "test_labels"),
    [
        ("images", "labels", "test_images", "test_labels"),
        ("Images", "Labels", "Test_Images", "Test_Labels"),
        ("IMAGES", "LABELS", "TEST_IMAGES", "TEST_LABELS"),
        ("imgs", "masks", "images_test", "masks_test"),
        ("Image", "Segmentation", "testImages", "testLabels"),
        ("train/images", "train/labels", "test/images", "test/labels"),
        ("images/train", "labels/train", "images/test", "labels/test"),
        ("ImagesTr", "LabelsTr", "imagests", "labelsTS"),
    ],
)
def test_folders_are_known_by_their_words(tmp_path, images, labels, test_images, test_labels):
    number = "_0000" if "Tr" in images else ""
    touch(tmp_path, f"{images}/a{number}.nii.gz", f"{images}/u{number}.nii.gz", f"{labels}/a.nii.gz")
    touch(tmp_path, f"{test_images}/t{number}.nii.gz", f"{test_labels}/t.nii.gz")
    split = default_split(find(tmp_path))
    assert (split.labeled, split.unlabeled, split.test) == (("a",), ("u",), ("t",))


@pytest.mark.skipif(sys.platform == "darwin", reason="the disk takes both names for one")
def test_folders_that_differ_in_capitals_only_are_refused(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "Images/b.nii.gz", "labels/a.nii.gz")
    with pytest.raises(InputError, match="seem to hold the same"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("image", "label"),
    [("img0001", "label0001"), ("volume-1", "segmentation-1"), ("image_x", "mask_x"), ("p1_image", "p1_GT")],
)
def test_labels_find_their_images_behind_their_tags(tmp_path, image, label):
    touch(tmp_path, f"images/{image}.nii.gz", f"labels/{label}.nii.gz")
    assert [entry.label is not None for entry in find(tmp_path).entries] == [True]


def test_accents_match_however_they_are_written(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Jörg") for form in ("NFC", "NFD"))
    touch(tmp_path, f"images/{decomposed}.nii.gz", f"labels/{composed}.nii.gz")
    assert default_split(find(tmp_path)).labeled == (composed,)


@pytest.mark.skipif(sys.platform == "darwin", reason="the disk refuses such names")
@pytest.mark.parametrize("place", [b"images/J\xf6rg.nii.gz", b"labels/J\xf6rg.nii.gz", b"unlabeled/J\xf6rg.nii.gz"])
def test_names_that_are_not_utf_8_get_a_sentence(tmp_path, place):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz", "unlabeled/u.nii.gz")
    with open(os.path.join(os.fsencode(tmp_path), place), "wb") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"J\\xf6rg\.nii\.gz: the name is not UTF-8"):
        find(tmp_path)


@pytest.mark.skipif(sys.platform == "darwin", reason="the disk refuses such names")
def test_a_passed_over_file_with_such_a_name_can_be_told(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    with open(os.fsencode(tmp_path) + b"/images/n\xf6tes.txt", "wb") as file:
        file.write(b"x")
    (text,) = find(tmp_path).skipped
    assert "n\\xf6tes.txt" in text
    text.encode("utf-8")


@pytest.mark.skipif(sys.platform == "darwin", reason="the disk refuses such names")
def test_a_folder_with_such_a_name_gets_a_sentence(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xe4"
    os.mkdir(folder)
    with pytest.raises(InputError, match="not UTF-8"):
        find(type(tmp_path)(os.fsdecode(folder)))


def test_labels_among_the_images_are_taken_or_told(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "images/a_seg.nii.gz", "images/b.nii.gz", "images/b_mask.nii.gz")
    touch(tmp_path, "labels/b.nii.gz", "images/c_seg.nii.gz")
    dataset = find(tmp_path)
    assert told(dataset) == {
        "a": ["training", "images/a_seg.nii.gz", "images/a.nii.gz"],
        "b": ["training", "labels/b.nii.gz", "images/b.nii.gz"],
        "c": ["training", None, "images/c_seg.nii.gz"],
    }
    assert {remark.code for remark in dataset.remarks} == {"label_beside_image", "two_labels"}


@pytest.mark.parametrize("folders", [("images", "labels", ""), ("imagesTr", "labelsTr", "_0000")])
@pytest.mark.parametrize("file", ["b.png", "b_seg.mat", "b/slice1.png"])
def test_a_label_that_cannot_be_read_is_told(tmp_path, folders, file):
    images, labels, number = folders
    touch(tmp_path, *(f"{images}/{name}{number}.nii.gz" for name in "abu"), f"{labels}/a.nii.gz", f"{labels}/{file}")
    touch(tmp_path, f"{labels}/readme.txt")
    assert [(r.level, r.code, r.message[:6]) for r in find(tmp_path).remarks] == [("warning", "unread_label", "1 file")]


def test_a_number_that_can_be_no_channel_stays_part_of_the_name(tmp_path):
    touch(tmp_path, "images/anna_0001.nii.gz", "labels/anna_0001.nii.gz", "images/bert_0002.nii.gz")
    touch(tmp_path, "images/carl_0000.nii.gz", "labels/carl.nii.gz", "images/dora_0001.nii.gz", "labels/emil.nii.gz")
    touch(tmp_path, "images/emil_0000.nii.gz")
    (tmp_path / "labels" / "anna_0001.nii.gz").unlink()
    assert set(told(find(tmp_path))) == {"anna_0001", "bert_0002", "carl", "dora_0001", "emil"}


@pytest.mark.parametrize("declared", [True, False])
def test_numbers_that_count_channels_are_stripped(tmp_path, declared):
    for name in "ab":
        touch(tmp_path, f"images/{name}_0000.nii.gz", f"images/{name}_0001.nii.gz", f"labels/{name}.nii.gz")
    touch(tmp_path, "images/u_0000.nii.gz", "images/u_0001.nii.gz", "images/v_0007.nii.gz")
    if declared:
        describe(tmp_path, channel_names={"0": "T1", "1": "T2"})
    found = told(find(tmp_path))
    assert {name: len(files) - 2 for name, files in found.items()} == {"a": 2, "b": 2, "u": 2, "v_0007": 1}


def test_nnunet_scans_of_one_channel_that_are_numbered_like_channels_stay_apart(tmp_path):
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesUn/p_0001.nii.gz", "imagesUn/p_0002.nii.gz")
    assert set(told(find(tmp_path))) == {"a", "p_0001", "p_0002"}


def test_a_folder_a_patient_within_images_and_labels(tmp_path):
    for name in ("Müller", "b"):
        touch(tmp_path, f"images/{name}/ct.nii.gz", f"labels/{name}/liver.nii.gz")
    touch(tmp_path, "images/u/CT.nii.gz", "test/images/t/ct.nii.gz", "test/labels/t/ct.nii.gz")
    found = told(find(tmp_path))
    assert found["Müller"] == ["training", "labels/Müller/liver.nii.gz", "images/Müller/ct.nii.gz"]
    assert found["u"] == ["training", None, "images/u/CT.nii.gz"]
    assert found["t"] == ["test", "test/labels/t/ct.nii.gz", "test/images/t/ct.nii.gz"]


def test_several_images_in_a_patients_folder_are_channels(tmp_path):
    for name in "ab":
        touch(tmp_path, f"images/{name}/{name}_t2.nii.gz", f"images/{name}/{name}_t1.nii.gz", f"labels/{name}/x.nii.gz")
    dataset = find(tmp_path)
    assert dataset.channels == ("t1", "t2")
    assert told(dataset)["b"] == ["training", "labels/b/x.nii.gz", "images/b/b_t1.nii.gz", "images/b/b_t2.nii.gz"]


def test_images_of_a_patient_with_labels_of_their_names_are_visits(tmp_path):
    for visit in ("v1", "v2"):
        touch(tmp_path, f"images/p/{visit}.nii.gz", f"labels/p/{visit}.nii.gz", f"images/q/{visit}.nii.gz")
    dataset = find(tmp_path)
    assert told(dataset)["p_v2"] == ["training", "labels/p/v2.nii.gz", "images/p/v2.nii.gz"]
    assert {entry.name: entry.group for entry in dataset.entries} == {
        "p_v1": "p", "p_v2": "p", "q_v1": "q", "q_v2": "q",
    }  # fmt: skip


def test_an_image_in_a_patients_folder_finds_a_label_that_lies_in_none(tmp_path):
    touch(tmp_path, "images/p/ct.nii.gz", "labels/p.nii.gz", "images/q.nii.gz", "labels/q/ct.nii.gz")
    found = told(find(tmp_path))
    assert found["p"] == ["training", "labels/p.nii.gz", "images/p/ct.nii.gz"]
    assert found["q"] == ["training", "labels/q/ct.nii.gz", "images/q.nii.gz"]


def test_two_labels_in_a_patients_folder_are_said(tmp_path):
    touch(tmp_path, "images/p/ct.nii.gz", "labels/p/liver.nii.gz", "labels/p/spleen.nii.gz")
    touch(tmp_path, "images/q/ct.nii.gz", "labels/q/liver.nii.gz")
    assert [remark.code for remark in find(tmp_path).remarks if remark.level == "error"] == ["two_labels"]


def test_names_that_look_alike_are_told_apart(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Jörg") for form in ("NFC", "NFD"))
    touch(tmp_path, f"images/{composed}.nii.gz", f"images/{decomposed}.nii.gz", "labels/x.nii.gz")
    with pytest.raises(InputError, match="two files claim the case") as error:
        find(tmp_path)
    assert r"J\xf6rg.nii.gz" in str(error.value)
    assert r"Jo\u0308rg.nii.gz" in str(error.value)
