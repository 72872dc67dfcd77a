"""The report of a job: one page that opens anywhere, prints well, and loads nothing.

Everything on it comes from ``ReportData``, which holds text, numbers and PNG pictures and no markup; names of cases,
classes and methods come from files of strangers, so the template escapes all of them, and the page's
Content-Security-Policy forbids remote content, and any style and program but those whose hashes it names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from semivox.core.files import write_text
from semivox.evaluation.metrics import METRICS
from semivox.experiments.groups import Estimate
from semivox.methods import DEFAULT
from semivox.methods.titles import shown
from semivox.reports.cases import Cases
from semivox.reports.curves import HEIGHT, WIDTH, Panel
from semivox.reports.first_screen import FirstScreen
from semivox.reports.overlay import data_uri
from semivox.reports.programs import programs_of
from semivox.reports.viewer.page import source_hash
from semivox.reports.viewer.scenes import scenes_json

Outcome = Literal["better", "worse", "inconclusive", "unknown"]
OPTION = re.compile(r"(?<![\w-])(--[a-z][\w-]*)")
SHOWN = 30
"""Paired cases listed openly; further ones are folded."""


@dataclass(frozen=True)
class ScoreRow:
    """One line of the table of results."""

    method: str
    class_name: str
    n: int
    """Scored cases."""
    scores: Mapping[str, Estimate]
    """By the score's column name in ``scores.csv``, such as ``dice``."""


@dataclass(frozen=True)
class PairedCase:
    """What both methods reached on one case and class; None where undefined."""

    case: str
    class_name: str
    baseline: float | None
    candidate: float | None

    @property
    def difference(self) -> float | None:
        """Candidate minus baseline."""
        if self.baseline is None or self.candidate is None:
            return None
        return self.candidate - self.baseline


@dataclass(frozen=True)
class Picture:
    """An overlay (``reports.overlay``) with the words under it."""

    caption: str
    png: bytes
    file: str = ""
    """Beside the page, where it has no room for the picture."""


