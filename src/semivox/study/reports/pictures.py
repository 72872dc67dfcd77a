"""The figures and pictures of a study's report, chosen from its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.evaluation.score import HIGHER_IS_BETTER
from semivox.study.reports import figures
from semivox.study.reports.curves import Panel, training_curves
from semivox.study.reports.job import overlay_of
from semivox.study.reports.page import HEADINGS, Picture
from semivox.study.reports.results import Group, Results, pairs_of
from semivox.study.reports.table import COMPARED, Line
from semivox.training.folder import RunFolder


def setting_figures(results: Results, lines: Sequence[Line], out: Path) -> tuple[Picture, ...]:
    """Differences case by case, and ranks, for each compared score."""
    name, pictures = lines[0].setting, []
    groups = {group.arm.name: group for group in results.of(name)}
    for score in COMPARED:
        heading = HEADINGS[score][0]
        strips = [
            figures.Strip(line.arm, pairs_of(groups[line.arm], twin, score), found.difference, found.low, found.high,
                          found.verdict)
            for line in lines
            if (found := line.contrasts.get(score)) and (twin := results.twin(groups[line.arm]))
        ]  # fmt: skip
        if strips:
            drawn = figures.paired_differences(strips, heading, score in HIGHER_IS_BETTER)
            words = f"{heading}, case by case: each dot is a case, the diamond the mean with its 95 % interval; filled "
            pictures.append(_kept(drawn, out, f"paired-{name}-{score}", words + "where the difference is decided"))
        if ranking := results.ranking(name, score):
            drawn = figures.critical_differences(ranking, heading)
            words = f"Mean ranks by {heading}: methods joined by a bar are not told apart (Friedman, Nemenyi)"
            pictures.append(_kept(drawn, out, f"ranks-{name}-{score}", words))
    return tuple(pictures)


def count_figures(results: Results, lines: Sequence[Line], out: Path) -> tuple[Picture, ...]:
    """Learning curves, where there are several numbers of labeled cases."""
    if len({line.labeled for line in lines}) < 2:
        return ()
    pictures = []
    for score in COMPARED:
        curves: dict[str, list[figures.Point]] = {}
        for line in lines:
            found = line.scores[score]
            if line.ablation or (found.mean is None and found.penalized is None):
                continue
            point = figures.Point(line.labeled, found.mean or 0.0, found.low, found.high)
            if found.penalized is not None:  # a method that misses objects must not look better for it
                point = figures.Point(line.labeled, found.penalized, None, None)
            curves.setdefault(line.arm, []).append(point)
        if curves:
            drawn = figures.learning_curves(curves, HEADINGS[score][0])
            words = f"{HEADINGS[score][0]} over the number of labeled cases, with 95 % intervals"
            words += "" if score in HIGHER_IS_BETTER else "; without one where missed objects count with the diagonal"
            pictures.append(_kept(drawn, out, f"learning-{score}", words))
    return tuple(pictures)


def _kept(figure: Figure, out: Path, name: str, caption: str) -> Picture:
    """A figure, saved for papers and ready for the page."""
    figures.save(figure, out / "figures" / f"{name}.pdf")
    return Picture(caption, figures.png(figure))


def setting_pictures(results: Results, setting: str) -> tuple[Picture, ...]:
    """For each method: the worst, the middle and the best case of its first run, beside its twin's."""
    try:
        dataset = layouts.find(Path(results.record.data))
    except InputError:  # the data are elsewhere: everything else can be reported
        return ()
    pictures: list[Picture] = []
    for group in results.of(setting):
        twin = results.twin(group)
        common = sorted(set(group.runs) & set(twin.runs)) if twin else []
        if twin is None or not common or group.arm.ablation is not None:
            continue
        run, other = group.runs[common[0]], twin.runs[common[0]]
        for case, word, dice, count in ranked(group, common[0]):
            folders = {twin.arm.name: other.folder, group.arm.name: run.folder}
            caption = (
                f"{group.arm.name}, draw {common[0][0]}, seed {common[0][1]}, {case}: the {word} of {count} cases by "
                f"Dice ({dice:.3f})"
            )
            try:
                pictures.append(Picture(caption, overlay_of(dataset.entry(case), folders, run.plan)))
            except InputError:  # a scan or a prediction was moved away
                continue
    return tuple(pictures)


def ranked(group: Group, key: tuple[int, int]) -> list[tuple[str, str, float, int]]:
    """(case, word, Dice, number of cases) of the worst, the middle and the best case of a run; fewer if they meet."""
    dice: dict[str, list[float]] = {}
    for row in group.runs[key].rows:
        if row.dice is not None:
            dice.setdefault(row.case, []).append(row.dice)
    order = sorted(dice, key=lambda case: (float(np.mean(dice[case])), case))
    if not order:
        return []
    wanted = {order[0]: "worst", order[len(order) // 2]: "middle", order[-1]: "best"}
    return [(case, word, float(np.mean(dice[case])), len(order)) for case, word in wanted.items()]


def first_curves(results: Results) -> tuple[tuple[Panel, ...], str]:
    """Training curves of the methods in the last setting's first run."""
    groups = [group for group in results.of(results.settings[-1]) if group.arm.ablation is None]
    keys = set.intersection(*(set(group.runs) for group in groups))
    if not keys:
        return (), ""
    draw, seed = min(keys)
    logs = {group.arm.name: RunFolder(group.runs[draw, seed].folder).logged() for group in groups}
    return training_curves(logs), f"{results.settings[-1]}, draw {draw}, seed {seed}."
