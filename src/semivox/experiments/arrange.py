"""What stands before the runs of a job or study: cases checked once, one plan for all, each labeled set prepared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import make_folder
from semivox.core.plan import CaseFacts, Plan
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.data.checks.findings import CheckReport
from semivox.data.planning.fingerprint import fingerprint
from semivox.experiments.arms import TWIN, arms_of, shared_config
from semivox.experiments.experiment import Experiment, check_starts
from semivox.experiments.folds import split_of_fold
from semivox.experiments.labeled_sets import LabeledSet
from semivox.experiments.record import Record, check_same, claim, kind_of, load_record
from semivox.experiments.runs import Run
from semivox.experiments.same_minutes import as_begun, with_measured
from semivox.experiments.study_file import StudyFile
from semivox.experiments.unchanged import check_unchanged
from semivox.pipeline.checked import CheckedDataset
from semivox.pipeline.planning import planned
from semivox.pipeline.progress import ProgressDisplay
from semivox.pipeline.stages import check_or_raise, make_plan, prepare_cases, readers_of
from semivox.training.folder import RunFolder

OF_THE_STUDY = (
    *("classes", "spacing", "patch", "network", "labeled_per_step", "unlabeled_per_step", "steps", "precision"),
    *("channels_last", "augmentation", "mirror", "forecast"),
)
"""Fields of a plan that are the same for all labeled sets; intensities follow each one's own labeled cases."""


@dataclass(frozen=True)
class Arranged:
    """A job or study that is ready to run."""

    folder: Path
    experiment: Experiment
    plan: Plan
    runs: tuple[Run, ...]


@contextmanager
def arranged(experiment: Experiment, out: Path, progress: ProgressDisplay) -> Iterator[Arranged]:
    """Check, plan and prepare for all runs, or for those that were added; all that is done is left alone.

    The folder is held for as long as the block lasts: no second process begins anything in it. Raises InputError for
    unfit scans, and where ``out`` holds something else, or is held by another process.
    """
    check_starts(experiment, out)
    claim(out, experiment.kind)
    with RunFolder(out).locked():
        wanted, experiment = experiment, as_begun(experiment, out)
        record = experiment.record()
        check_same(out, record, experiment.dataset)
        check_unchanged(out, experiment.study_file, experiment.labeled_sets, experiment.runs)
        checked = _checked(experiment, record.started(out), out, progress)
        plan = _plan(wanted, checked, out, progress)
        checked = _with_classes_of(plan, checked)
        experiment = with_measured(wanted, experiment, plan, progress)
        record, runs = experiment.record().started(out), experiment.runs
        record.save_in(out)  # what was added stands there once it is known to fit
        for labeled_set in experiment.labeled_sets:
            _prepared(experiment.study_file, checked, plan, labeled_set, out, progress)
        yield Arranged(out, experiment, plan, runs)


def _checked(experiment: Experiment, record: Record, out: Path, progress: ProgressDisplay) -> CheckedDataset:
    """Every case, checked once; again where one was added. Labels that no labeled set uses stay closed.

    From here on the folder is this job's or study's; until it has a plan it may become another one's.
    """
    whole, path = _whole(experiment.labeled_sets), out / "check.json"
    if kind_of(out) is not None and path.exists() and load_record(out).files == record.files:
        with suppress(InputError):  # damaged: the scans are checked again
            report = CheckReport.load(path)
            if _covers(report, whole):
                return CheckedDataset(experiment.dataset, whole, report)
    checked = check_or_raise(experiment.dataset, whole, readers_of(experiment.study_file.settings), progress)
    if not (out / "plan.json").exists():
        record.save_in(out)
    checked.report.save(path)
    warned = sum(case.verdict == "warning" for case in checked.report.cases)
    progress.say(
        f"Checked {plural(len(checked.report.cases), 'scan')}: no errors, {warned} with warnings (check.json)."
    )
    return checked


def _whole(labeled_sets: tuple[LabeledSet, ...]) -> Split:
    """All cases that take part: a case that is labeled in some labeled set is labeled."""
    labeled = {name for each in labeled_sets for name in each.split.labeled}
    pool = {name for each in labeled_sets for name in (*each.split.labeled, *each.split.unlabeled)}
    first = labeled_sets[0].split
    if len(labeled_sets) == 1:
        return first
    return first.model_copy(update={"labeled": tuple(sorted(labeled)), "unlabeled": tuple(sorted(pool - labeled))})


