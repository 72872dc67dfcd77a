"""Ctrl-C says what is kept and how to go on, in every long command."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from semivox.cli import exit_code

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
    words = "untouched, and the same command begins again" if name in AGAIN else "kept, and the same command goes on"
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of a terminal there are others")
def test_ctrl_c_in_a_job_before_its_first_training_ends_is_answered(tmp_path):
    """A real signal to a real job; where it is training already, it saves and says so (75)."""
    job = [sys.executable, "-m", "semivox", "demo", "--quick", "--out", str(tmp_path / "demo")]
    with subprocess.Popen(job, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (tmp_path / "demo" / "run").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    # Python itself ends with the signal where a class was being made, as by an import
    assert process.returncode in (
        130,
        75,
        -signal.SIGINT,
    )
    assert "same command" in said
    assert "Traceback" not in said
