"""The Python interface: check, plan, prepare, train, predict, evaluate, run, demo, as ``semivox.<name>``; patches,
study and report from here.

Paths may be text or ``pathlib.Path``. Errors that a user can mend are ``semivox.core.errors.SemivoxError``. Pass
``tell=semivox.study.progress.Terminal()`` to see bars and sentences. Scripts that train or check need
``if __name__ == "__main__":``, as all Python programs that start processes do.
"""

from __future__ import annotations

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.study.verbs import check, demo, evaluate, patches, plan, predict, prepare, report, run, study, train

__all__ = [
    "InputError",
    "InterruptedRun",
    "Plan",
    "SemivoxError",
    "Split",
    "check",
    "demo",
    "evaluate",
    "patches",
    "plan",
    "predict",
    "prepare",
    "report",
    "run",
    "study",
    "train",
]
