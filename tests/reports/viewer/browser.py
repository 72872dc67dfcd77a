"""A headless browser for tests of pages; skips with the reason where there is none."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

ARGUMENTS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
"""WebGL without a graphics card."""


@dataclass
class Opened:
    """A page, and what its console said."""

    page: Any
    said: list[str] = field(default_factory=list)


@contextmanager
def opened(url: str, width: int = 1200, height: int = 900, **options: Any) -> Iterator[Opened]:
    """The page in a browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        try:
            page = browser.new_page(viewport={"width": width, "height": height}, **options)
            found = Opened(page)
            page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
            page.goto(url)
            yield found
        finally:
            browser.close()


def colors(png: bytes) -> int:
    """How many different values a picture has."""
    from matplotlib.image import imread

    return len(np.unique((imread(io.BytesIO(png))[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0))


def inks(png: bytes) -> tuple[int, int]:
    """How many pixels of a picture are of a color, and how many are gray, black ones left out."""
    from matplotlib.image import imread

    values = imread(io.BytesIO(png))[..., :3]
    seen, spread = values.max(-1) > 0.2, np.ptp(values, axis=-1)
    return int((seen & (spread > 0.2)).sum()), int((seen & (spread < 0.05)).sum())
