"""A color for each class number, the same in every file."""

from __future__ import annotations

import colorsys


def color_of(value: int) -> tuple[float, float, float]:
    """Red, green and blue from 0 to 1; hues a golden section apart, so that neighbors differ."""
    red, green, blue = colorsys.hsv_to_rgb((value * 0.618033988749895) % 1.0, 0.75, 0.95)
    return round(red * 255) / 255, round(green * 255) / 255, round(blue * 255) / 255
