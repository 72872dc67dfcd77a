"""Bad inputs as they occur, made on the fly: each breaks one thing in a good data set, and names its verdict.

``python -m tests.corpus FOLDER`` writes them all, to look at or to try other software on.
"""

from __future__ import annotations

from tests.corpus.data_set import (
    AFFINE,
    SIZE,
    box,
    cut,
    describe,
    good,
    gray,
    image,
    itk_image,
    label,
    patch_header,
    replace_image,
    save,
    slices,
    table,
)

__all__ = [
    "AFFINE",
    "SIZE",
    "box",
    "cut",
    "describe",
    "good",
    "gray",
    "image",
    "itk_image",
    "label",
    "patch_header",
    "replace_image",
    "save",
    "slices",
    "table",
]
