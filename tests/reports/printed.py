"""What a page is on paper: its PDF read back, with where each word stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

A4 = (595.3, 841.9)
"""Points."""


@dataclass(frozen=True)
class Sheet:
    """One page of paper."""

    size: tuple[float, float]
    """Width and height in points."""
    text: str
    left: float
    """Of its leftmost character; infinite on an empty sheet."""
    right: float


def printed(page: Any) -> list[Sheet]:
    """The sheets of A4 that a browser prints of an open page, with the margins that the page asks for."""
    pdf = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    document = pdf.PdfDocument(page.pdf(format="A4", prefer_css_page_size=True))
    sheets = []
    for one in document:
        text = one.get_textpage()
        boxes = [text.get_charbox(index) for index in range(text.count_chars())]
        seen = [box for box in boxes if box[2] > box[0]]
        left, right = min((box[0] for box in seen), default=float("inf")), max((box[2] for box in seen), default=0.0)
        sheets.append(Sheet(one.get_size(), text.get_text_range(), left, right))
    return sheets


def words(sheets: list[Sheet]) -> str:
    """All text of the sheets, with single spaces."""
    return " ".join(" ".join(sheet.text for sheet in sheets).split())
