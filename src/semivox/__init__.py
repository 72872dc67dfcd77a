"""Semivox: from a folder of 3D scans, a handful of them labeled, to a segmentation model that can be trusted.

``semivox.check``, ``join``, ``plan``, ``prepare``, ``train``, ``predict``, ``evaluate``, ``run``, ``demo``,
``patches``, ``study``, ``report``, ``pretrain``, ``suggest``, ``adopt``, ``self_train`` (the command ``rounds``),
``watch`` and ``view`` are the commands as functions (``semivox.api``). They are looked up when first used, so that
``import semivox`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semivox.api import (
        adopt,
        check,
        demo,
        evaluate,
        join,
        patches,
        plan,
        predict,
        prepare,
        pretrain,
        report,
        run,
        self_train,
        study,
        suggest,
        train,
        view,
        watch,
    )
    from semivox.core.errors import InputError, InterruptedRun, SemivoxError
    from semivox.core.plan import Plan
    from semivox.core.split import Split
    from semivox.pipeline.predictor import Predictor
    from semivox.pipeline.progress import Terminal

__all__ = [
    "InputError",
    "InterruptedRun",
    "Plan",
    "Predictor",
    "SemivoxError",
    "Split",
    "Terminal",
    "__version__",
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

_HOME = {
    **dict.fromkeys(("InputError", "InterruptedRun", "SemivoxError"), "semivox.core.errors"),
    "Plan": "semivox.core.plan",
    "Predictor": "semivox.pipeline.predictor",
    "Split": "semivox.core.split",
    "Terminal": "semivox.pipeline.progress",
}
"""Where a name stands that is no function of ``semivox.api``."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("semivox")
    if name in __all__:
        return getattr(import_module(_HOME.get(name, "semivox.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
