"""Records are read from regular files alone, and within the memory that is free."""

from __future__ import annotations

import os

import pytest

from semivox.core import reading
from semivox.core.errors import InputError
from semivox.core.split import Split


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path, make):
    make(tmp_path / "split.json")
    with pytest.raises(InputError, match=r"split\.json"):
        Split.load(tmp_path / "split.json")


def test_what_does_not_fit_in_the_free_memory_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b"x" * 1000)
    monkeypatch.setattr(reading, "available", lambda: 7000)
    with pytest.raises(InputError, match="holds 1 kB"):
        reading.content_of(tmp_path / "a.json")
    assert len(reading.content_of(tmp_path / "a.json", room=7)) == 1000


def test_a_line_ends_where_files_end_lines_and_nowhere_else():
    text = "a\x0bb\x0cc\x1c\x85\u2028\u2029d\ne\r\nf\rg"
    assert reading.lines_of(text) == ["a\x0bb\x0cc\x1c\x85\u2028\u2029d\n", "e\r\n", "f\r", "g"]
    assert reading.lines_of("") == []


@pytest.mark.parametrize(
    ("name", "said"), [("gone", "gone does not exist"), ("a" * 5000, "cannot read"), ("a\0b", "cannot read")]
)
def test_names_of_nothing_are_said_in_a_sentence(tmp_path, name, said):
    with pytest.raises(InputError, match=said) as caught:
        reading.content_of(tmp_path / name)
    assert len(str(caught.value)) < 400
