"""Which surfaces a report shows: the worst, middle and best case, by both models of a job or all methods of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from semivox.core.errors import InputError
from semivox.core.files import make_folder
from semivox.data import layouts
from semivox.data.dataset import Dataset
from semivox.evaluation.aggregation import case_means
from semivox.experiments.groups import Group, RunResult
from semivox.experiments.results import Results
from semivox.reports import figures
from semivox.reports.case_view import REFERENCE, labels_of
from semivox.reports.page import Picture
from semivox.reports.pictures import ranked
from semivox.reports.surfaces import SurfaceRow, surface_figure

MOST = 6
"""Columns of one figure, the reference besides."""
CAPTION = (
    "Surfaces from the front, the patient's right on the left. Reference in the color of its class, predictions "
    "in that of their distance from it (red outside, blue inside, violet: a class that the reference lacks)"
)
Columns = Mapping[str, RunResult]
"""Title of a column -> the run whose labels it shows."""


def surfaces_of_arms(results: Results, groups: Sequence[Group], out: Path, name: str) -> tuple[Picture, ...]:
    """A row a case, a column a method, of the first run that all have; the cases are those of the last group."""
    groups = [*groups[:1], *groups[1:][-(MOST - 1) :]]
    keys = sorted(set.intersection(*(set(group.runs) for group in groups))) if groups else []
    if not keys:
        return ()
    columns = {group.arm.name: group.runs[keys[0]] for group in groups}
    cases = [(case, word) for case, word, _, _ in ranked(groups[-1], keys[0])]
    return _pictures(results, columns, cases, out, f"surfaces-{name}" if name else "surfaces", "")


def surfaces_of_counts(results: Results, arm: str, out: Path) -> tuple[Picture, ...]:
    """A row a case, a column a number of labeled cases, of one method; nothing where there is one number only."""
    groups = [group for group in results.groups if group.arm.name == arm][:MOST]
    if len(groups) < 2:
        return ()
    columns = {f"{group.labeled} labeled": group.runs[min(group.runs)] for group in groups}
    cases = [(case, word) for case, word, _, _ in ranked(groups[0], min(groups[0].runs))]
    return _pictures(results, columns, cases, out, f"surfaces-counts-{arm}", f"{arm} by the number of labeled cases. ")


def _pictures(
    results: Results, columns: Columns, cases: Sequence[tuple[str, str]], out: Path, name: str, about: str
) -> tuple[Picture, ...]:
    """The figure as a picture, and as PNG and SVG files in ``out/figures``."""
    try:
        dataset = layouts.find(Path(results.record.data))
    except InputError:  # the data are elsewhere: everything else can be reported
        return ()
    rows, classes = [], next(iter(columns.values())).plan.classes
    for case, word in cases:
        try:
            rows.append(_row(dataset, case, word, columns))
        except InputError:  # a scan or a prediction was moved away
            continue
    if not rows:
        return ()
    drawn = surface_figure(rows, [info.name for info in classes])
    kept(drawn, out / "figures", name)
    return (Picture(f"{about}{CAPTION}", figures.png(drawn)),)


def kept(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG files."""
    make_folder(folder)
    (folder / f"{name}.png").write_bytes(figures.png(figure))
    figures.save(figure, folder / f"{name}.svg")


def _row(dataset: Dataset, case: str, word: str, columns: Columns) -> SurfaceRow:
    entry = dataset.entry(case)
    plan = next(iter(columns.values())).plan
    volume, labels = labels_of(entry, {title: run.folder_of(case) for title, run in columns.items()}, plan)
    notes = {}
    for title, run in columns.items():
        dice = case_means([row for row in run.rows if row.case == case], "dice").get(case)
        notes[title] = "" if dice is None else f"Dice {dice:.3f}"
    return SurfaceRow(f"{case[:28]} ({word})", labels, labels.get(REFERENCE), volume.spacing, notes)