@dataclass(frozen=True)
class TextTable:
    """A table of plain text."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoundLine:
    """One round of labeling."""

    number: int
    labeled: int
    model: str
    start: str
    added: str
    """New labels by where they come from."""
    dice: float | None
    """Mean over the scans that all rounds scored; None where there is none."""


@dataclass(frozen=True)
class ReportData:
    """All that a report shows. Texts are plain: markup in them is shown, not obeyed."""

    title: str
    verdict: str
    """One sentence: did the unlabeled scans help, by how much, how sure."""
    outcome: Outcome = "unknown"
    """Decides the color beside the verdict."""
    details: tuple[str, ...] = ()
    """Further sentences under the verdict."""
    rows: tuple[ScoreRow, ...] = ()
    costs: tuple[str, ...] = ()
    """What each method's training took, in words."""
    baseline: str = "supervised"
    candidate: str = DEFAULT
    paired: tuple[PairedCase, ...] = ()
    paired_score: str = "dice"
    curves: tuple[Panel, ...] = ()
    """From ``reports.curves.training_curves``."""
    rising: tuple[str, ...] = ()
    """Whether trainings were still getting better when they ended, in sentences."""
    pictures: tuple[Picture, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Data, split hash, steps, seed, selection rule, spacing, time, versions: what makes the numbers repeatable."""
    warnings: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    """The plan's choices and why each was made."""
    first: FirstScreen | None = None
    """Takes the place of the verdict's sentence."""
    cases: Cases = field(default_factory=Cases)
    surfaces: tuple[Picture, ...] = ()
    """Of the worst, middle and best case, in 3D."""
    methods: str = ""
    """A paragraph for a paper."""
    citations: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    """What ratings are of: they are saved with it."""
    labels: TextTable | None = None
    """The labels of the unlabeled scans, with a confidence each."""
    rounds: tuple[RoundLine, ...] = ()
    """Of a job with several rounds of labeling: what each reached."""
    gain: str = ""
    """What further labels may bring."""
    rounds_curve: Picture | None = None
    """Dice over the rounds' numbers of labeled scans."""
    ct: bool = False
    """Whether values are Hounsfield units, for which the viewer offers windows."""


def write_report(data: ReportData, path: Path) -> None:
    """Write the page in one step, so that no reader sees half of it."""
    write_text(path, render(data))


def render(data: ReportData) -> str:
    """The page as text."""
    scores = list(dict.fromkeys(name for row in data.rows for name in row.scores))
    about = json.dumps(dict(data.about)).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return filled(
        "report.html.j2",
        programs_of(data.cases),
        data=data,
        about=Markup(about),
        scenes=Markup(scenes_json(data.cases.scenes, data.ct)),
        scores=headings(scores),
        runs=runs_of(data.curves),
        paired=_paired(data),
        paired_heading=METRICS[data.paired_score].title,
        shown=SHOWN,
        panel=(WIDTH, HEIGHT),
    )


def filled(name: str, programs: Sequence[str] = (), **content: Any) -> str:
    """A template of this package as a page: all text escaped, style and programs by their hashes in its policy."""
    package = resources.files("semivox.reports")
    style = "\n" + "".join(
        package.joinpath(part).read_text(encoding="utf-8")
        for part in ("report.css", "report_cases.css", "viewer/viewer.css")
    )
    policy = (
        f"default-src 'none'; img-src data:{' blob:' if programs else ''}; style-src {source_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    if programs:
        hashes = " ".join(map(source_hash, programs))
        policy += f"; script-src {hashes}; connect-src data: blob:; worker-src blob: data:"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=printable, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number
    environment.filters["uri"] = data_uri
    environment.filters["shown"] = shown
    environment.filters["unbroken"] = unbroken
    template = environment.from_string(package.joinpath(name).read_text(encoding="utf-8"))
    return template.render(
        policy=policy,
        programs=[Markup(program) for program in programs],
        style=Markup(style),
        **content,
    )


def headings(scores: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Score, heading, which way is better, meaning."""
    return [(name, METRICS[name].title, METRICS[name].arrow, METRICS[name].meaning) for name in scores]


def number(value: float | None, score: str, signed: bool = False) -> str:
    """A score as text, with the digits of its metric; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:{'+' if signed else ''}.{METRICS[score].digits}f}".replace("-", "\N{MINUS SIGN}")


def printable(value: Any) -> Any:
    """Show what cannot be shown as a question mark: control and direction characters, halves of characters."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "\ufffd", value)


def unbroken(text: str) -> Markup:
    """The text, escaped, with options such as ``--steps`` kept on one line: a break behind their dashes hides them."""
    return Markup(OPTION.sub(r'<span class="option">\1</span>', str(escape(printable(text)))))


def runs_of(curves: tuple[Panel, ...]) -> list[tuple[int, str]]:
    """Color index and name of every run that was drawn."""
    return sorted({(line.index, line.run) for panel in curves for line in panel.lines})


def _paired(data: ReportData) -> list[tuple[PairedCase, float, float, str]]:
    """Cases from the largest loss to the largest gain, with a bar's left end and width (of 100) and its kind.

    Cases without a difference come last. Gain means better, whichever way the score counts.
    """
    sign = 1 if METRICS[data.paired_score].higher_is_better else -1
    known = [(pair, pair.difference * sign) for pair in data.paired if pair.difference is not None]
    widest = max((abs(gain) for _, gain in known), default=0.0) or 1.0
    listed = []
    for pair, gain in sorted(known, key=lambda item: item[1]):
        width = abs(gain) / widest * 50
        listed.append((pair, 50 - width if gain < 0 else 50.0, width, "loss" if gain < 0 else "gain"))
    return listed + [(pair, 50.0, 0.0, "gain") for pair in data.paired if pair.difference is None]
