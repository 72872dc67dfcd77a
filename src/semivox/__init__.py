"""Semivox: from a folder of 3D scans, a handful of them labeled, to a segmentation model that can be trusted.

``semivox.check``, ``plan``, ``prepare``, ``train``, ``predict``, ``evaluate``, ``run`` and ``demo`` are the commands as
functions (``semivox.api``). They are looked up when first used, so that ``import semivox`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semivox.api import check, demo, evaluate, plan, predict, prepare, run, train

__all__ = ["check", "demo", "evaluate", "plan", "predict", "prepare", "run", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from semivox import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
