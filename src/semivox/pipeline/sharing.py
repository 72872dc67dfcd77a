"""Processes that train a run together share the patches of a step: more of them mean less time, the same experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sharing(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Training settings by name, with ``split_batch`` where there are several devices and it is left open."""
    devices = settings.get("devices", 1)
    return {"split_batch": True, **settings} if isinstance(devices, int) and devices > 1 else settings
