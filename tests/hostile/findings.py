"""The bad data sets of ``tests/corpus.py`` through the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests import corpus, corpus_more
from tests.hostile.kinds import CHECK, Words, hostile

assert corpus_more.BAD is corpus.BAD


def _broken(item: corpus.Bad, root: Path) -> Words:
    item.make(root / "scans")
    return CHECK


for _item in corpus.BAD:
    if _item.level in ("error", "refused"):
        hostile("data sets", _item.name, partial(_broken, _item))
