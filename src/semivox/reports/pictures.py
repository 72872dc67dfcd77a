"""The figures and pictures of a report, chosen from the results of its job or study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.data import layouts
from semivox.data.dataset import CaseFiles
from semivox.evaluation.aggregation import case_means
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.ranks import Ranking
from semivox.experiments.groups import Group
from semivox.experiments.results import Results, pairs_of
from semivox.experiments.verdict import COMPARED
from semivox.reports import figures
from semivox.reports.case_view import labels_of, picture_of
from semivox.reports.curves import Panel, training_curves
from semivox.reports.page import Picture
from semivox.reports.table import Line
from semivox.training.folder import RunFolder


def comparison_figures(results: Results, lines: Sequence[Line], out: Path) -> tuple[Picture, ...]:
    """Differences case by case, and ranks, for each compared score."""
    name, pictures = lines[0].labeled_set, []
    groups = {group.arm.name: group for group in results.of(name)}
    for score in COMPARED:
        heading = METRICS[score].title
        strips = [
            figures.Strip(line.arm, pairs_of(groups[line.arm], twin, score), found.difference, found.low, found.high,
                          found.verdict)
            for line in lines
            if (found := line.comparisons.get(score)) and (twin := results.twin(groups[line.arm]))
        ]  # fmt: skip
        if strips:
            noun = next(line.comparisons[score].noun for line in lines if score in line.comparisons)
            drawn = figures.paired_differences(strips, heading, METRICS[score].higher_is_better, noun)
            each = f"{noun} by {noun}" if noun == "case" else "patients or scans"
            words = f"{heading}, {each}: each dot is a {noun}, the diamond the mean with its 95 % interval; "
            pictures.append(_kept(drawn, out, f"paired-{name}-{score}", f"{words}filled where it is decided"))
        if ranking := results.ranking(name, score):
            noun = "patient or scan" if lines[0].provenance["patients or scans"] else "case"
            drawn = figures.critical_differences(ranking, heading, noun)
            words = rank_words(ranking, results, name)
            pictures.append(_kept(drawn, out, f"ranks-{name}-{score}", f"Mean ranks by {heading}{words}"))
    return tuple(pictures)


def rank_words(ranking: Ranking, results: Results, labeled_set: str) -> str:
    """How methods were told apart, in which runs, and what that says nothing of."""
    keys = results.ranked_runs(labeled_set)
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
    most = max(len(group.runs) for group in results.of(labeled_set) if group.arm.ablation is None)
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
            drawn = figures.learning_curves(curves, METRICS[score].title)
            words = f"{METRICS[score].title} over the number of labeled cases, with 95 % intervals"
            words += "" if METRICS[score].higher_is_better else "; missed and invented objects count with the diagonal"
            pictures.append(_kept(drawn, out, f"learning-{score}", words))
    return tuple(pictures)


def _kept(figure: Figure, out: Path, name: str, caption: str) -> Picture:
    """A figure, saved for papers and ready for the page."""
    figures.save(figure, out / "figures" / f"{name}.pdf")
    return Picture(caption, figures.png(figure))


def case_pictures(results: Results, labeled_set: str) -> tuple[Picture, ...]:
    """For each method: the worst, the middle and the best case of its first run, beside its twin's."""
    try:
        dataset = layouts.find(Path(results.record.data))
    except InputError:  # the data are elsewhere: everything else can be reported
        return ()
    pictures: list[Picture] = []
    for group in results.of(labeled_set):
        twin = results.twin(group)
        common = sorted(set(group.runs) & set(twin.runs)) if twin else []
        if twin is None or not common or (labeled_set and group.arm.ablation is not None):
            continue
        run, other = group.runs[common[0]], twin.runs[common[0]]
        which = f", draw {common[0][0]}, seed {common[0][1]}" if labeled_set else ""
        for case, word, dice, count in ranked(group, common[0]):
            folders = {twin.arm.name: other.folder_of(case), group.arm.name: run.folder_of(case)}
            of_all = f" of {count} cases" if count > 1 else ""
            caption = f"{group.arm.name}{which}, {case}: the {word}{of_all} by Dice ({dice:.3f})"
            try:
                pictures.append(Picture(caption, overlay_of(dataset.entry(case), folders, run.plan)))
            except InputError:  # a scan or a prediction was moved away
                continue
    return tuple(pictures)


def overlay_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan) -> bytes:
    """The PNG of one case with its reference and the labels of each run."""
    volume, labels = labels_of(entry, runs, plan)
    return picture_of(volume, labels, plan)


def ranked(group: Group, key: tuple[int, int]) -> list[tuple[str, str, float, int]]:
    """(case, word, Dice, number of cases) of the worst, the middle and the best case of a run; fewer if they meet."""
    dice = case_means(group.runs[key].rows, "dice")
    order = sorted(dice, key=lambda case: (dice[case], case))
    if not order:
        return []
    if len(order) == 1:
        return [(order[0], "only case", dice[order[0]], 1)]
    wanted = {order[0]: "worst", order[len(order) // 2]: "middle", order[-1]: "best"}
    return [(case, word, dice[case], len(order)) for case, word in wanted.items()]


def first_curves(results: Results) -> tuple[tuple[Panel, ...], str]:
    """Training curves of the first run on the labeled set on which most methods are finished; of several, the last."""
    plain = {name: [group for group in results.of(name) if group.arm.ablation is None] for name in results.labeled_sets}
    labeled_set = max(reversed(plain), key=lambda name: len(plain[name]))
    keys = results.ranked_runs(labeled_set)
    if not keys:
        return (), ""
    draw, seed = min(keys)
    folders = {group.arm.name: group.runs[draw, seed].folders for group in plain[labeled_set]}
    fold = ", first fold" if any(len(own) > 1 for own in folders.values()) else ""
    logs = {arm: RunFolder(own[0]).logged() for arm, own in folders.items()}
    return training_curves(logs), f"{labeled_set}, draw {draw}, seed {seed}{fold}."
