"""Zeros by the gigabyte, packed: bombs for tests, without the seconds that packing them would take."""

from __future__ import annotations

import struct
import zlib

MEBIBYTE = 1 << 20


def deflated(mebibytes: int, head: bytes = b"") -> bytes:
    """A raw deflate stream of ``head`` and so many mebibytes of zeros: one packed block, over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)  # after which nothing earlier is referred to
    block = packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + block * mebibytes + packer.flush()


def gzipped(mebibytes: int, head: bytes = b"") -> bytes:
    """The same as a gzip file."""
    zeros, check = bytes(MEBIBYTE), zlib.crc32(head)
    for _ in range(mebibytes):
        check = zlib.crc32(zeros, check)
    size = (len(head) + mebibytes * MEBIBYTE) % (1 << 32)
    return b"\x1f\x8b\x08" + bytes(7) + deflated(mebibytes, head) + struct.pack("<II", check, size)


def zlibbed(mebibytes: int) -> bytes:
    """The same as a zlib stream."""
    zeros, check = bytes(MEBIBYTE), zlib.adler32(b"")
    for _ in range(mebibytes):
        check = zlib.adler32(zeros, check)
    return b"\x78\xda" + deflated(mebibytes) + struct.pack(">I", check)
