"""Do the edges of a label follow the edges of its scan, as they do in the other scans?

A label of another scan of the same size, a mirrored or a shifted one has the right grid and sound values; only a look
at scan and label shows it. Here that look is a number: how much neighbors differ across the edges of the label, against
the same label mirrored, or moved a little. Scan and label are compared with themselves, so no unit and no noise counts.
What that finds, and how often, on labels of three public sets: results/benchmarks/data.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from semivox.core.geometry import Spacing
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding
from semivox.data.planning.sides import AXES

ACROSS = 12.0
"""Voxels across what is drawn, at which edges are looked for: finer ones are noise, coarser ones hide the edge."""
MARGIN = 4
"""Such voxels around it."""
MOVED = 2
"""Such voxels by which the label is moved for comparison."""
FEWEST_EDGES = 300
"""Pairs of neighbors across the edges of a label, fewer of which tell nothing but noise."""
FEWEST = 3
"""Labels that are needed to say which one is mirrored."""
ENOUGH = 8
"""Labels that are needed to say which one does not follow its scan."""
TELLING = 0.06
"""The gain (1 - fit of the moved label / fit) that three of four labels must have for edges to tell anything."""
MISFIT = 0.12
"""Part of the usual gain below which a label does not follow its scan."""
MIRRORED = 1.06
"""Times the fit of a label which it must have when mirrored, to count as mirrored."""
UPRIGHT = 0.97
"""The same below which the labels of the other scans are not mirrored."""
FIX = "Look at the label on its scan; correct its place or orientation, or that of the scan. No action if it fits."


def edge_fit(channel: np.ndarray, label: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    """How well a label's edges follow a channel (both (X, Y, Z)): four numbers, or none where they tell nothing.

    What its fit gains over that of the label moved a little (0: nothing, 0.1 is usual), and the fit of the label
    mirrored along x, y, z as a multiple of its own.
    """
    places = [np.flatnonzero(label.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    if not places[0].size:
        return ()
    box = tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places)
    volume = np.count_nonzero(label[box]) * float(np.prod(spacing))
    steps = [max(1, round(volume ** (1 / 3) / ACROSS / edge)) for edge in spacing]
    wide = [
        slice(max(0, part.start - MARGIN * step), min(size, part.stop + MARGIN * step))
        for part, step, size in zip(box, steps, label.shape, strict=True)
    ]
    drawn, image = _nearest(label[tuple(wide)], steps), _averaged(channel[tuple(wide)], steps)
    if min(drawn.shape) < 2 * MOVED + 2 or _edges(drawn) < FEWEST_EDGES:
        return ()
    usual = _usual_jump(image)
    own = _fit(image, drawn, usual)
    if not own:
        return ()
    moved = [_fit(image[there], drawn[here], usual) for there, here in _moves()]
    mirrored = []
    for axis in range(3):
        other, turned = list(wide), [slice(None)] * 3
        other[axis] = slice(label.shape[axis] - wide[axis].stop, label.shape[axis] - wide[axis].start)
        turned[axis] = slice(None, None, -1)
        mirrored.append(_fit(_averaged(channel[tuple(other)][tuple(turned)], steps), drawn, usual))
    return (1 - float(np.mean(moved)) / own, *(fit / own for fit in mirrored))


def edge_findings(
    cases: Sequence[Examined], files: Mapping[str, str], annotated: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, Finding]]:
    """(case, finding) of labels that follow their scans worse than the others do, or better when mirrored.

    Labels are compared with those in which the same classes were looked for (``annotated``): other organs have other
    edges.
    """
    groups: dict[tuple[str, ...] | None, list[Examined]] = {}
    for case in cases:
        groups.setdefault(annotated.get(case.name), []).append(case)
    return [pair for alike in groups.values() for pair in _odd_edges(alike, files)]


def _odd_edges(cases: Sequence[Examined], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """The same of labels that can be compared with one another."""
    known = {case.name: case.edges for case in cases if case.edges}
    if len(known) < FEWEST:
        return []
    names, fits = list(known), np.array(list(known.values()))
    found = []
    for index, name in enumerate(names):
        others = np.delete(fits, index, axis=0)
        usual = np.median(others, axis=0)
        gain, axis = fits[index, 0], int(fits[index, 1:].argmax())
        if fits[index, 1 + axis] > MIRRORED and usual[1 + axis] < UPRIGHT:
            text = f"the label fits its scan better when mirrored {AXES[axis]}; those of the other scans do not"
            found.append((name, Finding.of("warning", "label_mirrored", text, FIX, files[name])))
        elif len(names) >= ENOUGH and np.percentile(others[:, 0], 25) > TELLING and gain < MISFIT * usual[0]:
            text = "the label fits its scan hardly better than when moved aside, unlike those of the other scans: "
            text += "is it another scan's, or misplaced?"
            found.append((name, Finding.of("warning", "label_misfit", text, FIX, files[name])))
    return found


def _moves() -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """What of an image lies under what of a label that was moved, one way and the other along each axis."""
    for axis in range(3):
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(None, -MOVED), slice(MOVED, None)
        yield tuple(first), tuple(last)
        yield tuple(last), tuple(first)


def _edges(drawn: np.ndarray) -> int:
    """Pairs of neighbors of different classes."""
    return sum(int(np.count_nonzero(np.diff(drawn, axis=axis))) for axis in range(3))


def _fit(image: np.ndarray, drawn: np.ndarray, usual: float) -> float:
    """Mean difference of neighbors in an image (X, Y, Z) across the edges of what is drawn.

    From 0 to 1: ``usual`` counts one half, and no single edge (of bone, of the skin) outweighs many.
    """
    total, edges = 0.0, 0
    for axis in range(3):
        edge = np.diff(drawn, axis=axis) != 0
        size = np.abs(np.diff(image, axis=axis)[edge])
        total, edges = total + float((size / (size + usual)).sum()), edges + len(size)
    return total / max(edges, 1)


def _usual_jump(image: np.ndarray) -> float:
    """How much neighbors differ: the median, the mean where most are equal."""
    sizes = np.concatenate([np.abs(np.diff(image, axis=axis)).ravel() for axis in range(3)])
    return float(np.median(sizes)) or float(sizes.mean()) or 1.0


def _averaged(image: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Means of blocks of ``steps`` voxels, float32; what does not fill a block is cut off."""
    if max(steps) == 1:
        return image.astype(np.float32)
    x, y, z = (size // step * step for size, step in zip(image.shape, steps, strict=True))
    shape = [part for size, step in zip((x, y, z), steps, strict=True) for part in (size // step, step)]
    return image[:x, :y, :z].reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)


def _nearest(label: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """The values in the middles of the same blocks."""
    x, y, z = (slice(step // 2, size // step * step, step) for size, step in zip(label.shape, steps, strict=True))
    return label[x, y, z]
