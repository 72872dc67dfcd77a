"""What the checks have to say: findings with their fixes, a verdict per case, and the report as text or JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import Literal

from semivox.core.frozen import Frozen
from semivox.core.plan import CaseFacts
from semivox.core.plurals import plural
from semivox.data.checks.usage import DataSummary

Level = Literal["error", "warning", "note"]
Verdict = Literal["ok", "warning", "error"]
LEVELS = ("error", "warning", "note")
MOST_LINES = 45
"""Of findings in a summary; further kinds are only named."""
FIRST = 5
"""Cases that are named of those with findings of one kind."""


class Finding(Frozen):
    """One thing that is wrong or odd, and what to do about it."""

    level: Level
    """``error``: cannot be trained or scored with; ``warning``: look at it; ``note``: handled, for information."""
    code: str
    """A short fixed name, such as ``geometry_mismatch``."""
    message: str
    fix: str
    file: str
    """The file concerned; empty for a finding on the whole data set."""

    @classmethod
    def of(cls, level: Level, code: str, message: str, fix: str, file: Path | str = "") -> Finding:
        """A finding on a file, or on the whole data set."""
        return cls(level=level, code=code, message=message, fix=fix, file=str(file))

    @classmethod
    def of_file(cls, file: Path, level: Level, code: str, message: str, fix: str) -> Finding:
        """A finding on one of a case's files; its message begins with the file's name."""
        return cls.of(level, code, f"{file.name}: {message}", fix, file)


def by_axis(values: Iterable[float]) -> str:
    """Lengths along three axes as text: ``1 x 1 x 2.5``."""
    return " x ".join(f"{value:.4g}" for value in values)


class CaseVerdict(Frozen):
    """One case: may it be used, and what was found."""

    case: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    facts: CaseFacts | None = None
    """Measured in the same read, for labeled and unlabeled training cases that have no error."""
    digest: str = ""
    """Hash of the image's voxels, the same for copies whatever their format; empty if unreadable."""


class CheckReport(Frozen):
    """All verdicts on a data set."""

    called = "report of semivox check"
    dataset: str
    layout: str
    cases: tuple[CaseVerdict, ...]
    findings: tuple[Finding, ...] = ()
    """On the data set as a whole."""
    summary: DataSummary | None = None
    """What the data set will be used for; None in reports of earlier versions."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that must be fixed before training."""
        everything = (*self.findings, *(finding for case in self.cases for finding in case.findings))
        return tuple(finding for finding in everything if finding.level == "error")

    @property
    def ok(self) -> bool:
        """Whether nothing prevents training."""
        return not self.errors

    def text(self) -> str:
        """What will happen, what was found (alike findings together), and the sum: a screen, however many cases."""
        lines = [f"{self.dataset} ({self.layout})"]
        lines += self.summary.lines() if self.summary is not None else []
        return "\n".join([*lines, *_grouped(self), "", self._sum()]) + "\n"

    def listing(self) -> str:
        """The same with a line for every case, each followed by its findings and fixes."""
        width = max([4, *(len(case.case) for case in self.cases)])
        lines = [f"{self.dataset} ({self.layout})"]
        lines += self.summary.lines() if self.summary is not None else []
        lines.append(f"{'case':<{width}}  verdict")
        for case in self.cases:
            lines.append(f"{case.case:<{width}}  {case.verdict:<7}  {_size(case.facts)}".rstrip())
            lines += _lines(case.findings)
        if self.findings:
            lines += ["whole data set", *_lines(self.findings)]
        return "\n".join([*lines, "", self._sum()]) + "\n"

    def _sum(self) -> str:
        """Counts of the verdicts, and whether training can start."""
        verdicts = Counter(case.verdict for case in self.cases)
        levels = ", ".join(f"{verdicts[level]} {level}" for level in ("ok", "warning", "error"))
        counts = f"{plural(len(self.cases), 'case')}: {levels}"
        bad = [case.case for case in self.cases if case.verdict == "error"]
        if self.ok:
            return f"{counts}.\nNothing prevents training."
        aside = f" Cases can be left out: --exclude {quote(','.join(bad[:3]))}" if bad else ""
        aside += f" (and {len(bad) - 3} more)" if len(bad) > 3 else ""
        return f"{counts}.\n{plural(len(self.errors), 'error')} must be fixed before training.{aside}"


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """The worst level among findings; notes are no blemish."""
    levels = {finding.level for finding in findings}
    return "error" if "error" in levels else "warning" if "warning" in levels else "ok"


def _size(facts: CaseFacts | None) -> str:
    """Shape and voxel size in a few characters."""
    if facts is None:
        return ""
    shape = " x ".join(map(str, facts.shape))
    return f"{shape} voxels of {by_axis(facts.spacing)} mm"


def _lines(findings: Sequence[Finding]) -> list[str]:
    """Two indented lines a finding."""
    lines = []
    for finding in findings:
        lines.append(f"    {finding.level} {finding.code}: {finding.message}")
        lines.append(f"        fix: {finding.fix}")
    return lines


def _grouped(report: CheckReport) -> list[str]:
    """Findings of one kind together: how many cases, the first of them, the first message, the fix."""
    kinds: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for name, finding in [
        *(("", finding) for finding in report.findings),
        *((case.case, finding) for case in report.cases for finding in case.findings),
    ]:
        kinds.setdefault((finding.level, finding.code), []).append((name, finding))
    order = sorted(kinds, key=lambda kind: (LEVELS.index(kind[0]), -len(kinds[kind])))
    lines: list[str] = []
    notes: list[str] = []
    for level, code in order:
        found = kinds[level, code]
        names = list(dict.fromkeys(name for name, _ in found if name))
        if level == "note" and names:
            notes.append(f"{code} ({plural(len(names), 'case')}, such as {names[0]})")
            continue
        if len(lines) >= MOST_LINES:
            notes.append(f"{level} {code} ({len(found)})")
            continue
        where = "" if not names else f", {names[0]}" if len(names) == 1 else f", {len(names)} cases: {_some(names)}"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        lines += [f"{level} {code}{where}", f"    {found[0][1].message}{more}", f"    fix: {found[0][1].fix}"]
    if notes:
        lines.append(f"notes: {'; '.join(notes)}" if len(lines) < MOST_LINES else f"further: {'; '.join(notes)}")
    hidden = any(len(found) > 1 for found in kinds.values()) or notes
    return ["", *lines, *(["all findings of every case: --all, or --json"] if hidden else [])] if lines else []


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:FIRST]) + (", ..." if len(names) > FIRST else "")
