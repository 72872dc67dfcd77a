"""What the pages print is run: a command of every kind, and every program, on tiny scans with few steps.

A kind is a command with the options that are given, whatever their values. One command of each kind is run by
``make test``, all others by ``make test-all``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import APART, PAGES, ROOT, arguments, blocks, command_lines, kind, name_of
from tests.reader import Reader, fewer

LACKING = {
    "--on slurm": "needs SLURM's command sbatch, which is not found here",
    "--on ray": "no Ray cluster answers at 'auto'",  # with one on this machine: tests/experiments/test_engines.py
    "--server http://127.0.0.1:5000": "MLflow at http://127.0.0.1:5000 cannot be used",
}
"""What a test machine has not, and the sentence that then says so."""
LAUNCHED = ("torchrun", "--devices")
"""Trainings in several processes are started as a user starts them, two at most."""
HEAVY = ("--network uxnet", "--processes 8", *LAUNCHED)
"""Some ten seconds each, or more: run by ``make test-all`` alone."""
ELSEWHERE = {
    "docs/how-to/add-a-method.md": "tests/test_outside_method.py",
    "docs/how-to/add-a-format.md": "tests/data/formats/test_registry.py",
    "docs/how-to/add-a-metric.md": "tests/evaluation/test_metrics.py",
}
"""Pages whose programs are put where they say, and run there."""


def printed() -> list[pytest.param]:
    """Every command; all but the first of a kind are slow."""
    seen, found = set(), []
    for page in PAGES:
        for number, line in enumerate(command_lines(page)):
            slow = kind(line) in seen or any(word in line for word in HEAVY)
            seen.add(kind(line))
            if not any(part in line for part in APART):
                marks = [pytest.mark.slow] if slow else []
                found.append(pytest.param(line, id=f"{name_of(page)}-{number}", marks=marks))
    return found


def programs() -> list[pytest.param]:
    return [
        pytest.param(code, id=f"{name_of(page)}-{number}")
        for page in PAGES
        if name_of(page) not in ELSEWHERE
        for number, code in enumerate(blocks(page, "python"))
    ]


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"))


@pytest.mark.parametrize("line", printed())
def test_a_printed_command_runs(line, reader, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # "auto" would join a cluster that somebody else has here
    if "--on slurm" in line:  # likewise a SLURM: tests/experiments/test_on_slurm.py
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    if any(word in line for word in LAUNCHED):
        launched(line, reader, tmp_path)
        return
    code, said = reader.run(line, tmp_path), capfd.readouterr().err
    lacking = next((sentence for word, sentence in LACKING.items() if word in line), None)
    if lacking is None:
        assert code == 0, said
    else:
        assert code == 2
        assert lacking in " ".join(said.split())


def launched(line, reader, place):
    """Start a training in two processes, each on one thread, with few steps."""
    words = arguments(line)
    if "--devices" in words:
        words[words.index("--devices") + 1] = "2"
    reader.show("scans", place)
    few = ["--steps", "2", "--device", "cpu"]
    few += [word for item in ("spacing=8,8,8", "patch=16,16,8") for word in ("--set", f"plan.{item}")]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    start = [sys.executable, *(torchrun if line.startswith("torchrun") else [])]
    command = [*start, "-m", "semivox", *words, *few, "--set", "plan.precision=32-true"]
    done = subprocess.run(command, cwd=place, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert (place / "runs" / "em" / "done").exists()


@pytest.mark.parametrize("code", programs())
def test_a_printed_program_runs(code, reader, tmp_path, capfd):
    written = reader.execute(code, tmp_path)
    assert all(path.exists() for path in written), capfd.readouterr()


def test_pages_whose_programs_run_elsewhere_are_read_there():
    for page, test in ELSEWHERE.items():
        assert page.rpartition("/")[2] in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "semivox predict runs/em -i nowhere/ -o labels/",
        "semivox train scans/ -o runs/mt --method mean-teecher",
        "semivox train scans/ -o runs/em --set method.decai=0.5",
        "semivox evaluate -r references/ -p new_scans/ -o scores/",
    ],
)
def test_a_page_with_a_command_that_fails_would_be_noticed(line, reader, tmp_path):
    assert reader.run(line, tmp_path) == 2


def test_what_is_made_smaller_stands_on_the_pages():
    for many, few in (("--size 96", "--size 8"), ("test = 60", 'test = ["bert"]'), ("--steps 6000", "--steps 2")):
        assert any(many in block for page in PAGES for block in blocks(page, "sh", "toml"))
        assert few in fewer("\n".join(block for page in PAGES for block in blocks(page, "sh", "toml")))


@pytest.mark.parametrize("part", APART)
def test_what_is_run_elsewhere_is_printed_and_run_there(part):
    assert any(part in line for page in PAGES for line in command_lines(page))
    assert (ROOT / APART[part]).is_file()
