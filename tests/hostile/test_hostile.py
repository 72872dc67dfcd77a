"""Broken and hostile inputs through the command line: a sentence and exit code 2, or a command that may succeed.

A sample of the corpus here, all of it in ``make test-all``; ``python -m benchmarks.hostile`` says how each kind ends.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.inputs import INPUTS

ROOT = Path(__file__).parents[2]
NAMES = [f"{item.group} {item.name}" for item in INPUTS]
GROUPS = list(dict.fromkeys(item.group for item in INPUTS if item.group != "unbroken"))
SAMPLE = [
    name
    for group in GROUPS
    for name in random.Random(group).sample([name for name in NAMES if name.startswith(f"{group} ")], 4)
]
"""Four of each kind, always the same ones."""


def ends(names: list[str], folder: Path) -> dict[str, dict]:
    """How each input ends: the rows of the server's results by name."""
    (folder / "names.json").write_text(json.dumps(names))
    words = ["-m", "tests.hostile.server", str(folder), str(folder / "names.json"), str(folder / "results.jsonl")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True)
    rows = map(json.loads, (folder / "results.jsonl").read_text().splitlines())
    return {f"{row['group']} {row['name']}": row for row in rows}


def all_end_well(names: list[str], folder: Path) -> None:
    found = ends(names, folder)
    assert found.keys() == set(names)
    bad = {name: (row["outcome"], row["said"]) for name, row in found.items()
           if row["outcome"] not in ("sentence", "passed")}  # fmt: skip
    assert not bad


def test_the_corpus_is_large_and_its_names_differ():
    assert len(set(NAMES)) == len(NAMES) >= 2000
    assert sum(not item.may_pass for item in INPUTS) >= 1000
    assert len(SAMPLE) >= 60


def test_a_sample_of_hostile_inputs_ends_in_sentences(tmp_path):
    all_end_well(SAMPLE, tmp_path)


@pytest.mark.slow
def test_the_commands_succeed_where_nothing_is_broken(tmp_path):
    """Else a sentence about something else would pass for one about what is broken."""
    names = [name for name in NAMES if name.startswith("unbroken ")]
    found = ends(names, tmp_path)
    assert len(names) >= 15
    assert not {name: (row["outcome"], row["said"]) for name, row in found.items() if row["outcome"] != "passed"}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_hostile_input_ends_in_a_sentence(tmp_path, part):
    all_end_well(NAMES[part::8], tmp_path)


def test_the_runner_tells_outcomes_apart(tmp_path):
    """In a process of its own: what it forks must not share this one's threads."""
    program = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from tests.hostile import server\n"
        "from tests.hostile.kinds import Hostile\n"
        "def raising(words, **more):\n"
        "    raise KeyError('oops')\n"
        "def endless(root):\n"
        "    import semivox.cli\n"
        "    def forever(words):\n"
        "        while True: pass\n"
        "    semivox.cli.exit_code = forever\n"
        "    return ()\n"
        "def greedy(root):\n"
        "    import semivox.cli\n"
        "    semivox.cli.exit_code = lambda words: len(bytearray(3 << 30)) * 0\n"
        "    return ()\n"
        "def wrong(root):\n"
        "    import semivox.cli\n"
        "    semivox.cli.exit_code = raising\n"
        "    return ()\n"
        "inputs = [Hostile('own', 'good', lambda root: ('methods', 'nonsense'), ()),\n"
        "  Hostile('own', 'accepted', lambda root: ('methods',), ()),\n"
        "  Hostile('own', 'passed', lambda root: ('methods',), (), True),\n"
        "  Hostile('own', 'traceback', wrong, ()), Hostile('own', 'slow', endless, ()),\n"
        "  Hostile('own', 'greedy', greedy, ()), Hostile('own', 'not made', lambda root: 1 / 0, ())]\n"
        "server.SECONDS = 1\n"
        "folder = Path(sys.argv[1]); (folder / 'good').mkdir(); (folder / 'good' / 'made').touch()\n"
        "results = folder / 'results.jsonl'\n"
        "server.run_all(folder, inputs, results)\n"
        "results.write_text(results.read_text()[:-9]); (folder / 'input 1 2').mkdir()\n"  # as if killed
        "server.run_all(folder, inputs, results)\n"
        "assert len(results.read_text().splitlines()) == len(inputs)\n"
        "assert not list(folder.glob('input *'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, env=environment, check=True)
    found = {
        row["name"]: row["outcome"] for row in map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    }
    assert found == {
        "good": "sentence", "accepted": "accepted", "passed": "passed", "traceback": "traceback", "slow": "slow",
        "greedy": "traceback", "not made": "not made",
    }  # fmt: skip
