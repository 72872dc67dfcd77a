"""How does the command line end on broken and hostile inputs: files, headers, records, models, options, names?

    python -m benchmarks.hostile [--jobs N] [--only WORD] [--kept FOLDER] [--out FOLDER]

Each of some 3900 inputs (``tests/hostile``) is a good folder in which one thing is broken, and a command. It runs in a
process of its own, forked from one that has imported everything, with 10 seconds of computing and 1 GB of memory on top
of that. Good is a sentence and exit code 2 without a traceback; where what is broken is harmless or worked around, the
command may succeed. Writes ``results/benchmarks/hostile.md``, with the state of the code it ran on. With ``--kept`` the
same command goes on where it was stopped, as long as the code is the same.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

from tests.hostile.inputs import INPUTS

GOOD = ("sentence", "passed")
MEANING = {
    "sentence": "a sentence, exit code 2",
    "passed": "the command succeeds, as it may",
    "accepted": "the command succeeds and should not",
    "other code": "a sentence, another exit code",
    "silent": "exit code 2 without a word",
    "traceback": "a traceback",
    "crash": "killed by a signal of its own",
    "slow": "more than 10 s of computing",
    "never": "no end within 60 s",
    "not made": "the input could not be made",
}


def state_of_code() -> str:
    """The commit that is checked out; with a mark where files differ from it."""
    asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=-changed"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def measured(names: list[str], jobs: int, folder: Path, state: str) -> list[dict]:
    """Run the inputs of these names, in so many processes at once; those with a result in the folder are not run."""
    begun = json.dumps([state, jobs, names])
    if (folder / "begun.json").exists() and (folder / "begun.json").read_text() != begun:
        sys.exit(f"{folder} was begun with other code, inputs or --jobs; give another --kept")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "begun.json").write_text(begun)
    servers = []
    for job in range(jobs):
        place = folder / str(job)
        place.mkdir(exist_ok=True)
        (place / "names.json").write_text(json.dumps(names[job::jobs]))
        words = ["-m", "tests.hostile.server", str(place), str(place / "names.json"), str(place / "results.jsonl")]
        servers.append(subprocess.Popen([sys.executable, *words]))
    for server in servers:
        assert server.wait() == 0
    lines = [line for path in folder.glob("*/results.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def page(rows: list[dict], state: str) -> str:
    """The result as a page."""
    groups = list(dict.fromkeys(item.group for item in INPUTS))
    counts = {group: Counter(row["outcome"] for row in rows if row["group"] == group) for group in groups}
    shown = [outcome for outcome in MEANING if any(outcome in count for count in counts.values())]
    good = sum(row["outcome"] in GOOD for row in rows)
    lines = [
        "# Broken and hostile inputs",
        "",
        f"{good} of {len(rows)} end as they should: {sum(row['outcome'] == 'sentence' for row in rows)} in a sentence "
        f"and exit code 2, {sum(row['outcome'] == 'passed' for row in rows)} that may succeed do so. Made by "
        "`python -m benchmarks.hostile`; each in a process of its own with 10 s of computing and 1 GB on top of the "
        f"imported program. All on commit {state}, {date.today()}.",
        "",
        "| | inputs | " + " | ".join(MEANING[outcome] for outcome in shown) + " |",
        "|---|---|" + "---|" * len(shown),
    ]
    for group in groups:
        cells = [str(counts[group][outcome] or "") for outcome in shown]
        lines.append(f"| {group} | {sum(counts[group].values())} | " + " | ".join(cells) + " |")
    total = Counter(row["outcome"] for row in rows)
    lines.append(f"| all | {len(rows)} | " + " | ".join(str(total[outcome]) for outcome in shown) + " |")
    memory = max(row["megabytes"] or 0 for row in rows)
    lines += ["", f"The most memory that one took on top of the imported program: {memory} MB; the longest computing: "]
    lines[-1] += f"{max(row['computed'] for row in rows):.1f} s."
    if bad := [row for row in rows if row["outcome"] not in GOOD]:
        lines += ["", "Not as they should:", ""]
        lines += [f"- {row['group']}, {row['name']!r}: {MEANING[row['outcome']]}" for row in bad]
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=1, help="processes at once")
    arguments.add_argument("--only", default="", help="inputs whose name holds this")
    arguments.add_argument("--kept", type=Path, help="where results are kept, to go on after a stop")
    arguments.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    asked = arguments.parse_args()
    names = [name for item in INPUTS if asked.only in (name := f"{item.group} {item.name}")]
    random.Random(0).shuffle(names)  # so that what has run after a while is a fair part of all
    state = state_of_code()
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(names, asked.jobs, asked.kept or Path(folder), state)
    assert len(rows) == len(names)
    assert state_of_code() == state, "the code was changed meanwhile"
    text = page(rows, state)
    print(text)
    if not asked.only:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "hostile.md").write_text(text)


if __name__ == "__main__":
    main()
