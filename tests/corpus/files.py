"""Damaged files: cut, empty, of another kind, bombs."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from tests import bombs
from tests.corpus.data_set import (
    cut,
    gray,
    image,
    label,
    patch_header,
    replace_image,
    save,
    table,
)
from tests.corpus.register import bad


@bad("truncated")
def truncated_nii_gz(root: Path) -> None:
    cut(image(root))


@bad("truncated")
def truncated_last_byte(root: Path) -> None:
    image(root).write_bytes(image(root).read_bytes()[:-1])


@bad("truncated")
def whole_gzip_of_half_a_scan(root: Path) -> None:
    data = gzip.decompress(image(root).read_bytes())
    image(root).write_bytes(gzip.compress(data[: len(data) // 2]))


@bad("truncated")
def truncated_nii(root: Path) -> None:
    image(root).unlink()
    save(root / "images" / "a.nii", gray(0))
    cut(root / "images" / "a.nii")


@bad("truncated")
def nii_header_only_in_part(root: Path) -> None:
    image(root).unlink()
    save(root / "images" / "a.nii", gray(0))
    cut(root / "images" / "a.nii", 0.005)


@bad("truncated")
def truncated_nrrd(root: Path) -> None:
    cut(replace_image(root, ".nrrd"))


@bad("truncated")
def truncated_nrrd_gzip(root: Path) -> None:
    cut(replace_image(root, ".nrrd", compress=True))


@bad("truncated")
def truncated_mha(root: Path) -> None:
    cut(replace_image(root, ".mha"))


@bad("truncated")
def truncated_mha_zlib(root: Path) -> None:
    cut(replace_image(root, ".mha", compress=True))


@bad("truncated")
def truncated_label(root: Path) -> None:
    cut(label(root))


@bad("unreadable")
def flipped_bits_in_gzip(root: Path) -> None:
    data = bytearray(image(root).read_bytes())
    data[len(data) // 2] ^= 0xFF
    data[-6] ^= 0xFF  # the checksum
    image(root).write_bytes(bytes(data))


@bad("empty_file")
def zero_bytes(root: Path) -> None:
    image(root).write_bytes(b"")


@bad("html_page")
def html_login_page(root: Path) -> None:
    image(root).write_text("<!DOCTYPE html><html><body>Please log in</body></html>")


@bad("lfs_pointer")
def git_lfs_pointer(root: Path) -> None:
    image(root).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123\n")


@bad("wrong_suffix")
def nii_named_nii_gz(root: Path) -> None:
    image(root).write_bytes(gzip.decompress(image(root).read_bytes()))


@bad("wrong_suffix")
def nii_gz_named_nii(root: Path) -> None:
    image(root).rename(root / "images" / "a.nii")


@bad("unreadable")
def text_named_nrrd(root: Path) -> None:
    image(root).unlink()
    (root / "images" / "a.nrrd").write_text("hello")


@bad("unreadable")
def text_named_mha(root: Path) -> None:
    image(root).unlink()
    (root / "images" / "a.mha").write_text("hello")


@bad("missing_file")
def mhd_without_its_raw(root: Path) -> None:
    replace_image(root, ".mhd").with_suffix(".raw").unlink()


@bad("missing_file")
def dangling_link(root: Path) -> None:
    image(root).unlink()
    image(root).symlink_to(root / "gone.nii.gz")


@bad("unreadable")
def analyze_header_without_mark(root: Path) -> None:
    patch_header(image(root), 344, b"\0\0\0\0")


@bad("unreadable")
def gzip_bomb(root: Path) -> None:
    data = gzip.decompress(image(root).read_bytes())
    image(root).write_bytes(bombs.gzipped(80, data))


@bad("truncated")
def header_that_claims_what_no_gzip_of_this_size_can_hold(root: Path) -> None:
    patch_header(image(root), 42, np.int16([1500, 1500, 1500]).tobytes())


@bad("unreadable")
def gzip_of_something_else(root: Path) -> None:
    image(root).write_bytes(gzip.compress(b"name,age\n" * 100))


@bad("unreadable")
def gzip_mark_and_nothing_else(root: Path) -> None:
    image(root).write_bytes(b"\x1f\x8b\x08\x00" + bytes(20))


@bad("html_page")
def xml_error_of_a_download(root: Path) -> None:
    image(root).write_text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')


@bad("missing_file")
def folder_where_a_file_should_be(root: Path) -> None:
    table(root, f"case_id,image,label\na,{root}/gone/a.nii.gz,labels/a.nii.gz\nb,images/b.nii.gz,labels/b.nii.gz\n")
