"""A study of two short trainings, done by the command line wherever a test wants it."""

import json
import os
import subprocess
import sys

from semivox.data import phantom

STUDY = """
methods = ["supervised", "mean_teacher"]
seeds = [1]
[cases]
labeled = [1]
[plan]
steps = 2
spacing = [8, 8, 8]
patch = [16, 16, 8]
network = "small"
fields = {precision = "32-true", channels_last = false}
[train]
device = "cpu"
"""


def write(root):
    """Scans and the study file."""
    phantom.write(root / "scans", 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    (root / "study.toml").write_text(STUDY)
    return root


def words(root, out, *more):
    """The words behind ``semivox`` that run it with further options."""
    return [str(word) for word in ("study", root / "study.toml", "--data", root / "scans", "-o", out, *more)]


def study(root, out, *more, **variables):
    """Run it in a process of its own, with environment variables."""
    command = [sys.executable, "-m", "semivox", *words(root, out, *more)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)


def scores(folder):
    """The scores and weights of every run."""
    found = {}
    for path in sorted(folder.rglob("scores.json")):
        run = path.parent
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]  # the rest names the model, whose card has timings
        found[str(run.relative_to(folder))] = rows, (run / "model" / "weights.safetensors").read_bytes()
    return found
