"""Ctrl-C says what is kept and how to go on, in every long command."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from semivox.cli import app, exit_code
from semivox.cli.interrupted import interrupted

LONG = {
    "check": ["check", "data"],
    "plan": ["plan", "data", "-o", "plan.json"],
    "prepare": ["prepare", "data", "-o", "out"],
    "train": ["train", "data", "-o", "out"],
    "run": ["run", "data", "-o", "out"],
    "study": ["study", "study.toml", "-o", "out"],
    "suggest": ["suggest", "data"],
    "adopt": ["adopt", "data", "data"],
    "predict": ["predict", "data", "--in", "data", "--out", "out"],
    "self_train": ["rounds", "data"],
    "watch": ["watch", "data", "-o", "out"],
    "demo": ["demo"],
    "fetch": ["fetch", "hippocampus", "--accept-license", "-o", "out"],
}
AGAIN = ("check", "plan", "suggest")
"""Those that write what they made at their end."""


@pytest.mark.parametrize("name", LONG)
def test_an_interrupted_command_says_what_is_kept(name, tmp_path, monkeypatch, capsys):
    def at_work(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(60)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "study.toml").write_text("")
    place = "semivox.pipeline.fetch.fetch" if name == "fetch" else f"semivox.api.{name.replace('prepare', 'plan')}"
    monkeypatch.setattr(place, at_work)
    assert exit_code(LONG[name]) == 130
    said = capsys.readouterr()
    words = "untouched, and the same command begins again" if name in AGAIN else "kept, and the same command continues"
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


KEPT = "what was finished before is kept, and the same command continues from there"
ANEW = "what was there before is untouched, and the same command begins again"
SENTENCES = {
    KEPT: "prepare pretrain train predict run adopt rounds watch study view demo fetch",
    ANEW: "check join plan evaluate export suggest report methods",
    "empty the folder of patches, and give the same command again": "patches",
}


def test_each_command_has_the_sentence_that_is_true_of_it():
    said = {name: sentence for sentence, names in SENTENCES.items() for name in names.split()}
    commands = {command.callback.__name__ for command in app.registered_commands}
    assert commands == set(said)  # a new command has to say what it keeps
    assert {name: interrupted(name) for name in commands} == {name: f"interrupted; {said[name]}" for name in commands}
    assert interrupted("") == f"interrupted; {ANEW}"  # before any had begun


PREPARING = """
import os, signal, sys
from semivox.cli import exit_code
from semivox.experiments import arrange
def interrupted(*arguments, **options):
    os.kill(os.getpid(), signal.SIGINT)
    raise AssertionError("the signal was not heard")
arrange._prepared = interrupted
sys.exit(exit_code(["demo", "--quick", "--out", sys.argv[1]]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of a terminal there are others")
def test_ctrl_c_in_a_job_before_its_first_training_is_answered(tmp_path):
    """A real signal in a process of its own, at a place of the job that no clock decides."""
    job = [sys.executable, "-c", PREPARING, str(tmp_path / "demo")]
    done = subprocess.run(job, capture_output=True, encoding="utf-8", timeout=240)
    assert done.returncode == 130, done.stderr
    assert "same command" in done.stderr
    assert "Traceback" not in done.stderr
