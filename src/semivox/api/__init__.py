"""What Semivox does, a function for each command: the Python interface, which the command line calls.

``semivox.check`` and the others are these functions. Paths may be text or ``pathlib.Path``. Errors that a user can fix
are ``semivox.SemivoxError``. Pass ``progress=semivox.Terminal()`` to see bars and sentences. Scripts that train or
check need ``if __name__ == "__main__":``, as all Python programs that start processes do. Importing this module
imports no torch; the functions do.
"""

from __future__ import annotations

from semivox.api.data import check, join, patches, plan, prepare
from semivox.api.experiments import demo, report, run, study
from semivox.api.models import evaluate, predict, pretrain, train
from semivox.api.rounds import adopt, self_train, suggest, watch
from semivox.api.viewer import view

__all__ = [
    "adopt",
    "check",
    "demo",
    "evaluate",
    "join",
    "patches",
    "plan",
    "predict",
    "prepare",
    "pretrain",
    "report",
    "run",
    "self_train",
    "study",
    "suggest",
    "train",
    "view",
    "watch",
]
