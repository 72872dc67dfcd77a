"""The rounds of a job as its page lists them: labels, and the Dice that they brought on the same scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from semivox.core.plurals import plural
from semivox.evaluation.bootstrap import mean_interval
from semivox.experiments.record import load_record
from semivox.pipeline.next_labels import RECORD
from semivox.reports import figures
from semivox.reports.page import Picture, RoundLine
from semivox.rounds.folder import Round, RoundRecord
from semivox.rounds.gain import Curve, curve_of, expected_gain, gain_text


class Rounds(NamedTuple):
    """What a page shows of the rounds; nothing of a single one."""

    lines: tuple[RoundLine, ...] = ()
    gain: str = ""
    """What further labels may bring."""
    curve: Picture | None = None
    """Dice over the number of labeled scans; None where no scan was scored by all rounds."""


def shown_rounds(done: Sequence[Round]) -> Rounds:
    """What the page shows of these finished rounds."""
    if len(done) < 2:
        return Rounds()
    curve = curve_of(done)
    means = curve.means if curve.dice.shape[1] else (None,) * len(done)
    lines = []
    for each, labeled, model, dice in zip(done, curve.labeled, curve.models, means, strict=True):
        start, added = _began(each)
        lines.append(RoundLine(each.number, labeled, model, start, added, dice))
    more = max(curve.labeled[-1] - curve.labeled[-2], 1)
    return Rounds(tuple(lines), f"{_scored(done, curve)} {gain_text(expected_gain(curve, more), more)}", _drawn(curve))


def _drawn(curve: Curve) -> Picture | None:
    """Each round's mean with its interval over the scans, at its number of labeled scans."""
    if not curve.dice.shape[1]:
        return None
    points = []
    for labeled, values, mean in zip(curve.labeled, curve.dice, curve.means, strict=True):
        interval = mean_interval(values)
        low, high = (interval.low, interval.high) if interval else (None, None)
        points.append(figures.Point(labeled, mean, low, high))
    words = "Dice of each round's better model over the number of labeled scans"
    words += ", with 95 % intervals over the scored scans" if curve.dice.shape[1] > 1 else ", of one scored scan"
    return Picture(words, figures.png(figures.learning_curves({"better model": points}, "Dice")))


def _scored(done: Sequence[Round], curve: Curve) -> str:
    """Which scans the Dice of the rounds is of, and which of a warm round are left out."""
    held_out = load_record(done[-1].folder).scored_on == "cross-validation"
    said = [
        f"Dice is over the {curve.dice.shape[1]} scans that every round scored"
        + (", by the fold that held them out." if held_out else " and none trained on.")
    ]
    for each in done:
        if (each.folder / RECORD).is_file() and (out := RoundRecord.load(each.folder / RECORD).not_scored):
            said.append(
                f"Round {each.number} held out {plural(len(out), 'scan')} without scoring "
                f"{'it' if len(out) == 1 else 'them'}: the weights that it began with had seen "
                f"{'it' if len(out) == 1 else 'them'} without label."
            )
    return " ".join(said)


def _began(this: Round) -> tuple[str, str]:
    if not (this.folder / RECORD).is_file():
        return "scratch", ""
    record = RoundRecord.load(this.folder / RECORD)
    counts = Counter(record.added.values())
    return record.start, ", ".join(f"{count} {origin}" for origin, count in sorted(counts.items()))
