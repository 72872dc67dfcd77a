"""Each layout is recognized by itself, and says what the same cases are for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import default_split, find


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def describe(root: Path, **content) -> None:
    (root / "dataset.json").write_text(json.dumps(content))


LABELS = {"background": 0, "liver": 1, "tumor": 7, "ignore": 9}


def two_folders(root: Path) -> None:
    touch(root, "images/a.nii.gz", "images/b.nrrd", "images/u.nii", "labels/a.nii.gz", "labels/b.nii.gz")
    touch(root, "unlabeled/v.mha", "test_images/t.nii.gz", "test_labels/t.nii.gz")
    touch(root, "validation_images/w.nii.gz", "validation_labels/w.nii.gz")
    describe(root, channel_names={"0": "CT"}, labels=LABELS)


def tagged_two_folders(root: Path) -> None:
    touch(root, "images/a_image.nii.gz", "images/b-image.nii", "images/u.nii", "images/v_image.nii.gz")
    touch(root, "labels/a_seg.nii.gz", "labels/b_mask.nii.gz")
    touch(root, "test_images/t.nii.gz", "test_labels/t_label.nii.gz")
    touch(root, "validation_images/w.nii.gz", "validation_labels/w-seg.nii.gz")
    describe(root, channel_names={"0": "CT"}, labels=LABELS)


def nnunet(root: Path) -> None:
    for name in "abu":
        touch(root, f"imagesTr/{name}_0000.nii.gz")
    touch(root, "labelsTr/a.nii.gz", "labelsTr/b.nii.gz", "imagesUn/v_0000.nii.gz")
    touch(root, "imagesTs/t_0000.nii.gz", "labelsTs/t.nii.gz", "imagesVa/w_0000.nii.gz", "labelsVa/w.nii.gz")
    describe(root, channel_names={"0": "CT"}, labels=LABELS, file_ending=".nii.gz", numTraining=2)


def msd(root: Path) -> None:
    training = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in "ab"]
    training += [{"image": "imagesTr/u.nii.gz"}, {"image": "imagesTr/v.nii.gz", "label": None}]
    test = [{"image": "imagesTs/t.nii.gz", "label": "labelsTs/t.nii.gz"}]
    validation = [{"image": "imagesVa/w.nii.gz", "label": "labelsVa/w.nii.gz"}]
    labels = {"0": "background", "1": "liver", "7": "tumor", "9": "ignore"}
    describe(root, modality={"0": "CT"}, labels=labels, training=training, test=test, validation=validation)


def table(root: Path) -> None:
    rows = [
        "Case_ID;image;label;split;group",
        "a;x/1.nii.gz;y/1.nii.gz;train;p1",
        "b;x/2.nii.gz;y/2.nii.gz;;p2",
        "u;x/3.nii.gz;;;p3",
        "v;x/4.nii.gz;y/4.nii.gz;unlabeled;p4",
        "t;x/5.nii.gz;y/5.nii.gz;test;p5",
        "w;x/6.nii.gz;y/6.nii.gz;val;p6",
    ]
    (root / "cases.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    describe(root, channel_names={"0": "CT"}, labels=LABELS)


@pytest.mark.parametrize("layout", [two_folders, tagged_two_folders, nnunet, msd, table])
def test_every_layout_tells_the_same_split_and_classes(tmp_path, layout):
    layout(tmp_path)
    dataset = find(tmp_path)
    split = default_split(dataset)
    assert split.labeled == ("a", "b")
    assert split.unlabeled == ("u", "v")
    assert split.validation == ("w",)
    assert split.test == ("t",)
    assert dataset.channels == ("CT",)
    assert dataset.classes is not None
    assert [(info.name, info.value) for info in dataset.classes] == [("background", 0), ("liver", 1), ("tumor", 7)]
    assert dataset.ignore == 9
    assert dataset.entry("v").label is None  # also where the table names a label for an unlabeled case


def test_table_may_be_given_itself(tmp_path):
    table(tmp_path)
    dataset = find(tmp_path / "cases.csv")
    assert dataset.entry("a").images == (tmp_path / "x/1.nii.gz",)
    assert dataset.entry("a").group == "p1"
    assert any("'v'" in text or "of v" in text for text in dataset.skipped)


def test_table_with_several_images_a_case(tmp_path):
    (tmp_path / "c.csv").write_text("case_id,image,image_2,image_10,label\na,1.nii,2.nii,10.nii,l.nii\n")
    assert [path.name for path in find(tmp_path).entry("a").images] == ["1.nii", "2.nii", "10.nii"]


def test_table_that_is_not_of_cases_is_left_alone(tmp_path):
    two_folders(tmp_path)
    (tmp_path / "scores.csv").write_text("case,dice\na,0.9\n")
    assert find(tmp_path).layout == "two folders"


def test_explicit_table_wins_over_folders(tmp_path):
    two_folders(tmp_path)
    (tmp_path / "cases.csv").write_text("case_id,image,label\nonly,images/a.nii.gz,labels/a.nii.gz\n")
    assert [entry.name for entry in find(tmp_path).entries] == ["only"]


def test_channels_of_a_case_are_put_in_order(tmp_path):
    for index in (2, 0, 1):
        touch(tmp_path, f"imagesTr/a_000{index}.nii.gz")
    touch(tmp_path, "labelsTr/a.nii.gz")
    assert [path.name[:6] for path in find(tmp_path).entry("a").images] == ["a_0000", "a_0001", "a_0002"]


def test_numbers_at_the_end_of_names_are_channels_only_if_labels_lack_them(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    touch(one, "images/p_0000.nii.gz", "images/p_0001.nii.gz", "labels/p.nii.gz")
    touch(two, "images/p_0000.nii.gz", "images/p_0001.nii.gz", "labels/p_0000.nii.gz")
    assert [(entry.name, len(entry.images)) for entry in find(one).entries] == [("p", 2)]
    assert [(entry.name, len(entry.images)) for entry in find(two).entries] == [("p_0000", 1), ("p_0001", 1)]


def test_nnunet_list_of_files(tmp_path):
    touch(tmp_path, "x/1.nii.gz", "y/1.nii.gz")
    describe(tmp_path, dataset={"a": {"images": ["x/1.nii.gz"], "label": "y/1.nii.gz"}}, labels=LABELS)
    dataset = find(tmp_path)
    assert (dataset.layout, dataset.entry("a").label) == ("nnU-Net raw", tmp_path / "y/1.nii.gz")


def test_labels_without_images_are_kept_for_the_checks(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz", "labels/lost.nii.gz")
    assert find(tmp_path).entry("lost").images == ()
    assert default_split(find(tmp_path)).labeled == ("a",)


def test_test_scans_without_label_are_in_no_part(tmp_path):
    two_folders(tmp_path)
    touch(tmp_path, "test_images/x.nii.gz")
    split = default_split(find(tmp_path))
    assert "x" not in {*split.labeled, *split.unlabeled, *split.validation, *split.test}


def test_junk_is_passed_over_and_told(tmp_path):
    two_folders(tmp_path)
    touch(tmp_path, "images/._a.nii.gz", "images/.hidden.nii", "images/readme.txt", "images/folder/x.txt")
    dataset = find(tmp_path)
    assert len(dataset.skipped) == 4
    assert {entry.name for entry in dataset.entries} == set("abuvtw")


@pytest.mark.parametrize("name", ["größe 1", "o'neil", 'a"b', "日本", "a.b.c"])
def test_unusual_names_are_kept(tmp_path, name):
    touch(tmp_path, f"images/{name}.nii.gz", f"labels/{name}.nii.gz")
    assert default_split(find(tmp_path)).labeled == (name,)


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", " ", "a\\b", "x" * 201, ".x", "a\x7fb", "a\x9bb", "a\u2028b", "a\u202eb"]
)
def test_dangerous_names_are_refused(tmp_path, name):
    (tmp_path / "c.csv").write_text(f"case_id,image,label\n{name},1.nii,2.nii\n", encoding="utf-8")
    with pytest.raises(InputError):
        find(tmp_path)


def test_nothing_labeled_is_told(tmp_path):
    touch(tmp_path, "images/a.nii.gz")
    with pytest.raises(InputError, match="no case with both image and label"):
        default_split(find(tmp_path))


def test_an_unknown_layout_shows_what_is_accepted(tmp_path):
    with pytest.raises(InputError, match="Accepted layouts"):
        find(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"labels": {"background": 0, "liver": "one"}},
        {"labels": [0, 1]},
        {"labels": {"background": 0, "liver": -1}},
        {"labels": {"background": 1, "liver": 0}},
        {"labels": {"background": 3, "liver": 1}},
        {"labels": {"background": 0, "liver": 65_536}},
        {"labels": {"background": 0, "liver": "\u00b2"}},
        {"labels": {"background": 0} | {f"c{value}": value for value in range(1, 300)}},
        {"channel_names": ["CT"]},
    ],
)
def test_bad_description_names_the_file(tmp_path, content):
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    describe(tmp_path, **content)
    with pytest.raises(InputError, match=r"dataset\.json"):
        find(tmp_path)
