"""Are all pixels of a file there? Asked before any memory is taken for them.

Uncompressed pixels are counted. Compressed ones lie in items, of which at least one a frame must be there and whole.
"""

from __future__ import annotations

from semivox.data.formats.dicom.opening import FIX, Opened, Pixels, stream_of
from semivox.data.formats.integrity import require_size
from semivox.data.formats.scan import ScanError

ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
"""Tags of an item and of the end of the items (PS3.5, A.4)."""
WIDTHS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}


def bits_of(opened: Opened) -> int:
    """Bits that one pixel takes in the file."""
    keyword = opened.pixels.keyword if opened.pixels else ""
    return WIDTHS.get(keyword) or int(opened.data.get("BitsAllocated", 16))


def require_frames(opened: Opened, rows: int, columns: int, frames: int) -> None:
    """Raise ScanError ``truncated`` if the file cannot hold that many frames of that size."""
    pixels = opened.pixels
    if pixels is None:
        raise ScanError("truncated", f"{opened.path} holds no pixels.", FIX)
    if not pixels.encapsulated:
        require_size(opened.path, pixels.length, (frames * rows * columns * bits_of(opened) + 7) // 8)
        return
    count = count_items(opened, pixels)
    if count < frames:
        raise ScanError(
            "truncated", f"{opened.path} claims {frames} compressed frames and holds {count}.", FIX
        )  # fmt: skip


def count_items(opened: Opened, pixels: Pixels) -> int:
    """The whole items of compressed pixels, without the table of offsets that comes first. Raises ScanError."""
    count, end = 0, pixels.start + pixels.length
    with stream_of(opened) as stream:
        stream.seek(pixels.start)
        while True:
            head = stream.read(8)
            if head[:4] == END:
                return max(count - 1, 0)
            length = int.from_bytes(head[4:], "little")
            if len(head) < 8 or head[:4] != ITEM or stream.tell() + length > end:
                raise ScanError(
                    "truncated", f"{opened.path} is truncated: its compressed pixels have no end.", FIX
                )  # fmt: skip
            stream.seek(length, 1)
            count += 1
