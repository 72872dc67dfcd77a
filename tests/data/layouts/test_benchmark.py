"""The left-atrium benchmark's files as they are released: found with their lists, whose order counts."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from semivox.core.errors import InputError
from semivox.data.formats.sources import digest_of_files
from semivox.data.layouts.recognize import default_split, find
from tests.data.layouts.made import told, touch
from tests.data.released import FOLDER, TEST, TRAIN, write_lists

FILES = [f"{FOLDER}/{name}/mri_norm2.h5" for name in (*TRAIN, *TEST)]


@pytest.fixture
def root(tmp_path):
    touch(tmp_path, *FILES)
    write_lists(tmp_path, TRAIN, TEST)
    return tmp_path


def test_the_lists_say_what_scans_are_for_and_in_which_order(root):
    found = find(root)
    file = f"{FOLDER}/{{}}/mri_norm2.h5"
    parts = {**dict.fromkeys(TRAIN, "training"), **dict.fromkeys(TEST, "test")}
    assert told(found) == {name: [part, file.format(name), file.format(name)] for name, part in parts.items()}
    assert found.layout == "left-atrium benchmark"
    assert found.order == (*TRAIN, *TEST)
    assert [info.name for info in found.classes] == ["background", "left atrium"]
    assert not found.remarks


@pytest.mark.parametrize("place", ["beside", "above", "in the folder itself"])
def test_the_lists_stand_beside_the_folders_or_above(root, place):
    if place == "beside":
        for name in ("train.list", "test.list"):
            shutil.move(root / name, root / FOLDER / name)
    assert find(root if place != "above" else root / FOLDER).order == (*TRAIN, *TEST)


def test_a_list_alone_names_its_scans(root):
    assert find(root / "test.list").order == TEST


def test_the_first_of_the_order_are_labeled(root):
    split = default_split(find(root), 2)
    assert set(split.labeled) == set(TRAIN[:2])
    assert set(split.unlabeled) == set(TRAIN[2:])
    assert set(split.test) == set(TEST)
    assert set(default_split(find(root)).labeled) == set(TRAIN)
    for count in (0, 5):
        with pytest.raises(InputError, match=f"{count} labeled cases are wanted, but .* has 4 with a label"):
            default_split(find(root), count)


def test_what_is_wrong_with_the_lists_is_a_sentence(root):
    (root / "test.list").write_text("Y5\nQ1\n")
    with pytest.raises(InputError, match=r"'Q1' stands twice in train\.list and test\.list"):
        find(root)
    write_lists(root, (*TRAIN, "Q1"), TEST)
    with pytest.raises(InputError, match=r"'Q1' stands twice in train\.list; remove"):
        find(root)
    write_lists(root, TRAIN, TEST)
    (root / "test.list").write_text("\n")
    with pytest.raises(InputError, match=r"test\.list names no scan"):
        find(root)
    (root / "test.list").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"test\.list is not text in UTF-8"):
        find(root)
    (root / "test.list").write_text("../Y5\n")
    with pytest.raises(InputError, match="cannot name a case"):
        find(root)
    (root / "train.list").unlink()
    with pytest.raises(InputError, match=r"no train\.list stands beside them or in the folder above"):
        find(root)


def test_scans_that_no_list_names_are_told(root):
    touch(root, f"{FOLDER}/spare/mri_norm2.h5")
    assert "1 scan is in no list and not used: spare" in find(root).remarks[0].message


def test_what_a_study_keeps_of_the_files_is_known_of_the_released_ones(root):
    """The digest of the released files in ``experiments.protocols`` was made so, from the repository's own blobs."""
    content = hashlib.sha256(b"x").hexdigest()
    lines = [f"{name} mri_norm2.h5 {content}" for name in sorted((*TRAIN, *TEST)) for _ in ("image", "label")]
    assert digest_of_files(find(root)) == hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def test_test_list_may_be_missing(root):
    (root / "test.list").unlink()
    assert find(root).order == TRAIN


def test_lines_may_end_as_on_windows_and_begin_with_a_mark(root):
    (root / "train.list").write_bytes(b"\xef\xbb\xbf" + "".join(f"{name}\r\n" for name in TRAIN).encode())
    assert find(root).order == (*TRAIN, *TEST)
