"""Which scans, or boxes of them, to label next: a part at random and drawn first, the rest where a model is unsure.

The random part does not depend on the model. With a budget B it holds a random sample of size B / 3, so that whatever
the model is wrong about, the labels are never worse than that sample: most strategies of the literature do not
reliably beat it (nnActive, TMLR 08/2025).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semivox.rounds.acquisition import Box, noisy, quota
from semivox.rounds.likeness import clusters
from semivox.rounds.measured import Measured

RANDOM_SHARE = 1 / 3
"""Of the budget, what is drawn at random and first."""
FINER = 2
"""Groups of alike scans for each scan that is chosen by uncertainty; no group gives two while others have none."""
BOXES_A_SCAN = 3
"""Boxes that a scan may give in a round."""

How = Literal["asked", "random", "class", "entropy", "group"]


@dataclass(frozen=True)
class Pick:
    """One scan or box, and why."""

    case: str
    how: How
    box: Box | None = None
    """None: the whole scan, or a box that is still to be drawn in it."""
    score: int = 0
    """By which score: 0 plain entropy, else the class index."""
    rank: int = 0
    """Among all candidates by that score without noise; 1: the most uncertain."""
    among: int = 0
    """How many candidates there were."""


def random_count(budget: int) -> int:
    """How many of a budget are drawn at random: a third, rounded, and at least one."""
    return min(max(round(budget * RANDOM_SHARE), 1), budget)


def random_scans(
    names: Sequence[str], patients: Sequence[str], count: int, stream: np.random.Generator, used: Iterable[str] = ()
) -> list[str]:
    """``count`` scans at random, in turn: none twice and of no patient twice while there are others."""
    turns, of = Counter(used), dict(zip(names, patients, strict=True))
    seen = Counter(of[name] for name in turns.elements() if name in of)
    found: list[str] = []
    for _ in range(count if names else 0):
        order = [names[index] for index in stream.permutation(len(names))]
        name = min(order, key=lambda each: (turns[each], seen[of[each]]))
        turns[name] += 1
        seen[of[name]] += 1
        found.append(name)
    return found


def uncertain_scans(
    pool: Sequence[Measured], budget: int, beta: float, points: np.ndarray, stream: np.random.Generator
) -> list[Pick]:
    """Whole scans by class-weighted entropy with noise, of different groups and patients as far as there are.

    ``points``: (N, D), a place for each scan of the pool, near for those that are alike.
    """
    budget = min(budget, len(pool))
    if not budget:
        return []
    scores = np.array([scan.scores for scan in pool])
    group = clusters(points, FINER * budget, stream)
    noised = [noisy(scores[:, column], beta, stream) for column in range(scores.shape[1])]
    picks: list[Pick] = []
    chosen: list[int] = []
    for column in quota(budget, scores.shape[1] - 1, stream):
        left = [index for index in range(len(pool)) if index not in chosen]
        groups, patients = {int(group[i]) for i in chosen}, {pool[i].patient for i in chosen}
        apart = [i for i in left if group[i] not in groups and pool[i].patient not in patients]
        other = [i for i in left if pool[i].patient not in patients]
        best = max(apart or other or left, key=lambda index: noised[column][index])
        rank = 1 + int(np.count_nonzero(scores[:, column] > scores[best, column]))
        picks.append(Pick(pool[best].case, "class" if column else "entropy", None, column, rank, len(pool)))
        chosen.append(best)
    return picks


def uncertain_boxes(
    pool: Sequence[Measured], budget: int, beta: float, taken: Sequence[tuple[str, Box]], stream: np.random.Generator
) -> list[Pick]:
    """Boxes by class-weighted entropy with noise: none overlaps another one or ``taken``, few of one scan.

    Where a class has no box left that is free, the others give theirs; fewer than ``budget`` only where none has.
    """
    if not pool:
        return []
    columns = [
        [(scan.case, box, mean) for scan in pool for box, mean in scan.boxes[c]] for c in range(len(pool[0].boxes))
    ]
    order = [list(_ordered(column, beta, stream)) for column in columns]
    used, picks = list(taken), list[Pick]()
    for wanted in quota(budget, len(columns) - 1, stream):
        turn = (wanted, *(column for column in range(len(columns)) if column != wanted))
        free = ((column, found) for column in turn if (found := _free(order[column], used)) is not None)
        if (best := next(free, None)) is None:
            break
        column, (case, box, mean) = best
        used.append((case, box))
        rank = 1 + sum(other > mean for _, _, other in columns[column])
        picks.append(Pick(case, "class" if column else "entropy", box, column, rank, len(columns[column])))
    return picks


def _ordered(
    column: Sequence[tuple[str, Box, float]], beta: float, stream: np.random.Generator
) -> Iterator[tuple[str, Box, float]]:
    """Candidates by their score with noise, best first."""
    values = noisy(np.array([mean for _, _, mean in column]), beta, stream)
    return (column[index] for index in np.argsort(-values))


def _free(ordered: Sequence[tuple[str, Box, float]], used: Sequence[tuple[str, Box]]) -> tuple[str, Box, float] | None:
    """The first candidate that overlaps nothing and whose scan has room."""
    counts = Counter(case for case, _ in used)
    for case, box, mean in ordered:
        if counts[case] < BOXES_A_SCAN and not any(case == other and box.overlaps(place) for other, place in used):
            return case, box, mean
    return None


def by_groups(points: np.ndarray, names: Sequence[str], count: int, stream: np.random.Generator) -> list[Pick]:
    """Without any model: a random scan of each of ``count`` groups of alike scans, largest group first."""
    group = clusters(points, count, stream)
    sizes = Counter(int(value) for value in group)
    left = {value: [name for name, own in zip(names, group, strict=True) if own == value] for value in sizes}
    picks: list[Pick] = []
    while len(picks) < min(count, len(names)):
        for value, size in sizes.most_common():
            if left[value] and len(picks) < count:
                name = left[value].pop(int(stream.integers(len(left[value]))))
                picks.append(Pick(name, "group", among=size))
    return picks
