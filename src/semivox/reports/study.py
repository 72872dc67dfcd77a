"""The report of a study: one page, its table as CSV, LaTeX and Markdown, and the figures as files, from its folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from markupsafe import Markup

from semivox.core.files import make_folder, write_text
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.experiments.arms import TWIN
from semivox.experiments.collect import collect
from semivox.experiments.results import Results
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.reports.budget import BESIDE, Album
from semivox.reports.curves import HEIGHT, WIDTH, Panel
from semivox.reports.difficulty import known_difficulty, measure_difficulty, strata
from semivox.reports.markdown import write_markdown
from semivox.reports.methods_text import commands_of, in_words
from semivox.reports.page import Picture, TextTable, filled, headings, runs_of
from semivox.reports.pictures import case_pictures, comparison_figures, count_figures, first_curves
from semivox.reports.programs import own_program, viewing
from semivox.reports.published import beside
from semivox.reports.study_first import StudyFirst, is_red, study_cases, study_first
from semivox.reports.study_volumes import StudyVolumes, study_volumes
from semivox.reports.study_warnings import study_warnings
from semivox.reports.surface_pictures import surfaces_of_arms, surfaces_of_counts
from semivox.reports.table import SHOWN, Line, by_labeled_set, family_of, lines_of, worth, write_latex, write_table
from semivox.reports.viewer.scenes import scenes_json

FOLDER = "report"
"""Within the study."""


@dataclass(frozen=True)
class LabeledSetPage:
    """What the page shows of one labeled set."""

    name: str
    lines: tuple[Line, ...]
    note: str
    verdicts: tuple[str, ...]
    figures: tuple[Picture, ...]
    pictures: tuple[Picture, ...]
    strata: tuple[TextTable, ...] = ()
    cases: TextTable | None = None
    yardsticks: TextTable | None = None


@dataclass(frozen=True)
class StudyPage:
    """All that the page shows. Texts are plain: markup in them is shown, not obeyed."""

    title: str
    lead: str
    details: tuple[str, ...]
    warnings: tuple[str, ...]
    labeled_sets: tuple[LabeledSetPage, ...]
    figures: tuple[Picture, ...]
    keys: tuple[str, ...]
    """Columns of the table of provenance."""
    published: tuple[TextTable, ...] = ()
    curves: tuple[Panel, ...] = ()
    curves_of: str = ""
    made: Mapping[str, str] = field(default_factory=dict)
    """Commands, and the digest of the data."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    first: StudyFirst | None = None
    volumes: StudyVolumes = field(default_factory=StudyVolumes)
    """What the viewer shows."""


def report_study(study: Path, by_difficulty: bool = False, progress: ProgressDisplay | None = None) -> Path:
    """Write ``report/`` of a study (finished or not): report.html, table.csv, .tex and .md, figures; returns the page.

    ``by_difficulty``: also fit shape models to the training labels and score by groups of difficulty; kept in the
    report's folder, so asked for once. Raises InputError where the folder holds no study or no finished run.
    """
    results, out = collect(study), study / FOLDER
    make_folder(out / "figures")
    if by_difficulty:
        measure_difficulty(results, out, progress or Quiet())
    lines = lines_of(results)
    title = results.record.study_file.title or study.resolve().name
    write_table(out / "table.csv", lines)
    write_latex(out / "table.tex", lines, title)
    write_markdown(out / "table.md", lines, title)
    page = _page(results, lines, title, out)
    path = out / "report.html"
    write_text(path, render_study(page))
    return path


def render_study(page: StudyPage) -> str:
    """The page as text."""
    programs = (*(viewing() if page.volumes.any else ()), own_program("sort.js"))
    scenes = Markup(scenes_json(page.volumes.scenes, page.volumes.ct))
    size, runs = (WIDTH, HEIGHT), runs_of(page.curves)
    return filled("study.html.j2", programs, data=page, scenes=scenes, scores=headings(SHOWN), runs=runs, panel=size)


def _page(results: Results, lines: Sequence[Line], title: str, out: Path) -> StudyPage:
    pages = tuple(_labeled_set(results, own, out) for own in by_labeled_set(lines))
    curves, curves_of = first_curves(results)
    warned = study_warnings(results, lines)
    volumes = study_volumes(results, {own.name: _worst_first(own) for own in pages}, out)
    album = Album(out / BESIDE)
    figures = _placed(album, "count", (*count_figures(results, lines, out), *_surfaces_of_counts(results, out)))
    pages = tuple(replace(own, figures=_placed(album, f"{own.name}-figure", own.figures)) for own in pages)
    pages = tuple(replace(own, pictures=_placed(album, f"{own.name}-picture", own.pictures)) for own in pages)
    return StudyPage(
        title=title,
        lead=_lead(lines),
        details=_details(results, lines),
        warnings=tuple(warning for warning in warned if not is_red(warning)),
        first=study_first(lines, warned),
        labeled_sets=pages,
        figures=figures,
        keys=tuple(key for key in lines[0].provenance if any(line.provenance[key] for line in lines)),
        published=beside(protocol, results) if (protocol := results.record.study_file.protocol) else (),
        curves=curves,
        curves_of=curves_of,
        made=commands_of(results.record),
        volumes=volumes,
        reasons={in_words(name): why for name, why in Plan.load(results.folder / "plan.json").reasons.items()},
    )


