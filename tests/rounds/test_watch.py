"""What a watch does between two rounds: it waits until labels are whole, and outlives what scans do to readers."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from semivox.core.errors import InputError
from semivox.core.processes import pool
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.checks import run as checking
from semivox.pipeline import stages
from semivox.pipeline.progress import Terminal
from semivox.rounds import watch as watching
from tests.rounds.loop import asked

END = "summary of the next round"


@pytest.fixture
def unlabeled(loop):
    """The name and the label file of a scan that nobody has labeled; a label that fits any scan of the set."""
    entries, split = layouts.find(loop / "data").entries, Split.load(loop / "job" / "split.json")
    label = next(entry.label for entry in entries if entry.name == split.labeled[0])
    return split.unlabeled[0], label.with_name(f"{split.unlabeled[0]}.nii.gz"), label


@pytest.fixture
def watched(loop, monkeypatch):
    """A watch of the finished job whose next round is only noted: what it said, and after how many looks it began."""
    rounds, looks = [], []

    def noted(job, begin, progress):
        rounds.append(begin)
        if len(rounds) == 2:
            raise InputError(END)

    monkeypatch.setattr(watching, "run_rounds", noted)

    def watch(deeds, most=8):
        def look(seconds):
            looks.append(seconds)
            if len(looks) > most:
                raise InputError("nothing began")
            deeds.get(len(looks), lambda: None)()

        with pytest.raises(InputError) as end:
            watching.watch(asked(loop / "data", loop / "job"), "warm", Terminal(), 5.0, sleep=look)
        return str(end.value), len(looks)

    return watch


def test_a_label_of_the_same_size_that_changed_since_the_last_look_is_waited_for(watched, unlabeled):
    _, place, label = unlabeled
    content = label.read_bytes()

    def written(time):
        place.write_bytes(content)
        os.utime(place, ns=(time, time))

    assert watched({1: lambda: written(10**18), 2: lambda: written(2 * 10**18)}) == (END, 3)


def test_a_look_that_cannot_read_the_folder_is_a_look_without_labels(watched, unlabeled, loop):
    _, place, label = unlabeled
    away = loop / "away"
    deeds = {
        1: lambda: (loop / "data").rename(away),
        2: lambda: away.rename(loop / "data"),
        3: lambda: place.write_bytes(label.read_bytes()),
    }
    assert watched(deeds) == (END, 4)


@pytest.mark.skipif(sys.platform != "linux", reason="a reader that is a copy has the fault of this process")
def test_a_scan_that_kills_its_reader_does_not_end_the_watch(watched, unlabeled, monkeypatch, capsys):
    name, place, label = unlabeled
    here = os.getpid()

    def deadly(task):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it would have ended the watch")

    for module in (pool, stages):
        monkeypatch.setattr(module, "forkable", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(checking, "examine", deadly)
        ended = watched({1: lambda: place.write_bytes(label.read_bytes())}, most=4)
    assert ended == ("nothing began", 5)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("reading it ends the process that does so") == 1
    assert f"leave it out: --exclude {name}. Waiting until that is done." in said


def test_a_folder_that_cannot_be_read_is_told_once_and_so_is_that_it_is_back(watched, unlabeled, loop, capsys):
    _, place, label = unlabeled
    away, data = loop / "away", loop / "data"

    def mount_point():
        data.rename(away)
        data.mkdir()

    def back():
        data.rmdir()
        away.rename(data)

    deeds = {1: mount_point, 5: back, 6: lambda: place.write_bytes(label.read_bytes())}
    assert watched(deeds) == (END, 7)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("Waiting until the folder can be read again.") == 1
    assert f"{data} has no known layout; it is empty. Waiting until the folder can be read again." in said
    assert said.count("can be read again. Waiting for labels.") == 1


def test_what_cannot_be_read_for_one_look_is_not_worth_a_word(watched, unlabeled, loop, capsys):
    _, place, label = unlabeled
    away = loop / "away"
    deeds = {
        1: lambda: (loop / "data").rename(away),
        2: lambda: away.rename(loop / "data"),
        3: lambda: place.write_bytes(label.read_bytes()),
    }
    assert watched(deeds) == (END, 4)
    assert "can be read again" not in " ".join(capsys.readouterr().err.split())
