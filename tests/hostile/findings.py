"""The bad data sets of ``tests/corpus`` through the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.corpus.every import BAD
from tests.corpus.register import Bad
from tests.hostile.kinds import CHECK, Words, hostile


def _broken(item: Bad, root: Path) -> Words:
    item.make(root / "scans")
    return CHECK


for _item in BAD:
    if _item.level in ("error", "refused"):
        hostile("data sets", _item.name, partial(_broken, _item))