def _placed(album: Album, name: str, pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Those for which the page has no room lie beside it."""
    placed = [album.put(picture.png, f"{name}-{number}") for number, picture in enumerate(pictures, 1)]
    return tuple(replace(one, png=png, file=file) for one, (png, file) in zip(pictures, placed, strict=True))


def _worst_first(own: LabeledSetPage) -> tuple[str, ...]:
    """The cases of a labeled set as its table has them."""
    return tuple(row[0] for row in own.cases.rows) if own.cases else ()


def _surfaces_of_counts(results: Results, out: Path) -> tuple[Picture, ...]:
    """Of the method that has the most numbers of labeled cases, and of those the first that is no twin."""
    arms = {group.arm.name: group.arm for group in results.groups if group.arm.ablation is None}
    counts = {name: len({group.labeled for group in results.groups if group.arm.name == name}) for name in arms}
    best = max(arms, key=lambda name: (counts[name], arms[name].method != TWIN), default=None)
    return () if best is None else surfaces_of_counts(results, best, out)


def _lead(lines: Sequence[Line]) -> str:
    """How many comparisons came out how."""
    found = [line.comparisons["dice"].verdict for line in lines if "dice" in line.comparisons]
    counts = {word: found.count(word) for word in ("better", "worse", "inconclusive")}
    if not found:
        return "Nothing is compared yet: no method has a finished run beside its supervised twin."
    return (
        f"Of {plural(len(found), 'comparison')} with the supervised twin by Dice, {counts['better']} are better, "
        f"{counts['worse']} worse, {counts['inconclusive']} inconclusive."
    )


def _details(results: Results, lines: Sequence[Line]) -> tuple[str, ...]:
    runs = sum(line.runs for line in lines)
    draws = {draw for group in results.groups for draw, _ in group.runs}
    seeds = {seed for group in results.groups for _, seed in group.runs}
    return (
        f"{plural(runs, 'run')}: {plural(len(results.labeled_sets), 'number')} of labeled cases, "
        f"{plural(len(draws), 'draw')} of them, {plural(len(seeds), 'seed')}; "
        f"weights: {lines[0].provenance['weights']}.",
        "Every method has the same plan, labeled patches and steps as its twin, but for what its row says it has of "
        "its own. Hold the pointer over a number to see what it was made with.",
    )


def _labeled_set(results: Results, lines: Sequence[Line], out: Path) -> LabeledSetPage:
    name = lines[0].labeled_set
    comparisons = [found for line in lines for found in line.comparisons.values()]
    return LabeledSetPage(
        name=name,
        lines=tuple(lines),
        note=_note(lines),
        verdicts=tuple(found.words for found in comparisons),
        figures=(*comparison_figures(results, lines, out), *_surfaces(results, name, out)),
        pictures=case_pictures(results, name),
        cases=study_cases(results, name),
        yardsticks=worth(lines),
        strata=strata(results, name, found) if (found := known_difficulty(results, out)) else (),
    )


def _surfaces(results: Results, labeled_set: str, out: Path) -> tuple[Picture, ...]:
    """The twin first, then the methods; ablations have none."""
    groups = [group for group in results.of(labeled_set) if group.arm.ablation is None]
    return surfaces_of_arms(results, sorted(groups, key=lambda group: group.arm.method != TWIN), out, labeled_set)


def _note(lines: Sequence[Line]) -> str:
    about = lines[0].provenance
    units = about["patients or scans"]
    of = f" of {units} patients or scans, which are what is counted" if units else ""
    return (
        f"{about['labeled']} labeled, {about['unlabeled']} unlabeled, {about['scored']} scored cases{of}. Means over "
        "draws, seeds and cases; below each, its 95 % interval. Differences are paired by case; a missed object counts "
        "as Dice 0 and, in comparisons of distances, with the scan's diagonal. Where the reference lacks a class, "
        "predicting nothing is perfect if the other method invents something."
        + (f" Scored by {about['folds']}-fold cross-validation, all folds pooled." if about["folds"] else "")
        + (f" p values are corrected for {compared} comparisons (Holm)." if (compared := family_of(lines)) > 1 else "")
    )
