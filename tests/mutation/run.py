"""Which broken promises do the tests notice?

    python -m tests.mutation.run [--kept FILE] [WORD]

Breaks one line of a copy of the program after the other, and runs the tests that must fail then. FILE gets a line for
each, with the commit; those that have one there are not run again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS

ROOT = Path(__file__).parents[2]
MOST = 600
"""Seconds of computing after which a broken program has noticeably lost its way: some never end."""


def survives(mutant: Mutant, folder: Path) -> str:
    """What the tests say of a mutant that they do not notice; empty where they do."""
    copy = folder / "src"
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "semivox" / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        return f"its text stands {text.count(mutant.old)} times in {mutant.file}; write the mutant anew"
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    words = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "slow or not slow", *mutant.tests]
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -t {MOST}; exec "$0" "$@"', sys.executable, *words],
        cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode in (1, -signal.SIGXCPU, -signal.SIGKILL, -signal.SIGTERM):  # a test asks itself to stop
        return ""
    return f"pytest ended with {done.returncode}:\n{done.stdout[-1500:]}"


def state() -> str:
    """The commit that is checked out; with a mark where files differ from it."""
    asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=-changed"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.strip()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("word", nargs="?", default="", help="those whose name holds this")
    arguments.add_argument("--kept", type=Path, help="file of what was run")
    asked = arguments.parse_args()
    wanted = [mutant for mutant in MUTANTS if asked.word in mutant.name]
    known = asked.kept.read_text(encoding="utf-8").splitlines() if asked.kept and asked.kept.exists() else []
    living = []
    for mutant in wanted:
        line = f"noticed   {mutant.file}: {mutant.name} ({state()})"
        if line in known:
            continue
        with tempfile.TemporaryDirectory() as folder:
            why = survives(mutant, Path(folder))
        print(line.replace("noticed ", "SURVIVES", 1) if why else line, flush=True)
        if asked.kept and not why:
            with asked.kept.open("a", encoding="utf-8") as file:
                print(line, file=file)
        if why:
            print(why)
            living.append(mutant.name)
    print(f"{len(wanted) - len(living)} of {len(wanted)} are noticed")
    sys.exit(bool(living))


if __name__ == "__main__":
    main()
