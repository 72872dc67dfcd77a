"""Suggested against other strategies: mean Dice after each round, and the differences with their intervals.

    python results/suggest_table.py RUNS/suggest > results/suggest/hippocampus.md

Reads what `results/suggest.py` keeps of each model; only draws of which all strategies of a unit are done are counted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.nested_bootstrap import nested

UNITS = {"scans": ("suggested", "random"), "boxes": ("suggested", "aware", "random")}
Curves = dict[str, np.ndarray]
"""Strategy -> Dice (draws, rounds + 1, cases); the first round is the start that all share."""


def curves(folder: Path, unit: str) -> Curves:
    """The scores of the draws of a unit that are done for all its strategies, of as many rounds as all have."""
    of_draw = [
        {strategy: scores(draw, unit, strategy) for strategy in UNITS[unit]} for draw in sorted(folder.glob("draw-*"))
    ]
    longest = max((len(one) for draw in of_draw for one in draw.values()), default=0)
    done = [draw for draw in of_draw if all(len(one) == longest for one in draw.values())] if longest > 1 else []
    return {strategy: np.array([draw[strategy] for draw in done]) for strategy in UNITS[unit]} if done else {}


def scores(draw: Path, unit: str, strategy: str) -> list[list[float]]:
    """Dice of each scored case, at the start and after each round that is done."""
    rounds = len(list(draw.glob(f"{unit}-{strategy}-*")))
    places = [draw / "start", *(draw / f"{unit}-{strategy}-{number + 1}" for number in range(rounds))]
    kept = [place / "scores.json" for place in places]
    read = [json.loads(path.read_text(encoding="utf-8"))["cases"] for path in kept if path.exists()]
    return [[cases[name] for name in sorted(cases)] for cases in read]


def table(folder: Path) -> str:
    """The table, in Markdown; the difference is that of `suggested`, so a positive one speaks for it."""
    lines: list[str] = []
    for unit in UNITS:
        found = curves(folder, unit)
        for strategy, values in found.items():
            if not lines:
                heads = ["unit", "strategy", "draws", "start"]
                heads += [f"round {number}" for number in range(1, values.shape[1])] + ["mean of the rounds"]
                lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
            means = [*values.mean((0, 2)), values[:, 1:].mean()]
            lines.append(row(unit, strategy, values, [f"{mean:.3f}" for mean in means]))
            if strategy != "suggested":
                apart = found["suggested"] - values
                told = [difference(apart[:, number]) for number in range(1, values.shape[1])]
                lines.append(
                    row(unit, f"suggested less {strategy}", values, ["", *told, difference(apart[:, 1:].mean(1))])
                )
    return "\n".join(lines) + "\n"


def row(unit: str, name: str, values: np.ndarray, cells: list[str]) -> str:
    """A line of the table."""
    return f"| {unit} | {name} | {len(values)} | {' | '.join(cells)} |"


def difference(apart: np.ndarray) -> str:
    """The mean of differences (draws, cases) with its 95 % interval: over draws and cases, or over one draw's cases."""
    found = nested(apart) if len(apart) > 1 else mean_interval(apart[0])
    assert found is not None, "one case has no interval"
    return f"{apart.mean():+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1])))
