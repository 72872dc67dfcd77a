"""Every bad data set in a folder of its name."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.corpus.data_set import good
from tests.corpus.every import BAD


def write_all(folder: Path) -> None:
    """Write them."""
    for item in BAD:
        if item.level == "option":  # no files
            continue
        good(folder / item.name)
        item.make(folder / item.name)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
