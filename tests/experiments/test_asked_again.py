"""A finished job is answered from its files only while all of them, the scans and the program are what they were."""

import os
from pathlib import Path

import pytest

from semivox.experiments import asked_again
from semivox.experiments.asked_again import FILE, HERE, answer, forget, remember

OLD = (1e9, 1e9)
"""Seconds since 1970: when the scans were last changed."""


@pytest.fixture
def folders(tmp_path):
    """Scans, one of them elsewhere, and what a job made of them."""
    for place in ("scans/a.nii.gz", "elsewhere/b.nii.gz", "split.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(b"scan")
        os.utime(tmp_path / place, OLD)
    for place in ("summary.txt", "model/weights", "prepared/a", "checkpoints/1", "lock"):
        (tmp_path / "job" / place).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "job" / place).write_bytes(b"job")
    return tmp_path


def request(folder: Path) -> dict[str, object]:
    return {"method": "ua_mt", "split": folder / "split.json", "plan": {"steps": 3, "hours": None}}


def keep(folder: Path) -> None:
    said = f"Report: {HERE / 'report.html'}"
    remember(request(folder), folder / "scans", [folder / "elsewhere" / "b.nii.gz"], folder / "job", said)


def ask(folder: Path, **other: object) -> str | None:
    return answer({**request(folder), **other}, folder / "scans", folder / "job")


def test_the_answer_is_the_same_and_names_the_folder(folders):
    assert ask(folders) is None
    keep(folders)
    assert ask(folders) == f"Report: {folders / 'job' / 'report.html'}"
    kept = (folders / "job" / FILE).read_text(encoding="utf-8")
    assert str(folders / "job") not in kept


def test_a_folder_with_a_space_is_quoted_in_the_command_alone(folders):
    (folders / "job").rename(folders / "my job")
    said = f"Model to use: {HERE / 'model'} (semivox predict {HERE} -i SCANS -o LABELS)\nReport: {HERE / 'report.html'}"
    remember(request(folders), folders / "scans", [folders / "elsewhere" / "b.nii.gz"], folders / "my job", said)
    told = answer(request(folders), folders / "scans", folders / "my job")
    job = folders / "my job"
    assert told == (
        f"Model to use: {job / 'model'} (semivox predict '{job}' -i SCANS -o LABELS)\nReport: {job / 'report.html'}"
    )


@pytest.mark.parametrize(
    "place",
    [
        "scans/a.nii.gz",
        "elsewhere/b.nii.gz",
        "split.json",
        "job/summary.txt",
        "job/model/weights",
        "scans/new",
        "job/new",
    ],
)
def test_any_other_file_is_no_answer(folders, place):
    keep(folders)
    (folders / place).write_bytes(b"else")
    assert ask(folders) is None


@pytest.mark.parametrize("place", ["scans/a.nii.gz", "elsewhere/b.nii.gz", "split.json", "job/summary.txt"])
def test_a_lost_file_is_no_answer(folders, place):
    keep(folders)
    (folders / place).unlink()
    assert ask(folders) is None


@pytest.mark.parametrize("place", ["job/prepared/a", "job/checkpoints/1", "job/lock"])
def test_what_only_training_reads_may_change(folders, place):
    keep(folders)
    (folders / place).write_bytes(b"else")
    assert ask(folders) is not None


@pytest.mark.parametrize("other", [{"method": "cps"}, {"plan": {"steps": 4, "hours": None}}, {"labels": False}])
def test_other_words_are_no_answer(folders, other):
    keep(folders)
    assert ask(folders, **other) is None


def test_another_folder_to_stand_in_is_no_answer(folders, monkeypatch):
    keep(folders)
    monkeypatch.chdir(folders)
    assert ask(folders) is None  # relative paths in the options would mean other files


def test_another_program_is_no_answer(folders, monkeypatch):
    keep(folders)
    monkeypatch.setattr(asked_again, "version", lambda _: "0.0.1")
    assert ask(folders) is None


def test_other_bytes_of_the_same_size_and_time_are_no_answer(folders):
    keep(folders)
    (folders / "scans" / "a.nii.gz").write_bytes(b"nacs")
    os.utime(folders / "scans" / "a.nii.gz", OLD)
    assert ask(folders) is None


def test_a_scan_that_has_just_changed_is_not_trusted(folders):
    (folders / "scans" / "a.nii.gz").write_bytes(b"just")
    keep(folders)
    assert not (folders / "job" / FILE).exists()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"version": 7}', "\0"])
def test_a_damaged_record_is_no_answer(folders, content):
    (folders / "job" / FILE).write_text(content, encoding="utf-8")
    assert ask(folders) is None


def test_what_was_kept_is_forgotten_before_a_job_begins(folders):
    keep(folders)
    forget(folders / "job")
    assert ask(folders) is None
    forget(folders / "nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_pipe_in_the_job_is_not_waited_for(folders):
    os.mkfifo(folders / "job" / "pipe")
    keep(folders)
    assert ask(folders) is None


def test_links_that_lead_back_end(folders):
    (folders / "scans" / "again").symlink_to(folders / "scans", target_is_directory=True)
    keep(folders)
    assert ask(folders) is not None
