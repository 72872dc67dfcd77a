"""The rounds of a job as its page lists them: labels, and the Dice that they brought on the same scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from semivox.core.plurals import plural
from semivox.experiments.record import load_record
from semivox.pipeline.next_labels import RECORD
from semivox.reports.page import RoundLine
from semivox.rounds.folder import Round, RoundRecord
from semivox.rounds.gain import Curve, curve_of, expected_gain, gain_text


def round_lines(done: Sequence[Round]) -> tuple[tuple[RoundLine, ...], str]:
    """A line for each of these finished rounds, and what further labels may bring; nothing of a single round."""
    if len(done) < 2:
        return (), ""
    curve = curve_of(done)
    means = curve.means if curve.dice.shape[1] else (None,) * len(done)
    lines = []
    for each, labeled, model, dice in zip(done, curve.labeled, curve.models, means, strict=True):
        start, added = _began(each)
        lines.append(RoundLine(each.number, labeled, model, start, added, dice))
    more = curve.labeled[-1] - curve.labeled[-2]
    return tuple(lines), f"{_scored(done, curve)} {gain_text(expected_gain(curve, max(more, 1)), max(more, 1))}"


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
