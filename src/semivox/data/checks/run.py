"""Can this data set be trained on? A verdict per case with the fix, and the facts for the plan from the same read.

Labels of cases that the split calls unlabeled are never opened. Labels of validation and test cases are opened only to
see whether they could be scored: nothing measured on them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from shlex import quote

from semivox.core.errors import InputError
from semivox.core.plan import CaseFacts, ClassInfo
from semivox.core.plurals import plural
from semivox.core.processes.pool import each
from semivox.core.split import Split
from semivox.data.checks.case import CheckTask, examine
from semivox.data.checks.classes import found_classes
from semivox.data.checks.dataset import TRAINED, between_cases, on_dataset
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import CaseVerdict, CheckReport, Finding, verdict_of
from semivox.data.checks.usage import DataSummary
from semivox.data.dataset import CaseFiles, Dataset, groups_of
from semivox.data.layouts.recognize import parts_of
from semivox.data.planning.sides import mirror

PARTS = ("labeled", "unlabeled", "validation", "test")


def check(
    dataset: Dataset,
    split: Split | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Examine the cases of the split, or of the whole data set if none is given.

    ``workers`` processes hold one scan each (0: in this process); ``progress(done, total)`` is called after each case.
    A scan that ends the process that reads it is an error of that scan, but for ``workers`` 0.
    Raises InputError if the split names a case that the data set lacks. Bad files raise nothing: they are the result.
    """
    parts = _parts(dataset, split)
    tasks = [
        _task(dataset, entry, parts.get(entry.name))
        for entry in dataset.entries
        if split is None or entry.name in parts
    ]
    cases: list[Examined] = []
    for _, case in _all_examined(tasks, workers):
        cases.append(case)
        if progress is not None:
            progress(len(cases), len(tasks))
    cases.sort(key=lambda case: case.name)
    compared = between_cases(dataset, parts, cases)
    verdicts = tuple(_verdict(case, compared.get(case.name, [])) for case in cases)
    return CheckReport(
        dataset=dataset.root.resolve().name,
        layout=dataset.layout,
        cases=verdicts,
        findings=tuple(on_dataset(dataset, parts, cases)),
        summary=_usage(dataset, parts, [verdict.facts for verdict in verdicts if verdict.facts is not None]),
    )


def _usage(dataset: Dataset, parts: Mapping[str, str], facts: Sequence[CaseFacts]) -> DataSummary:
    """``parts``: case -> part of the split; ``facts`` of the training scans without errors."""
    classes = found_classes(dataset, facts)
    mirrored, reason = mirror(classes, facts)
    groups = groups_of(dataset.entries)
    names = {part: tuple(sorted(name for name, place in parts.items() if place == part)) for part in PARTS}
    return DataSummary(
        parts=names,
        patients=len({groups.get(name, name) for name in parts}),
        channels=dataset.channels,
        classes=classes,
        declared=dataset.classes is not None,
        looked_for=_looked_for(dataset, names["labeled"], classes),
        ignore=dataset.ignore,
        mirrored=mirrored,
        mirror_reason=reason,
    )


def _looked_for(dataset: Dataset, labeled: Sequence[str], classes: Sequence[ClassInfo]) -> dict[str, int]:
    """Class -> labeled scans in which it was looked for; empty where all were looked for in all."""
    sought = [dataset.entry(name).annotated for name in labeled]
    if all(names is None for names in sought):
        return {}
    return {info.name: sum(names is None or info.name in names for names in sought) for info in classes}


def _all_examined(tasks: Sequence[CheckTask], workers: int) -> Iterator[tuple[int, Examined]]:
    """(index, what was found) of every task, as they come; with ``workers`` no scan ends this process."""
    return each(_examined, tasks, workers, _described, _killed, "fork")


def _described(task: CheckTask) -> str:
    return f"case {task.entry.name!r} ({', '.join(map(str, task.entry.images))})"


def _examined(task: CheckTask) -> Examined:
    """What one look at a case tells, also of one that takes more memory than there is while it is looked at."""
    try:
        return examine(task)
    except MemoryError:
        entry = task.entry
        text = f"{entry.images[0].name} does not fit in memory with what is computed of it"
        return Examined(
            entry.name, (Finding.of("error", "too_large", text, "Use fewer workers, or crop it.", entry.images[0]),)
        )


def _killed(task: CheckTask) -> Examined:
    """What is said of a case that ended its process twice."""
    entry = task.entry
    text = "reading it ends the process that does so: it is damaged, or needs more memory than there is"
    fix = f"Export it again, or leave it out: --exclude {quote(entry.name)}."
    return Examined(entry.name, (Finding.of("error", "reader_died", text, fix, entry.images[0]),))


def errors_of(dataset: Dataset, names: Iterable[str], workers: int = 0) -> tuple[Finding, ...]:
    """What keeps each of these cases, with its label, from being trained on, as far as the case alone tells.

    ``workers``: as in ``check``. The findings are in the order of the names.
    """
    tasks = [_task(dataset, dataset.entry(name), "labeled") for name in names]
    cases = dict(_all_examined(tasks, workers))
    found = (finding for index in range(len(tasks)) for finding in cases[index].findings)
    return tuple(finding for finding in found if finding.level == "error")


def _parts(dataset: Dataset, split: Split | None) -> dict[str, str]:
    """Case name -> part of the split."""
    named = parts_of(dataset) if split is None else split.model_dump()
    parts = {name: part for part in PARTS for name in named[part]}
    missing = sorted(parts.keys() - {entry.name for entry in dataset.entries})
    if missing:
        raise InputError(
            f"the split names {plural(len(missing), 'case')} that {dataset.root} lacks, such as {missing[0]!r}"
        )
    return parts


def _task(dataset: Dataset, entry: CaseFiles, part: str | None) -> CheckTask:
    """What to examine of a case, without the label where it must stay closed."""
    if part == "unlabeled":
        entry = replace(entry, label=None)
    values = None if dataset.classes is None else tuple(info.value for info in dataset.classes)
    return CheckTask(entry, part in TRAINED, dataset.channels, values, dataset.ignore, dataset.classes)


def _verdict(case: Examined, compared: Sequence[Finding]) -> CaseVerdict:
    """All that was found on a case; its facts only if nothing is wrong with it."""
    findings = (*case.findings, *compared)
    verdict = verdict_of(findings)
    facts = case.facts if verdict != "error" else None
    return CaseVerdict(case=case.name, verdict=verdict, findings=findings, facts=facts, digest=case.digest)
