"""The table of a study: for pages, as CSV with all that each number depends on, and as LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.csv_files import write_csv
from semivox.core.files import write_text
from semivox.evaluation.comparison import Comparison
from semivox.evaluation.metrics import METRICS
from semivox.experiments.groups import Estimate
from semivox.experiments.results import Results
from semivox.experiments.verdict import COMPARED
from semivox.reports.page import TextTable, number
from semivox.reports.provenance import provenance
from semivox.reports.yardsticks import SCORE, Yardstick, yardstick_table, yardsticks_of

SHOWN = ("dice", "jaccard", "hd95_mm", "assd_mm")
"""Scores of the page's and the paper's table; CSV has all."""
SPECIAL = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{character: "\\" + character for character in "&%$#_{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
}
"""Characters that mean something to LaTeX."""
OWN = "its own"
"""What an arm has instead of what all share, in the provenance of its numbers."""
MARKS = {"better": r"$^{+}$", "worse": r"$^{-}$", "inconclusive": ""}


@dataclass(frozen=True)
class Line:
    """One arm on the labeled sets of one name."""

    labeled_set: str
    labeled: int
    arm: str
    ablation: bool
    twin: str | None
    scores: Mapping[str, Estimate]
    comparisons: Mapping[str, Comparison]
    """Score -> comparison with the twin."""
    yardstick: Yardstick | None
    """What its gain is held against, beside the twin of the same steps; None: nothing."""
    runs: int
    minutes: float | None
    """Of training, mean over runs."""
    memory_gb: float | None
    provenance: Mapping[str, str]

    @property
    def about(self) -> str:
        """What its numbers were made with, in one line."""
        return "; ".join(f"{key} {value}" for key, value in self.provenance.items() if value)

    @property
    def shared(self) -> Mapping[str, str]:
        """What its numbers were made with, but for what it has of its own."""
        return {key: value for key, value in self.provenance.items() if value and key != OWN}

    @property
    def own(self) -> str:
        """What it has instead of what all share, in words; empty if nothing."""
        return self.provenance.get(OWN, "")


def lines_of(results: Results) -> list[Line]:
    """All arms of all labeled sets."""
    comparisons = {
        (name, score): results.comparisons(name, score) for name in results.labeled_sets for score in COMPARED
    }
    yardsticks = {name: yardsticks_of(results, name, comparisons[name, SCORE]) for name in results.labeled_sets}
    return [
        Line(
            labeled_set=group.labeled_set,
            labeled=group.labeled,
            arm=group.arm.name,
            ablation=group.arm.ablation is not None,
            twin=group.arm.twin,
            scores={score: group.estimate(score) for score in METRICS},
            comparisons={
                score: found
                for score in COMPARED
                if (found := comparisons[group.labeled_set, score].get(group.arm.name)) is not None
            },
            yardstick=yardsticks[group.labeled_set].get(group.arm.name),
            runs=len(group.runs),
            minutes=group.minutes(),
            memory_gb=group.memory_gb(),
            provenance=provenance(group, results),
        )
        for group in results.groups
    ]


def by_labeled_set(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each labeled set, in their order."""
    names = dict.fromkeys(line.labeled_set for line in lines)
    return [[line for line in lines if line.labeled_set == name] for name in names]


def family_of(lines: Sequence[Line]) -> int:
    """How many comparisons the verdicts of a labeled set are corrected for; 0 where nothing is compared."""
    return max((found.family for line in lines for found in line.comparisons.values()), default=0)


def worth(lines: Sequence[Line]) -> TextTable | None:
    """What the gains of a labeled set are held against, beside the twin; None where there is nothing."""
    return yardstick_table({line.arm: line.yardstick for line in lines if line.yardstick})


def write_table(path: Path, lines: Sequence[Line]) -> None:
    """A row per labeled set (column ``setting``), arm and score, with interval, comparison, cost and provenance."""
    columns = list(next(_records(lines)))
    write_csv(path, columns, ([record[column] for column in columns] for record in _records(lines)))


