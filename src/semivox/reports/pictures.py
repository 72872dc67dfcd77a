"""The figures and pictures of a study's report, chosen from its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.evaluation.ranks import Ranking
from semivox.evaluation.score import HIGHER_IS_BETTER
from semivox.reports import figures
from semivox.reports.curves import Panel, training_curves
from semivox.reports.job import overlay_of
from semivox.reports.page import HEADINGS, Picture
from semivox.reports.results import Group, Results, pairs_of
from semivox.reports.table import COMPARED, Line
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
            noun = next(line.contrasts[score].noun for line in lines if score in line.contrasts)
            drawn = figures.paired_differences(strips, heading, score in HIGHER_IS_BETTER, noun)
            each = f"{noun} by {noun}" if noun == "case" else "patients or scans"
            words = f"{heading}, {each}: each dot is a {noun}, the diamond the mean with its 95 % interval; "
            pictures.append(_kept(drawn, out, f"paired-{name}-{score}", f"{words}filled where it is decided"))
        if ranking := results.ranking(name, score):
            noun = "patient or scan" if lines[0].provenance["patients or scans"] else "case"
            drawn = figures.critical_differences(ranking, heading, noun)
            words = rank_words(ranking, results, name)
            pictures.append(_kept(drawn, out, f"ranks-{name}-{score}", f"Mean ranks by {heading}{words}"))
    return tuple(pictures)


def rank_words(ranking: Ranking, results: Results, setting: str) -> str:
    """How methods were told apart, in which runs, and what that says nothing of."""
    keys = results.ranked_runs(setting)
    if ranking.critical_difference is not None:
        test, of = "Friedman, Nemenyi; cases are all that varies", "draws of the labeled cases, nor of other seeds"
    elif len({draw for draw, _ in keys}) > 1:
        test, of = "pairs, nested over draws and cases, corrected by Holm", ""
    else:
        test, of = "pairs, nested over seeds and cases, corrected by Holm", "draws of the labeled cases"
    used = "; ".join(
        f"draw {draw}, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        for draw in sorted({draw for draw, _ in keys})
        if (seeds := [seed for other, seed in keys if other == draw])
    )
    most = max(len(group.runs) for group in results.of(setting) if group.arm.ablation is None)
    fewer = f" (the {len(keys)} that every method has, of up to {most})" if len(keys) < most else ""
    beyond = f" Nothing is said of other {of}." if of else ""
    return f": methods joined by a bar are not told apart ({test}). Runs{fewer}: {used}.{beyond}"


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
                point = figures.Point(line.labeled, found.penalized, found.penalized_low, found.penalized_high)
            curves.setdefault(line.arm, []).append(point)
        if curves:
            drawn = figures.learning_curves(curves, HEADINGS[score][0])
            words = f"{HEADINGS[score][0]} over the number of labeled cases, with 95 % intervals"
            words += "" if score in HIGHER_IS_BETTER else "; missed and invented objects count with the diagonal"
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
    """Training curves of the first run of the setting in which most methods are finished; of several, the last."""
    plain = {name: [group for group in results.of(name) if group.arm.ablation is None] for name in results.settings}
    setting = max(reversed(plain), key=lambda name: len(plain[name]))
    keys = results.ranked_runs(setting)
    if not keys:
        return (), ""
    draw, seed = min(keys)
    logs = {group.arm.name: RunFolder(group.runs[draw, seed].folder).logged() for group in plain[setting]}
    return training_curves(logs), f"{setting}, draw {draw}, seed {seed}."
