"""Which scans may be of one patient: the same place in the scanner, or nearly the same voxels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding

EDGE = 12
"""Places of a signature along each axis."""
ALIKE = 0.95
"""Correlation of two signatures from which two scans count as one: by chance, noise is not the same."""
FEWEST = 200
"""Places at which a scan must vary for its signature to mean something."""
CONVENTION = 3
"""Scans of one set that may share an origin by chance of a visit; more share it because a program set it."""
CHUNK = 512


def signature(channel: np.ndarray) -> tuple[float, ...]:
    """Differences of neighboring voxels at evenly spread places of a channel (X, Y, Z), of unit length.

    They are noise and texture more than anatomy, since large ones are cut down. Empty where too few places vary.
    """
    if min(channel.shape) < 2:
        return ()
    index = [np.linspace(0, size - 2, min(EDGE, size - 1)).round().astype(int) for size in channel.shape]
    here, beside = np.ix_(*index), np.ix_(*(places + 1 for places in index))
    values = (channel[here].astype(np.float64) - channel[beside].astype(np.float64)).ravel()
    sizes = np.abs(values[values != 0])
    if sizes.size < FEWEST or len(np.unique(sizes)) < EDGE:
        return ()
    cut = 3 * np.median(sizes)
    values = np.clip(values, -cut, cut)
    return tuple((values / np.linalg.norm(values)).tolist())


def likely_same(
    cases: Sequence[Examined], groups: Mapping[str, str], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """(case, finding) of scans that seem to be of one patient, though nothing says so."""
    found = []
    for names, why in [*_near_copies(cases), *_same_world(cases), *_same_origin(cases)]:
        if len({groups.get(name, name) for name in names}) < 2:
            continue
        text = f"{' and '.join(names[:4])} are probably from one patient: {why}"
        fix = "If they are, say so in a CSV table (column group), so that they stay on one side of every split."
        finding = Finding.of("warning", "likely_same_patient", text, fix, files[names[0]])
        found.append((names[0], finding))
    return found


def _near_copies(cases: Sequence[Examined]) -> list[tuple[list[str], str]]:
    """Pairs of scans of one size whose voxels agree but for the unit; exact copies are told elsewhere."""
    sized: dict[tuple[int, ...], list[Examined]] = defaultdict(list)
    for case in cases:
        if case.signature:
            sized[case.shape].append(case)
    found = []
    for alike in sized.values():
        vectors = np.array([case.signature for case in alike], np.float32)
        for start in range(0, len(alike), CHUNK):
            close = vectors[start : start + CHUNK] @ vectors.T
            for i, j in zip(*np.nonzero(close > ALIKE), strict=True):
                one, other = alike[start + int(i)], alike[int(j)]
                if start + i < j and one.digest != other.digest:
                    found.append(([one.name, other.name], "their voxels agree but for the unit or a filter"))
    return found


def _same_origin(cases: Sequence[Examined]) -> list[tuple[list[str], str]]:
    """Scans that begin at the very same place in the scanner, down to a hundredth of a millimeter."""
    places: dict[tuple[float, ...], list[str]] = defaultdict(list)
    for case in cases:
        if case.origin and not _is_made(case):
            places[(*(round(value, 2) for value in case.origin), *case.shape)].append(case.name)
    shared = Counter(len(names) for names in places.values() if len(names) > 1)
    if sum(size * count for size, count in shared.items()) > max(CONVENTION, len(cases) / 4):
        return []  # so many share an origin that a program must have set it
    why = "they have the same size and begin at the same place in the scanner"
    return [(names, why) for names in places.values() if 1 < len(names) <= CONVENTION]


def _same_world(cases: Sequence[Examined]) -> list[tuple[list[str], str]]:
    """Scans whose DICOM headers name one frame of reference."""
    worlds: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        if case.world:
            worlds[case.world].append(case.name)
    why = "their DICOM headers name one frame of reference"
    return [(names, why) for names in worlds.values() if len(names) > 1]


def _is_made(case: Examined) -> bool:
    """Whether an origin is one that programs set: zero, whole numbers, or the scan around zero."""
    middle = [(size - 1) * edge / 2 for size, edge in zip(case.shape, case.spacing, strict=True)]
    return all(
        abs(value - round(value)) < 1e-4 or abs(abs(value) - half) < max(0.5, half * 0.01)
        for value, half in zip(case.origin, middle, strict=True)
    )
