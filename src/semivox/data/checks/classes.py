"""Do the drawn classes fit what was declared, and do left and right lie where their names say?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from semivox.core.plan import CaseFacts, ClassInfo
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding
from semivox.data.dataset import Dataset, some
from semivox.data.planning.sides import AXES, apart, is_named, mirror, pairs

CLEARLY = 1.5
"""Times farther apart along another axis than along their own from which two sides lie wrongly."""


def found_classes(dataset: Dataset, cases: Sequence[CaseFacts]) -> tuple[ClassInfo, ...]:
    """The classes without background: as declared, else a class for each value that a training label has."""
    if dataset.classes is not None:
        return dataset.classes[1:]
    values = sorted({value for case in cases for value in case.voxels} - {0, dataset.ignore})
    return tuple(ClassInfo(name=f"class {value}", value=value) for value in values)


def class_findings(
    dataset: Dataset, parts: Mapping[str, str], cases: Sequence[Examined], facts: Sequence[CaseFacts]
) -> list[Finding]:
    """Classes that nobody drew, that only scored scans show, or that have no name; ``facts`` of training scans."""
    labeled = [case for case in facts if case.labeled]
    if not labeled:
        return []
    classes = found_classes(dataset, facts)
    drawn = {value for case in labeled for value, count in case.voxels.items() if count}
    found = list[Finding]()
    unsought = [item for item in classes if not any(case.looked_for(item.name) for case in labeled)]
    if unsought:
        text = f"looked for in none of the {len(labeled)} labeled scans for training: {some(i.name for i in unsought)}"
        fix = "Label it in a scan for training, or take it out of the classes in dataset.json."
        found.append(Finding.of("error", "class_never_sought", text, fix))
    if never := [item for item in classes if item.value not in drawn and item not in unsought]:
        listed = ", ".join(f"{item.name} ({item.value})" for item in never)
        text = f"declared, but in none of the {len(labeled)} labels of training scans: {listed}"
        found.append(
            Finding.of("warning", "class_never_drawn", text, "Add it to a label, or remove it from dataset.json.")
        )
    scored = {value for case in cases if parts.get(case.name) in ("validation", "test") for value in case.classes} - {
        dataset.ignore
    }
    if strange := sorted(scored - drawn - {item.value for item in never}):
        text = f"values in labels of test or validation scans only: {', '.join(map(str, strange))}"
        fix = "Move a scan that shows them to training, or correct these labels."
        found.append(Finding.of("warning", "class_untrained", text, fix))
    if unnamed := [item for item in classes if not is_named(item)]:
        example = json.dumps({"labels": {"background": 0, **{f"name of {i.value}": i.value for i in unnamed[:3]}}})
        text = f"{some((item.name for item in unnamed), 4)}: without a name it could be a left or a right part"
        off = [axis for axis, allowed in zip(AXES, mirror(classes, facts)[0], strict=True) if not allowed]
        fix = f"Name the classes in dataset.json, such as {example}; until then nothing is mirrored {', '.join(off)}."
        found.append(Finding.of("note", "unnamed_classes", text, fix))
    return found


def side_findings(
    classes: Sequence[ClassInfo], facts: Sequence[CaseFacts], files: Mapping[str, str]
) -> tuple[list[tuple[str, Finding]], list[Finding]]:
    """Sides that lie apart along another axis than their names say, or the other way round.

    (case, finding) where some scans are odd; findings on the data set where all are.
    """
    of_cases: list[tuple[str, Finding]] = []
    of_all: list[Finding] = []
    labeled = [case for case in facts if case.centers]
    for axis in range(3):
        for higher, lower in pairs(classes, axis):
            judged = {case.name: _judge(apart(higher, lower, [case]), axis) for case in labeled}
            wrong = {name: how for name, how in judged.items() if how}
            seen = sum(how is not None for how in judged.values())
            if not wrong:
                continue
            if len(wrong) == seen and len(set(wrong.values())) == 1:
                how = next(iter(wrong.values()))
                of_all.append(
                    _side(
                        "",
                        higher,
                        lower,
                        how,
                        f"{'the one scan that shows' if seen == 1 else f'all {seen} scans that show'} both",
                    )
                )
            else:
                of_cases += [
                    (name, _side(files.get(name, ""), higher, lower, how, name)) for name, how in wrong.items()
                ]
    return of_cases, of_all


def _judge(distance: np.ndarray, axis: int) -> str | None:
    """How two classes of one scan lie wrongly; empty: they do not; None: the scan does not show both."""
    if not len(distance):
        return None
    reach = np.abs(distance[0])
    other = int(reach.argmax())
    if other != axis and reach[other] > CLEARLY * reach[axis]:
        return f"lie apart {AXES[other]} ({reach[other]:.0f} mm), not {AXES[axis]}"
    if distance[0][axis] < 0 and reach[axis] * CLEARLY > reach.max():
        return f"lie the other way round {AXES[axis]}"
    return ""


def _side(file: str, higher: ClassInfo, lower: ClassInfo, how: str, where: str) -> Finding:
    text = (
        f"{higher.name} and {lower.name} {how} in {where}: the orientation in the header is wrong, or their names are"
    )
    fix = "Compare with the original scan, and correct the orientation (or the names). Until then nothing is mirrored "
    return Finding.of("warning", "sides_misplaced", text, fix + "along either axis.", file)
