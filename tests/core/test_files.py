"""A file is whole or absent, whatever happens while it is written, and the reason is said in a sentence."""

from __future__ import annotations

import resource

import pytest

from semivox.core.errors import SemivoxError
from semivox.core.files import write_atomically, write_text


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(SemivoxError, match=r"cannot write .*file: No space left on device.*make room"):
        write_atomically(path, fail)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(SemivoxError, match=r"cannot write .*gone"):
        write_text(tmp_path / "gone" / "file", "text")


@pytest.fixture
def no_room():
    """A disk that takes files of 1000 bytes: the system itself refuses the rest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_the_system_refuses_is_reported(tmp_path, no_room):
    write_text(tmp_path / "file", "short")
    with pytest.raises(SemivoxError, match=r"cannot write .*file"):
        write_text(tmp_path / "file", "long" * 1000)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "short"
