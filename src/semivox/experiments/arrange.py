"""What stands before the runs of a study: cases checked once, one plan for all, each labeled set prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import fresh
from semivox.core.frozen import Frozen
from semivox.core.plan import CaseFacts, Plan
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.checks.run import CheckReport
from semivox.data.dataset import Dataset, groups_of
from semivox.data.formats.sources import digest_of_files
from semivox.data.planning.fingerprint import fingerprint
from semivox.experiments.labeled_sets import LabeledSet, labeled_sets_of
from semivox.experiments.runs import TWIN, Run, arms_of, config_of, runs_of, shared_config
from semivox.experiments.study_file import StudyFile
from semivox.experiments.unchanged import changed_parts, check_unchanged
from semivox.pipeline.planning import CheckedDataset, planned
from semivox.pipeline.progress import ProgressDisplay
from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan, prepare_cases
from semivox.training.folder import RunFolder
from semivox.training.run import check_parts

OF_THE_STUDY = (
    *("classes", "spacing", "patch", "network", "labeled_per_step", "unlabeled_per_step", "steps", "precision"),
    *("channels_last", "augmentation", "mirror", "forecast"),
)
"""Fields of a plan that are the same in all settings and draws; intensities follow each one's own labeled cases."""


RECORD = "study.json"


class StudyRecord(Frozen):
    """What a study was begun with (study.json). Methods, seeds, counts and draws may be added later."""

    version: int = 1
    grid: StudyFile
    data: str
    """The data folder."""
    files: str
    """Digest of what the data set's files hold."""
    groups: Mapping[str, str] = {}
    """Case -> the patient or scan it is of, where several may be of one."""
    runs: tuple[str, ...] = ()
    """Names of all runs that the grid comes to; empty: a study of a version that did not keep them."""


@dataclass(frozen=True)
class Arranged:
    """A study that is ready to run."""

    folder: Path
    grid: StudyFile
    plan: Plan
    cells: tuple[Run, ...]


@contextmanager
def arranged(grid: StudyFile, base: Path, data: Path, out: Path, progress: ProgressDisplay) -> Iterator[Arranged]:
    """Check, plan and prepare for all runs of the study, or for what was added to it; all that is done is left alone.

    The study's folder is held for as long as the block lasts: no second process begins anything in it. ``base``: the
    folder that the grid's files are named from. Raises InputError for unfit scans or options, and where ``out`` holds
    a study of other data, or of another plan, or is held by another process.
    """
    for arm in arms_of(grid):
        config_of(grid, arm, grid.seeds[0], 0)  # wrong options are refused before any work
    dataset = layouts.find(data)
    settings = labeled_sets_of(grid.cases, dataset, base)
    cells = runs_of(grid, settings)
    for setting in settings:
        load_dataset(data, setting.split)  # names, labels and patients
        for cell in (cell for cell in cells if cell.frame == setting.folder):
            check_parts(setting.split, config_of(grid, cell.arm, cell.seed, 0))
    _make(out)
    with RunFolder(out).locked():
        groups = groups_of(dataset.entries)
        names, files = tuple(cell.name for cell in cells), digest_of_files(dataset)
        record = StudyRecord(grid=grid, data=str(data.resolve()), files=files, groups=groups, runs=names)
        _compare(out, record)
        check_unchanged(out, grid, settings, cells)
        if not (out / RECORD).exists():
            record.save(out / RECORD)  # from now on the folder is this study's
        inspected = _inspected(dataset, settings, out, progress)
        plan = _plan(grid, inspected, settings[0], out, progress)
        inspected = _with_classes_of(plan, inspected)
        record.save(out / RECORD)  # what was added to the grid stands there once it is known to fit
        for setting in settings:
            _prepared(grid, inspected, plan, setting, out, progress)
        yield Arranged(out, grid, plan, cells)


def _make(out: Path) -> None:
    """Make the study's folder. Raises InputError where it cannot be, or holds something else."""
    if not (out / RECORD).exists() and not fresh(out, RECORD):
        raise InputError(f"{out} is not empty and holds no study; give another --out, or empty it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}; give another --out") from error


def _compare(out: Path, record: StudyRecord) -> None:
    """Compare with the study.json that is there, if one is. Raises InputError naming what changed."""
    if not (out / RECORD).exists():
        return
    before = StudyRecord.load(out / RECORD)
    if changed := changed_parts(before.grid, record.grid):
        raise InputError(
            f"{out} holds a study with another {' and '.join(changed)}; numbers of both could not be compared. "
            "Undo the change, or give another --out"
        )
    if before.files != record.files:
        raise InputError(
            f"{out} holds a study of other scans: files of {record.data} were added, removed or changed since. "
            "Restore them, or give another --out"
        )


