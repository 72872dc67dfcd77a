"""What torchrun starts twice: a run on the spheres prepared in a folder, validated as it goes."""

from __future__ import annotations

import sys
from pathlib import Path

from semivox.core.split import Split
from semivox.data.prepared.store import Store
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.training import tiny

if __name__ == "__main__":
    root = Path(sys.argv[1])
    config = tiny.config("mean_teacher", devices=2, device="cpu", validate_every=2, selection="validation")
    train_run(
        RunSpec(
            RunFolder(root / "run"), Store(root / "prepared"), Split.load(root / "split.json"), tiny.plan(4), config
        )
    )