def _covers(report: CheckReport, split: Split) -> bool:
    """Whether all these cases were checked, and the labels of the labeled ones opened."""
    measured = {case.case: case.facts for case in report.cases if case.facts is not None}
    opened = {name for name, facts in measured.items() if facts.labeled}
    scored = {*split.validation, *split.test}
    return (
        {*split.labeled} <= opened
        and {*split.labeled, *split.unlabeled} <= measured.keys()
        and scored <= {case.case for case in report.cases}
    )


def _of(checked: CheckedDataset, split: Split) -> CheckedDataset:
    """What is known when only this split's labels are: facts of other labels are forgotten."""
    hidden = set(split.unlabeled)
    cases = tuple(
        case.model_copy(update={"facts": _without_label(case.facts)}) if case.case in hidden and case.facts else case
        for case in checked.report.cases
    )
    return CheckedDataset(checked.dataset, split, checked.report.model_copy(update={"cases": cases}))


def _without_label(facts: CaseFacts) -> CaseFacts:
    return facts.model_copy(update={"labeled": False, "voxels": {}, "foreground": ()})


def _plan(experiment: Experiment, checked: CheckedDataset, out: Path, progress: ProgressDisplay) -> Plan:
    """The plan of all runs: decided once, on the first labeled set; its classes are those of all labeled sets."""
    path, study_file = out / "plan.json", experiment.study_file
    if not path.exists():
        arms = arms_of(study_file)
        arm = next((arm for arm in arms if arm.method != TWIN), arms[0])
        known = _of(_with_all_classes(checked), experiment.labeled_sets[0].split)
        made = make_plan(known, study_file.plan, shared_config(study_file, arm), progress)
        _require_stride(study_file, made)
        made.save(path)
    return Plan.load(path)


def _require_stride(study_file: StudyFile, plan: Plan) -> None:
    """Refuse, before any training, windows that would leave voxels between them. Raises InputError."""
    stride = study_file.predict.stride
    if stride and any(ours > size for ours, size in zip(stride, plan.patch, strict=True)):
        raise InputError(
            f"[predict] stride {stride} is larger than the patch {plan.patch}, so that voxels would stay unlabeled; "
            "give a smaller one, as by --set predict.stride=8,8,4, or a larger patch"
        )


def _with_all_classes(checked: CheckedDataset) -> CheckedDataset:
    """With the classes that the labels of any labeled set show, where no description names them."""
    facts = [case.facts for case in checked.report.cases if case.facts is not None]
    found = fingerprint(checked.dataset, checked.split, facts).classes
    return replace(checked, dataset=replace(checked.dataset, classes=found))


def _with_classes_of(plan: Plan, checked: CheckedDataset) -> CheckedDataset:
    """With the classes of the plan. Raises InputError where a label shows another: it came later."""
    known, labeled = {plan.ignore, *(info.value for info in plan.classes)}, set(checked.split.labeled)
    for case in checked.report.cases:
        values = case.facts.voxels if case.facts and case.case in labeled else {}
        if strange := sorted(set(values) - known):
            raise InputError(
                f"the label of {case.case!r} holds the value {strange[0]}, which is no class of this study: no label "
                "that it was begun with held it. Name all classes in dataset.json and begin a study in another --out, "
                "or leave that case out of the labeled ones"
            )
    return replace(checked, dataset=replace(checked.dataset, classes=plan.classes))


def _prepared(
    study_file: StudyFile,
    checked: CheckedDataset,
    common: Plan,
    labeled_set: LabeledSet,
    out: Path,
    progress: ProgressDisplay,
) -> None:
    """Split, plan and prepared scans of one labeled set, and the splits of its folds."""
    frame = RunFolder(out / labeled_set.folder)
    make_folder(frame.path)
    frame.keep(frame.split, labeled_set.split)
    for part in labeled_set.parts:
        if part.fold is not None:
            folder = RunFolder(split_of_fold(frame.path, part.fold).parent)
            make_folder(folder.path)
            folder.keep(folder.split, part.split)
    if not frame.plan.exists():
        own = planned(_of(checked, labeled_set.split), study_file.plan, study_file.settings.device)
        shared = {name: getattr(common, name) for name in OF_THE_STUDY}
        reasons = dict(common.reasons) | {"intensity": own.reasons["intensity"]}
        own.model_copy(update={**shared, "reasons": reasons}).save(frame.plan)
    plan = Plan.load(frame.plan)
    readers = readers_of(study_file.settings)
    prepare_cases(checked.dataset, labeled_set.split, plan, frame.path / "prepared", readers, progress)