def _inspected(
    dataset: Dataset, settings: Sequence[LabeledSet], out: Path, progress: ProgressDisplay
) -> CheckedDataset:
    """Every case of the study, checked once; again where one was added. Labels that no setting uses stay closed."""
    labeled = {name for setting in settings for name in setting.split.labeled}
    pool = {name for setting in settings for name in (*setting.split.labeled, *setting.split.unlabeled)}
    parts = settings[0].split
    whole = Split(
        labeled=tuple(sorted(labeled)),
        unlabeled=tuple(sorted(pool - labeled)),
        validation=parts.validation,
        test=parts.test,
    )
    path = out / "check.json"
    if path.exists():
        report = CheckReport.load(path)
        measured = {case.case: case.facts for case in report.cases if case.facts is not None}
        opened = {name for name, facts in measured.items() if facts.labeled}
        scored = {*parts.validation, *parts.test}
        if labeled <= opened and pool <= measured.keys() and scored <= {case.case for case in report.cases}:
            return CheckedDataset(dataset, whole, report)
    inspected = check_or_raise(dataset, whole, progress=progress)
    inspected.report.save(path)
    return inspected


def _of(inspected: CheckedDataset, split: Split) -> CheckedDataset:
    """What is known when only this split's labels are: facts of other labels are forgotten."""
    hidden = set(split.unlabeled)
    cases = tuple(
        case.model_copy(update={"facts": _without_label(case.facts)}) if case.case in hidden and case.facts else case
        for case in inspected.report.cases
    )
    return CheckedDataset(inspected.dataset, split, inspected.report.model_copy(update={"cases": cases}))


def _without_label(facts: CaseFacts) -> CaseFacts:
    return facts.model_copy(update={"labeled": False, "voxels": {}, "foreground": ()})


def _plan(grid: StudyFile, inspected: CheckedDataset, first: LabeledSet, out: Path, progress: ProgressDisplay) -> Plan:
    """The plan of the study: decided once, on the first labeled set; its classes are those of all labeled sets."""
    path = out / "plan.json"
    if not path.exists():
        arms = arms_of(grid)
        arm = next((arm for arm in arms if arm.method != TWIN), arms[0])
        config = shared_config(grid, arm)
        make_plan(_of(_with_all_classes(inspected), first.split), grid.plan, config, progress).save(path)
    return Plan.load(path)


def _with_all_classes(inspected: CheckedDataset) -> CheckedDataset:
    """With the classes that the labels of any setting show, where no description names them."""
    facts = [case.facts for case in inspected.report.cases if case.facts is not None]
    found = fingerprint(inspected.dataset, inspected.split, facts).classes
    return replace(inspected, dataset=replace(inspected.dataset, classes=found))


def _with_classes_of(plan: Plan, inspected: CheckedDataset) -> CheckedDataset:
    """With the classes of the study's plan. Raises InputError where a label shows another: it came later."""
    known, labeled = {plan.ignore, *(info.value for info in plan.classes)}, set(inspected.split.labeled)
    for case in inspected.report.cases:
        values = case.facts.voxels if case.facts and case.case in labeled else {}
        if strange := sorted(set(values) - known):
            raise InputError(
                f"the label of {case.case!r} holds the value {strange[0]}, which is no class of this study: no label "
                "that it was begun with held it. Name all classes in dataset.json and begin a study in another --out, "
                "or leave that case out of the labeled ones"
            )
    return replace(inspected, dataset=replace(inspected.dataset, classes=plan.classes))


def _prepared(
    grid: StudyFile, inspected: CheckedDataset, common: Plan, setting: LabeledSet, out: Path, progress: ProgressDisplay
) -> None:
    """Split, plan and prepared scans of one labeled set."""
    folder = out / setting.folder
    folder.mkdir(parents=True, exist_ok=True)
    keeper = RunFolder(folder)
    keeper.keep(keeper.split, setting.split)
    if not keeper.plan.exists():
        own = planned(_of(inspected, setting.split), grid.plan, str(grid.train.get("device", "auto")))
        shared = {name: getattr(common, name) for name in OF_THE_STUDY}
        reasons = dict(common.reasons) | {"intensity": own.reasons["intensity"]}
        own.model_copy(update={**shared, "reasons": reasons}).save(keeper.plan)
    prepare_cases(inspected.dataset, setting.split, Plan.load(keeper.plan), folder / "prepared", progress=progress)
