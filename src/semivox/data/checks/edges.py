"""Do the edges of a label follow the edges of its scan, as well as in the other scans?

A label of another scan of the same size, a mirrored or a shifted one has the right grid and sound values; only a look
at scan and label shows it. Here that look is a number: how much voxels differ across the edges of the label, as a
multiple of how much neighbors differ elsewhere around it. It needs no unit and no threshold on intensities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from semivox.core.geometry import Spacing
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding
from semivox.data.planning.sides import AXES

ACROSS = 12.0
"""Voxels across what is drawn, at which edges are looked for: finer ones are noise, coarser ones hide the edge."""
MARGIN = 4
"""Such voxels around it."""
FEWEST = 3
"""Labels that are needed to say which one is odd."""
MISFIT = 0.7
"""Part of the usual fit below which a label does not follow its scan."""
TELLING = 1.2
"""The usual fit from which edges tell anything."""
MIRRORED = 1.15
"""Times the fit of a label which it must have when mirrored, to count as mirrored."""

FIX = "Look at the label on its scan. No action if it fits."


def edge_fit(channel: np.ndarray, label: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    """Fit of a label's edges to a channel (both (X, Y, Z)); then, how many times as well they fit when mirrored.

    Four numbers: the fit, and that of the label mirrored along x, y, z as a multiple of it. Empty where nothing is
    drawn, or nothing but the drawn.
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
    drawn = _nearest(label[tuple(wide)], steps)
    image = _averaged(channel[tuple(wide)], steps)
    if min(drawn.shape) < 2:
        return ()
    usual = _usual_jump(image)
    across, elsewhere = _jumps(image, drawn, usual)
    if not across or not elsewhere:
        return ()
    mirrored = []
    for axis in range(3):
        other, turned = list(wide), [slice(None)] * 3
        other[axis] = slice(label.shape[axis] - wide[axis].stop, label.shape[axis] - wide[axis].start)
        turned[axis] = slice(None, None, -1)
        image = _averaged(channel[tuple(other)][tuple(turned)], steps)
        mirrored.append(_jumps(image, drawn, usual)[0] / across)
    return (across / elsewhere, *mirrored)


def edge_findings(cases: Sequence[Examined], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """(case, finding) of labels that follow their scans worse than the others do, or better when mirrored."""
    known = {case.name: np.array(case.edges) for case in cases if case.edges}
    if len(known) < FEWEST:
        return []
    names = list(known)
    fits = np.array([known[name] for name in names])
    found = []
    for index, name in enumerate(names):
        rest = np.arange(len(names)) != index
        usual = float(np.median(fits[rest, 0]))
        axis = int(fits[index, 1:].argmax()) + 1
        if fits[index, axis] > MIRRORED and np.median(fits[rest, axis]) < 1:
            text = (
                f"the label fits the scan better when it is mirrored {AXES[axis - 1]}; those of the other scans do not"
            )
            fix = "Look at the label on its scan; correct its orientation, or that of the scan. No action if it fits."
            found.append((name, Finding.of("warning", "label_mirrored", text, fix, files[name])))
        elif usual > TELLING and fits[index, 0] - 1 < MISFIT * (usual - 1):
            text = (
                f"the edges of the label follow those of the scan less than in other scans ({fits[index, 0]:.2f} times "
            )
            text += f"the differences around them, usually {usual:.2f}): is it another scan's, or shifted?"
            found.append((name, Finding.of("warning", "label_misfit", text, FIX, files[name])))
    return found


def _jumps(image: np.ndarray, drawn: np.ndarray, usual: float) -> tuple[float, float]:
    """Mean difference of neighbors in an image (X, Y, Z) across the edges of what is drawn, and elsewhere.

    From 0 to 1: ``usual`` counts one half, and no single edge (of bone, of the skin) outweighs many.
    """
    across, every = 0.0, 0.0
    edges = pairs = 0
    for axis in range(3):
        size = np.abs(np.diff(image, axis=axis))
        size /= size + usual
        edge = np.diff(drawn, axis=axis) != 0
        across, every = across + float(size[edge].sum()), every + float(size.sum())
        edges, pairs = edges + int(np.count_nonzero(edge)), pairs + edge.size
    return across / max(edges, 1), (every - across) / max(pairs - edges, 1)


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
