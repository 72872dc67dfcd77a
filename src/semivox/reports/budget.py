"""What a page may weigh: it is sent by mail and opened on slow machines, so what is too much lies beside it.

The viewer takes 2.3 MB, pictures and volumes at most what stands here, times 4/3 in base64; 2.7 MB are left for
text, tables and curves (a thousand cases take 2 MB).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semivox.core.files import make_folder, write_atomically
from semivox.inference.jobs import safe_name

PAGE = 15_000_000
"""Bytes of a page."""
PICTURES = 4_200_000
"""Bytes of pictures in a page, before base64."""
VOLUMES = 3_300_000
"""Bytes of volumes in a page, before base64."""
BESIDE = "report_data"
"""Folder beside the page with what it has no room for."""


@dataclass
class Album:
    """The pictures of a page, as far as it has room; further ones become files of ``folder``."""

    folder: Path
    taken: int = 0

    def put(self, png: bytes, name: str) -> tuple[bytes, str]:
        """The picture and no file, or no picture and the file called ``name`` into which it was written."""
        if self.taken + len(png) > PICTURES:
            return b"", written_beside(self.folder, name, ".png", png)
        self.taken += len(png)
        return png, ""


def written_beside(folder: Path, name: str, ending: str, content: bytes) -> str:
    """Write a file beside the page; returns its path from there."""
    make_folder(folder)
    path = folder / f"{safe_name(name)}{ending}"
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return f"{folder.name}/{path.name}"
