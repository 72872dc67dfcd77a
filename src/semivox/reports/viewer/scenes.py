"""What the viewer shows: a scan and what is laid over it, as values that become JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from semivox.core.plan import ClassInfo
from semivox.reports.overlay import COLORS, HEAT

CT_WINDOWS = (("soft tissue", -160.0, 240.0), ("lung", -1350.0, 150.0), ("bone", -450.0, 1050.0), ("brain", 0.0, 80.0))
"""Name, lowest and highest shown value, Hounsfield units: level and width as radiology uses them."""


@dataclass(frozen=True)
class Layer:
    """One volume of a scene: the scan itself, a label, or a map."""

    name: str
    source: Mapping[str, str]
    """``{"url": ...}`` beside the page, or ``{"id": ...}`` of an element of the page that holds base64."""
    kind: Literal["image", "label", "map"]
    classes: tuple[ClassInfo, ...] = ()
    """Of a label: its classes without background."""
    opacity: float = 1.0
    low: float | None = None
    high: float | None = None
    """The shown range of values; None: the middle 96 % of them."""

    def content(self) -> dict[str, Any]:
        """As the viewer's program reads it."""
        found: dict[str, Any] = {"name": self.name, "source": dict(self.source), "opacity": self.opacity}
        if self.kind == "label":
            found["classes"] = [
                {"name": info.name, "value": info.value, "color": COLORS[index % len(COLORS)]}
                for index, info in enumerate(self.classes)
            ]
        elif self.kind == "map":
            found["colormap"] = HEAT
        if self.low is not None and self.high is not None:
            found |= {"low": self.low, "high": self.high}
        return found


@dataclass(frozen=True)
class Scene:
    """One case: the scan first, then what is laid over it."""

    name: str
    layers: tuple[Layer, ...]


def is_ct(channels: Sequence[str]) -> bool:
    """Whether a channel's name says that its values are Hounsfield units, for which there are windows."""
    return any(name.upper() in ("CT", "HU", "CBCT") for name in channels)


def scenes_json(scenes: Sequence[Scene], ct: bool) -> str:
    """Scenes and windows as JSON that may stand inside a page: no character of it ends the element."""
    windows: list[dict[str, Any]] = [{"name": "whole range", "low": None, "high": None}]
    if ct:
        windows += [{"name": name, "low": low, "high": high} for name, low, high in CT_WINDOWS]
    content = {
        "scenes": [{"name": scene.name, "layers": [layer.content() for layer in scene.layers]} for scene in scenes],
        "windows": windows,
    }
    return json.dumps(content).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
