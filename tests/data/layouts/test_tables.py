"""A table with a wrong column is an error that names the right one."""

from __future__ import annotations

import unicodedata

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import find
from tests.data.layouts.made import told, touch


@pytest.mark.parametrize(
    ("header", "wrong", "right"),
    [
        ("case_id,image,lable", "lable", "label"),
        ("case_id,image,labels", "labels", "label"),
        ("case_id,image,mask", "mask", "label"),
        ("case_id,image,label_path", "label_path", "label"),
        ("case_id,image,segmentation", "segmentation", "label"),
        ("case id,image,label", "case id", "case_id"),
        ("id,image,label", "id", "case_id"),
        ("case_id,img,label", "img", "image"),
        ("case_id,image_path,label", "image_path", "image"),
        ("case_id,image,label,spilt", "spilt", "split"),
        ("case_id,image,label,patient", "patient", "group"),
        ("case_id,image,label,subject_id", "subject_id", "group"),
    ],
)
@pytest.mark.parametrize("given", ["folder", "table"])
def test_a_wrong_column_is_named_with_the_right_one(tmp_path, header, wrong, right, given):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    (tmp_path / "cases.csv").write_text(f"{header}\na,images/a.nii.gz,labels/a.nii.gz\n")
    with pytest.raises(InputError, match=f"{wrong!r}, did you mean {right!r}"):
        find(tmp_path if given == "folder" else tmp_path / "cases.csv")


def test_columns_of_other_things_are_passed_over(tmp_path):
    (tmp_path / "c.csv").write_text("case_id,image,label,age,scanner\na,1.nii,2.nii,50,x\n")
    assert find(tmp_path).skipped == ("column age: not used", "column scanner: not used")


@pytest.mark.parametrize("header", ["case,dice,hd95_mm", "subject,age,sex", "name,value", "case_id,dice"])
def test_tables_of_other_things_are_left_alone(tmp_path, header):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    (tmp_path / "scores.csv").write_text(f"{header}\na,1,2\n")
    assert find(tmp_path).layout == "two folders"


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x1c"])
def test_a_letter_that_looks_like_a_line_end_makes_no_second_row(tmp_path, letter):
    """What a person sees as one row would be two cases, one of them of another scan."""
    touch(tmp_path, f"images/a{letter}b,images.nii.gz", "images/a", "b")
    (tmp_path / "c.csv").write_text(f'case_id,image\na,"images/a{letter}b,images.nii.gz"\n', encoding="utf-8")
    (case,) = find(tmp_path).entries
    assert [path.name for path in case.images] == [f"a{letter}b,images.nii.gz"]


@pytest.mark.parametrize("cell", ["x" * 200_000, '"' + "x" * 200_000])
def test_an_endless_cell_is_refused_in_a_sentence(tmp_path, cell):
    (tmp_path / "c.csv").write_text(f"case_id,image\na,{cell}\n")
    with pytest.raises(InputError, match=r"c\.csv is not a table: field larger"):
        find(tmp_path / "c.csv")


def test_a_table_without_images_is_refused_when_given(tmp_path):
    (tmp_path / "c.csv").write_text("case_id,label\na,2.nii\n")
    with pytest.raises(InputError, match="no column 'image'"):
        find(tmp_path / "c.csv")


def test_an_empty_table_is_said_to_have_no_columns(tmp_path):
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(InputError, match=r"no column .case_id.; it has none; allowed are"):
        find(tmp_path / "c.csv")


def test_a_path_with_an_unquoted_comma_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("case_id,image,label\na,scan 1,5.nii,l.nii\n")
    with pytest.raises(InputError, match="row 2: more cells than columns"):
        find(tmp_path)


def test_two_tables_are_refused(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("case_id,image,label\na,1.nii,2.nii\n")
    with pytest.raises(InputError, match=r"test\.csv and train\.csv"):
        find(tmp_path)


def test_windows_paths_and_accents_of_another_system_are_found(tmp_path):
    decomposed = unicodedata.normalize("NFD", "jörg")
    touch(tmp_path, f"Images/{decomposed}.nii.gz", "labels/x.nii.gz")
    (tmp_path / "c.csv").write_text("case_id,image,label\njörg,images\\jörg.nii.gz,labels\\x.nii.gz\n", "utf-8")
    assert told(find(tmp_path)) == {"jörg": [None, "labels/x.nii.gz", f"Images/{decomposed}.nii.gz"]}


def test_tab_separated_tables_and_empty_lines_are_read(tmp_path):
    (tmp_path / "c.tsv").write_text("case_id\timage\tlabel\n\na\t1.nii\t2.nii\n\t\t\n")
    assert list(told(find(tmp_path))) == ["a"]
