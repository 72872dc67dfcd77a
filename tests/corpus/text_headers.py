"""Headers of NRRD and MetaImage that are wrong, or cannot be."""

from __future__ import annotations

from pathlib import Path

from tests import bombs
from tests.corpus.data_set import (
    replace_image,
)
from tests.corpus.register import add, bad


def text_header(root: Path, suffix: str, old: bytes, new: bytes) -> None:
    """Case a as ``suffix`` with a word of its text header replaced."""
    path = replace_image(root, suffix)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


for name, suffix, old, new, code in (
    ("nrrd_of_negative_size", ".nrrd", b"sizes: 24", b"sizes: -4", "bad_header"),
    ("nrrd_of_size_in_words", ".nrrd", b"sizes: 24", b"sizes: XX", "bad_header"),
    ("nrrd_of_unknown_type", ".nrrd", b"type: short", b"type: quark", "bad_header"),
    ("nrrd_larger_than_its_file", ".nrrd", b"sizes: 24 24 24", b"sizes: 24 24 99", "truncated"),
    ("nrrd_with_a_direction_of_nan", ".nrrd", b"space directions: (", b"space directions: (nan", "bad_header"),
    ("nhdr_that_points_out_of_its_folder", ".nhdr", b"data file: ", b"data file: ../../", "outside_folder"),
    ("nhdr_that_points_to_the_root", ".nhdr", b"data file: ", b"data file: /etc/", "outside_folder"),
    ("nhdr_over_many_files", ".nhdr", b"data file: a.raw", b"data file: LIST", "bad_header"),
    ("mhd_that_points_out_of_its_folder", ".mhd", b"ElementDataFile = ", b"ElementDataFile = ../", "outside_folder"),
    ("mhd_over_many_files", ".mhd", b"ElementDataFile = a.raw", b"ElementDataFile = a%03d.raw 1 9 1", "bad_header"),
    ("mhd_with_a_header_size_in_words", ".mhd", b"ElementDataFile", b"HeaderSize = x\nElementDataFile", "bad_header"),
    ("mha_of_unknown_type", ".mha", b"MET_SHORT", b"MET_QUARK", "bad_header"),
    ("mha_of_channels_in_words", ".mha", b"ElementType", b"ElementNumberOfChannels = two\nElementType", "bad_header"),
    ("mha_of_1e308_axes", ".mha", b"NDims = 3", b"NDims = 1e308", "bad_header"),  # on which ITK crashes
    ("mha_of_too_few_offsets", ".mha", b"Offset = 0", b"Offset = ", "bad_header"),
    ("mha_header_bomb", ".mha", b"DimSize = 24 24 24", b"DimSize = 99999 99999 99999", "bad_header"),
):
    add(name, code, "error", lambda root, s=suffix, o=old, n=new: text_header(root, s, o, n))


@bad("unreadable")
def mha_bomb(root: Path) -> None:
    path = replace_image(root, ".mha", compress=True)
    head = path.read_bytes().split(b"LOCAL\n")[0] + b"LOCAL\n"
    path.write_bytes(head + bombs.zlibbed(80))
