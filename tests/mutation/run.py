"""Which broken promises do the tests notice?

    python -m tests.mutation.run [WORD]

Breaks one line of a copy of the program after the other, and runs the tests that must fail then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


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
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 1:
        return ""
    return f"pytest ended with {done.returncode}:\n{done.stdout[-1500:]}"


def main() -> None:
    wanted = [mutant for mutant in MUTANTS if any(word in mutant.name for word in sys.argv[1:] or [""])]
    living = []
    for mutant in wanted:
        with tempfile.TemporaryDirectory() as folder:
            why = survives(mutant, Path(folder))
        print(f"{'SURVIVES' if why else 'noticed '}  {mutant.file}: {mutant.name}", flush=True)
        if why:
            print(why)
            living.append(mutant.name)
    print(f"{len(wanted) - len(living)} of {len(wanted)} are noticed")
    sys.exit(bool(living))


if __name__ == "__main__":
    main()
