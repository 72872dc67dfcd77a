"""Models that are compared: the main job, studies, and the pages about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semivox.core.errors import InputError
from semivox.core.processes.launcher import require_alone
from semivox.core.split import Split
from semivox.methods import DEFAULT

if TYPE_CHECKING:
    from semivox.experiments.study_file import StudyFile
    from semivox.experiments.summary import Summary
    from semivox.pipeline.progress import ProgressDisplay

from semivox.api.given import AnyPath, given_split


def run(  # noqa: PLR0913 - the options of the command
    data: AnyPath,
    out: AnyPath,
    *,
    method: str = DEFAULT,
    ablation: str | None = None,
    recipe: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    split: Split | AnyPath | int | None = None,
    exclude: Collection[str] = (),
    processes: int | None = None,
    on: str = "here",
    address: str = "auto",
    slurm: Mapping[str, str] | None = None,
    labels: bool = True,
    begin: str | None = None,
    progress: ProgressDisplay | None = None,
) -> Summary:
    """From a folder of scans to a model, and to an answer whether the unlabeled scans helped.

    ``options`` and ``settings`` as in ``train``, but that several ``devices`` share the patches of a step unless
    ``split_batch`` says otherwise; ``plan``: fields of ``data.planning.options.PlanOptions``. ``processes``: trainings
    at once, None: as many as fit. ``on``: where, ``here``, on ``ray`` (a cluster at ``address``) or as jobs of
    ``slurm`` (with its options). ``labels``: whether the better model labels the unlabeled scans at the end. What is
    done in ``out`` already is not done again; where it holds a finished job and labels are new since, the next round
    begins (``out/rounds/2``), from "scratch" or "warm" weights as ``begin`` says.
    Raises InputError, SemivoxError where trainings failed, and InterruptedRun after saving when stopped.
    """
    require_alone("run")
    from semivox.experiments.engines import engine_of
    from semivox.experiments.job import Job
    from semivox.pipeline.options import RunOptions
    from semivox.pipeline.sharing import sharing
    from semivox.reports.job import report_job
    from semivox.rounds.next_round import run_rounds

    wanted = RunOptions.of(
        sharing(settings or {}),
        plan or {},
        given_split(split),
        method=method,
        ablation=ablation,
        recipe=recipe,
        options=options or {},
        exclude=tuple(exclude),
    )
    engine = engine_of(on, address, processes, slurm)
    job = Job(Path(data), Path(out), wanted, engine, labels, report_job)
    return run_rounds(job, begin, progress)


def demo(out: AnyPath, *, quick: bool = False, progress: ProgressDisplay | None = None) -> Summary:
    """The main job on the built-in data set, in minutes on two cores; ``quick``: in seconds, too short to learn."""
    require_alone("demo")
    from semivox.experiments.demo import run_demo
    from semivox.reports.job import report_job

    return run_demo(Path(out), quick, progress, report_job)


def study(  # noqa: PLR0913 - the options of the command
    study_file: StudyFile | AnyPath | None,
    out: AnyPath,
    *,
    recipe: str | None = None,
    data: AnyPath | None = None,
    processes: int | None = None,
    on: str = "here",
    address: str = "auto",
    slurm: Mapping[str, str] | None = None,
    devices: int | None = None,
    sets: Sequence[str] = (),
    progress: ProgressDisplay | None = None,
) -> Path:
    """Do all runs of a study, several at once where the machine allows; what is done is not done again.

    ``study_file``: its path, or an ``experiments.study_file.StudyFile`` whose files are named from the current folder;
    None with a ``recipe``, the name of a paper's table, whose files lie in the data folder.
    ``data``: instead of the file's own. ``processes``: runs at once; None: as many as fit. ``on``,
    ``address``, ``slurm``: where, as in ``run``. ``sets``:
    ``"plan.steps=100"`` and the like, instead of what the file says; ``devices``: processes that train each run
    together, and share the patches of a step unless file or ``sets`` name ``split_batch``. Returns ``out``. Raises
    InputError, SemivoxError where runs failed after all others were done, and InterruptedRun after saving when stopped.
    """
    require_alone("study")
    from semivox.experiments.engines import engine_of
    from semivox.experiments.study import run_study
    from semivox.experiments.study_file import StudyFile
    from semivox.experiments.study_text import followed, load_study_file, table_recipe
    from semivox.pipeline.options import checked
    from semivox.pipeline.sharing import sharing
    from semivox.training.settings import TrainSettings

    engine = engine_of(on, address, processes, slurm)
    if (study_file is None) == (recipe is None):
        raise InputError("give a study file or --recipe NAME, one of the two")
    if isinstance(study_file, StudyFile):
        loaded, base = study_file, Path()
    elif study_file is not None:
        loaded, base = load_study_file(Path(study_file), sets), Path(study_file).parent
    else:
        if data is None:
            raise InputError(f"the recipe {recipe} needs scans; give their folder with --data")
        loaded, base = load_study_file(table_recipe(str(recipe)), sets), Path(data)
        if progress is not None:
            progress.say(followed(str(recipe), sets))
    place = data if data is not None else loaded.data and base / loaded.data
    if devices is not None:
        checked(TrainSettings, "training settings", devices=devices)
        loaded = loaded.model_copy(update={"train": sharing({**loaded.train, "devices": devices})})
    if not place:
        raise InputError('the study names no data folder; give data = "..." in the study file, or --data')
    run_study(loaded, base, Path(place), Path(out), engine, progress)
    return Path(out)


def report(folder: AnyPath, *, by_difficulty: bool = False, progress: ProgressDisplay | None = None) -> Path:
    """Make the report of a job, or of a study (finished or not), from its folder; returns the page.

    Of a study: ``report/`` with one page, CSV, LaTeX, Markdown and figures; of a job: ``report.html``, and that of each
    further round that is finished, of which the last is returned: it has the curve over all rounds.
    ``by_difficulty``: of a study, also measure how unusual each scored shape is, and score by groups of it. Raises
    InputError where the folder holds no job and no study, or nothing to report yet.
    """
    from semivox.experiments.record import load_record
    from semivox.reports.job import report_job
    from semivox.reports.study import report_study
    from semivox.rounds.folder import rounds_of

    if load_record(Path(folder)).kind == "job":
        later = [each.folder for each in rounds_of(Path(folder)) if each.number > 1 and each.finished]
        return [report_job(page) for page in (Path(folder), *later)][-1]
    return report_study(Path(folder), by_difficulty, progress)