def write_latex(path: Path, lines: Sequence[Line], title: str) -> None:
    """A table per labeled set for ``\\usepackage{booktabs}``; replaced in one step."""
    write_text(path, "\n".join(_latex(own, title) for own in by_labeled_set(lines)))


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; what no font shows (control characters) becomes a question mark."""
    return "".join(SPECIAL.get(c, c if c.isprintable() else "?") for c in text)


def _records(lines: Sequence[Line]) -> Iterator[dict[str, str | float | int | None]]:
    for line in lines:
        for score, estimate in line.scores.items():
            yield {
                "setting": line.labeled_set,
                "arm": line.arm,
                "score": score,
                "mean": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                "undefined": estimate.undefined,
                "mean_with_diagonal": estimate.penalized,
                "low_with_diagonal": estimate.penalized_low,
                "high_with_diagonal": estimate.penalized_high,
                "runs": line.runs,
                "twin": line.twin,
                **_compared(line.comparisons.get(score)),
                **_held_against(line.yardstick if score == SCORE else None),
                "train_minutes": line.minutes,
                "memory_gb": line.memory_gb,
                **{key.replace(" ", "_"): value for key, value in line.provenance.items()},
            }


def _compared(against: Comparison | None) -> dict[str, str | float | int | None]:
    """The columns of the comparison with the twin; empty where there is none."""
    return {
        "difference": against.difference if against else None,
        "difference_low": against.low if against else None,
        "difference_high": against.high if against else None,
        "p": against.p_value if against else None,
        "p_holm": against.p_holm if against else None,
        "verdict": against.verdict if against else None,
        "needed": against.needed if against else None,
    }


def _held_against(yardstick: Yardstick | None) -> dict[str, str | float | None]:
    """The columns of the twin of the same minutes, and of all labels; empty where there is none."""
    longer = yardstick.same_minutes if yardstick else None
    ceiling = yardstick.ceiling if yardstick else None
    return {
        "same_minutes_difference": longer.difference if longer else None,
        "same_minutes_low": longer.low if longer else None,
        "same_minutes_high": longer.high if longer else None,
        "same_minutes_verdict": longer.verdict if longer else None,
        "all_labels_gain": ceiling.difference if ceiling else None,
        "part_of_all_labels_gain": yardstick.share if yardstick else None,
    }


def _latex(lines: Sequence[Line], title: str) -> str:
    """One labeled set: best mean in bold, + and - where the difference from the twin is decided."""
    best = {score: _best(lines, score) for score in SHOWN}
    heads = [f"{escaped(METRICS[score].title)} ${_arrow(score)}$" for score in SHOWN]
    rows = []
    for line in lines:
        cells = [escaped(line.arm)]
        for score in SHOWN:
            text = _with_interval(line.scores[score], score)
            text = rf"\textbf{{{text}}}" if line.arm == best[score] else text
            against = line.comparisons.get(score)
            cells.append(text + (MARKS[against.verdict] if against else ""))
        cells.append("" if line.minutes is None else f"{line.minutes:.0f}")
        rows.append(" & ".join(cells) + r" \\")
    shared = "; ".join(f"{key} {value}" for key, value in lines[0].shared.items())
    own = [rf"\par {escaped(line.arm)}: {escaped(line.own)}." for line in lines if line.own]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{escaped(title)}, {escaped(lines[0].labeled_set)}: mean and 95\,\% interval; $^{{+}}$ better, "
            r"$^{-}$ worse than the supervised twin (Holm-corrected). Undefined: distances of objects missed or "
            "invented; then the mean with the scan's diagonal in their place, by which the best is chosen. "
            rf"{escaped(shared)}.}}",
            rf"\begin{{tabular}}{{l{'r' * len(SHOWN)}r}}",
            r"\toprule",
            " & ".join(["Method", *heads, "min"]) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *own,
            r"\end{table}",
            "",
        ]
    )


def _best(lines: Sequence[Line], score: str) -> str | None:
    """The arm with the best mean; a missed object counts with the diagonal, so that missing it is no gain."""
    found = {line.arm: line.scores[score] for line in lines}
    means = {arm: one.mean if one.penalized is None else one.penalized for arm, one in found.items()}
    known = {arm: mean for arm, mean in means.items() if mean is not None}
    if not known:
        return None
    sign = 1 if METRICS[score].higher_is_better else -1
    return max(known, key=lambda arm: sign * known[arm])


def _arrow(score: str) -> str:
    return {"higher": r"\uparrow", "lower": r"\downarrow"}.get(METRICS[score].better, r"\to 0")


def _with_interval(estimate: Estimate, score: str) -> str:
    """Mean and interval as LaTeX, or how many distances are undefined and the mean with the diagonal for them."""
    text = _latex_number(estimate.mean, score)
    if estimate.penalized is not None and estimate.undefined:
        return f"{text} ({estimate.undefined} undefined; {_latex_number(estimate.penalized, score)})"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{_latex_number(estimate.low, score)}, {_latex_number(estimate.high, score)}]"


def _latex_number(value: float | None, score: str) -> str:
    return number(value, score).replace("\N{MINUS SIGN}", "$-$").replace("–", "--")
