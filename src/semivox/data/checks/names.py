"""Do labels that name their classes mean the same by the same number, in all scans?"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from semivox.data.checks.findings import Finding
from semivox.data.formats.scan import Segment
from semivox.data.formats.segments import plain


def swapped_names(told: Mapping[str, Sequence[Segment]], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """Cases whose names and numbers contradict those of most cases; ``told``: case -> what its label says.

    With a declaration in dataset.json, numbers follow the names, and nothing is to be found here.
    """
    usual = _usual(one for segments in told.values() for one in segments)
    owner = {value: name for name, value in usual.items()}
    found = []
    for case, segments in told.items():
        for one in segments:
            name = plain(one.name)
            if usual.get(name) == one.value or (name not in usual and one.value not in owner):
                continue
            meant = f"{one.name!r} is {usual[name]}" if name in usual else f"{one.value} is {owner[one.value]!r}"
            text = f"the segment {one.name!r} has the number {one.value} here; in most labels {meant}"
            listed = json.dumps({"labels": {"background": 0, **usual}})
            fix = f"Name the classes in dataset.json, as {listed}: then each label is read by its own names."
            found.append((case, Finding.of("error", "segment_names", text, fix, files[case])))
            break
    return found


def _usual(segments: Iterable[Segment]) -> dict[str, int]:
    """Name -> the number that most labels give it; no number twice. Rarer names that contradict are left out."""
    counts: dict[tuple[str, int], int] = Counter((plain(one.name), one.value) for one in segments)
    total: dict[str, int] = defaultdict(int)
    for (name, _), count in counts.items():
        total[name] += count
    chosen: dict[str, int] = {}
    for name, value in sorted(counts, key=lambda pair: (-counts[pair], -total[pair[0]], pair[1], pair[0])):
        if name not in chosen and value not in chosen.values():
            chosen[name] = value
    return dict(sorted(chosen.items(), key=lambda item: item[1]))
