"""A file is whole or absent, whatever happens while it is written, and the reason is said in a sentence."""

from __future__ import annotations

import os
import resource
import stat

import pytest

from semivox.core.errors import SemivoxError
from semivox.core.files import HOST, beside, final_name, fresh, write_atomically, write_text


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


def test_two_processes_never_write_under_one_name_and_what_the_dead_left_is_swept(tmp_path, monkeypatch):
    names = {beside(tmp_path / "a.nii.gz", ".nii.gz").name for _ in range(3)}
    assert len(names) == 3
    assert all(name.endswith(".nii.gz") and final_name(name) == "a.nii.gz" for name in names)
    ours, dead, elsewhere = (
        f".x.{HOST}-{os.getpid()}-0.writing",
        f".x.{HOST}-999999999-0.writing",
        ".x.abcdef-1-0.writing",
    )
    for name in (ours, dead, elsewhere):
        (tmp_path / name).write_text("half")
    monkeypatch.setattr("semivox.core.files._swept", set())
    write_text(tmp_path / "y", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"y", ours, elsewhere}


def test_a_folder_with_a_half_written_first_file_is_fresh(tmp_path):
    (tmp_path / "lock").touch()
    beside(tmp_path / "job.json").touch()
    assert fresh(tmp_path, "job.json")
    (tmp_path / "job.json").touch()
    assert not fresh(tmp_path, "job.json")


def test_content_and_then_the_name_outlive_a_power_cut(tmp_path, monkeypatch):
    """The file is flushed under its temporary name, the folder once it has the final one."""
    said, flush = [], os.fsync

    def noting(descriptor):
        which = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        said.append((which, (tmp_path / "file").exists()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    write_text(tmp_path / "file", "text")
    assert said == [("file", False), ("folder", True)]
