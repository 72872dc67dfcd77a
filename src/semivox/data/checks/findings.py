"""What the checks have to say: findings with their fixes, a verdict per case, and the report as text or JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from semivox.core.frozen import Frozen
from semivox.core.plan import CaseFacts

Level = Literal["error", "warning", "note"]
Verdict = Literal["ok", "warning", "error"]


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

    dataset: str
    layout: str
    cases: tuple[CaseVerdict, ...]
    findings: tuple[Finding, ...] = ()
    """On the data set as a whole."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that must be mended before training."""
        everything = (*self.findings, *(finding for case in self.cases for finding in case.findings))
        return tuple(finding for finding in everything if finding.level == "error")

    @property
    def ok(self) -> bool:
        """Whether nothing prevents training."""
        return not self.errors

    def text(self) -> str:
        """A line per case, each followed by its findings and fixes; then the data set; then the sum."""
        width = max([4, *(len(case.case) for case in self.cases)])
        lines = [f"{self.dataset} ({self.layout})", f"{'case':<{width}}  verdict"]
        for case in self.cases:
            lines.append(f"{case.case:<{width}}  {case.verdict:<7}  {_size(case.facts)}".rstrip())
            lines += _lines(case.findings)
        if self.findings:
            lines += ["whole data set", *_lines(self.findings)]
        return "\n".join([*lines, "", self._sum()]) + "\n"

    def _sum(self) -> str:
        """Counts of the verdicts and of the codes behind them."""
        verdicts = Counter(case.verdict for case in self.cases)
        counts = ", ".join(f"{verdicts[level]} {level}" for level in ("ok", "warning", "error"))
        everything = [*self.findings, *(finding for case in self.cases for finding in case.findings)]
        codes = Counter(finding.code for finding in everything if finding.level != "note")
        why = "".join(f"\n  {count} x {code}" for code, count in codes.most_common())
        end = (
            "Nothing prevents training." if self.ok else f"{len(self.errors)} error(s) must be mended before training."
        )
        return f"{len(self.cases)} cases: {counts}.{why}\n{end}"


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """The worst level among findings; notes are no blemish."""
    levels = {finding.level for finding in findings}
    return "error" if "error" in levels else "warning" if "warning" in levels else "ok"


def _size(facts: CaseFacts | None) -> str:
    """Shape and voxel size in a few characters."""
    if facts is None:
        return ""
    shape = " x ".join(map(str, facts.shape))
    return f"{shape} voxels of {' x '.join(f'{edge:.4g}' for edge in facts.spacing)} mm"


def _lines(findings: Sequence[Finding]) -> list[str]:
    """Two indented lines a finding."""
    lines = []
    for finding in findings:
        lines.append(f"    {finding.level} {finding.code}: {finding.message}")
        lines.append(f"        fix: {finding.fix}")
    return lines
