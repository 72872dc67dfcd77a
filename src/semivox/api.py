"""What Semivox does, a function for each command: the Python interface, which the command line calls.

``semivox.check`` and the others are these functions. Paths may be text or ``pathlib.Path``. Errors that a user can fix
are ``semivox.SemivoxError``. Pass ``progress=semivox.Terminal()`` to see bars and sentences. Scripts that train or
check need ``if __name__ == "__main__":``, as all Python programs that start processes do. Importing this module
imports no torch; the functions do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Plan
from semivox.core.processes.launcher import require_alone
from semivox.core.processes.main_guard import require_first_run
from semivox.core.split import Split
from semivox.methods import DEFAULT

if TYPE_CHECKING:
    from semivox.core.geometry import Shape
    from semivox.data.checks.run import CheckReport
    from semivox.data.fixed_patches import PatchChoice
    from semivox.data.prepared.store import Store
    from semivox.evaluation.score import Row
    from semivox.experiments.study_file import StudyFile
    from semivox.experiments.summary import Summary
    from semivox.pipeline.progress import ProgressDisplay

AnyPath = str | PathLike[str]


def check(
    data: AnyPath,
    split: Split | AnyPath | None = None,
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
    *,
    phi: bool = False,
    exclude: Collection[str] = (),
) -> CheckReport:
    """Can these scans be trained on? A verdict per case, with the fix for what is wrong.

    ``data``: a folder (or CSV table) in one of the accepted layouts. Bad scans raise nothing: they are the result
    (``.ok``, ``.errors``, ``.text()``). ``phi``: also warn of header fields and names that may tell who a patient is.
    ``exclude``: cases that are left out. Raises InputError where no layout is recognized.
    """
    from semivox.data import checks, layouts
    from semivox.data.checks import privacy
    from semivox.pipeline.progress import Quiet
    from semivox.pipeline.stages import spare_cores, without

    require_first_run()
    chosen = Split.load(Path(split)) if isinstance(split, (str, PathLike)) else split
    dataset, chosen = without(layouts.find(Path(data)), chosen, exclude)
    with (progress or Quiet()).bar("checking scans") as count:
        report = checks.check(dataset, chosen, spare_cores() if workers is None else workers, count)
    return privacy.with_privacy(report, dataset) if phi else report


def plan(
    data: AnyPath,
    *,
    split: Split | AnyPath | None = None,
    exclude: Collection[str] = (),
    method: str = DEFAULT,
    device: str = "auto",
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
    **options: Any,
) -> Plan:
    """Decide spacing (mm), patch (voxels), network, batch, precision and steps, each with its reason.

    ``options`` are the fields of ``data.planning.options.PlanOptions``: the budgets ``memory_gb`` and ``hours``, and
    ``spacing``, ``patch``, ``network``, ``steps`` and ``fields``, which overrule the planner. The cost is measured by a
    dry step of ``method``; ``workers`` processes read the scans (0: none). ``plan(...).save(Path("plan.json"))`` keeps
    it. Raises InputError when scans cannot be trained on.
    """
    from semivox.data.planning.options import PlanOptions
    from semivox.pipeline.options import checked
    from semivox.pipeline.possible import require_device
    from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan
    from semivox.training.settings import TrainSettings, configure

    require_device(device)
    wanted = checked(PlanOptions, "options of the plan", **options)
    config = configure(method, {}, checked(TrainSettings, "training settings", device=device))
    dataset, chosen = load_dataset(Path(data), _split(split), exclude)
    return make_plan(check_or_raise(dataset, chosen, workers, progress), wanted, config, progress)


def prepare(
    data: AnyPath,
    out: AnyPath,
    *,
    plan: Plan,
    split: Split | AnyPath | None = None,
    exclude: Collection[str] = (),
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
) -> Store:
    """Put all training and validation scans on the plan's grid, once, as memory-mapped arrays under ``out``.

    Can be stopped and called again. Raises InputError naming the file that could not be prepared.
    """
    require_alone("prepare")
    from semivox.pipeline.stages import check_or_raise, load_dataset, prepare_cases

    dataset, chosen = load_dataset(Path(data), _split(split), exclude)
    check_or_raise(dataset, chosen, workers, progress)
    return prepare_cases(dataset, chosen, plan, Path(out), workers, progress)


def train(  # noqa: PLR0913 - the options of the command
    data: AnyPath,
    out: AnyPath,
    *,
    method: str = DEFAULT,
    ablation: str | None = None,
    recipe: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    plan: Plan | AnyPath | None = None,
    plan_fields: Mapping[str, Any] | None = None,
    split: Split | AnyPath | None = None,
    exclude: Collection[str] = (),
    prepared: AnyPath | None = None,
    progress: ProgressDisplay | None = None,
) -> Path:
    """Train one method into the run folder ``out`` and return it; checks, plans and prepares first where needed.

    ``options``: fields of the method's Config; ``settings``: fields of ``training.settings.TrainSettings`` (steps,
    seed, device, ...); ``plan_fields``: fields of the plan to overrule. ``prepared``: where prepared scans are kept,
    so that several runs share them (default ``out/prepared``). A folder with an unfinished run is resumed, a finished
    one returned at once. Raises InputError for unfit scans or options, InterruptedRun after saving when stopped.
    """
    from semivox.pipeline.options import RunOptions
    from semivox.pipeline.train import train_one

    wanted = RunOptions.of(
        settings or {},
        {"fields": plan_fields or {}},
        _split(split),
        method=method,
        ablation=ablation,
        recipe=recipe,
        options=options or {},
        exclude=tuple(exclude),
    )
    given = Plan.load(Path(plan)) if isinstance(plan, (str, PathLike)) else plan
    return train_one(Path(data), Path(out), wanted, given, None if prepared is None else Path(prepared), progress)


def predict(  # noqa: PLR0913 - the options of the command
    run: AnyPath,
    inputs: AnyPath,
    out: AnyPath,
    *,
    save: Sequence[str] = (),
    blend: str = "gaussian",
    overlap: float = 0.5,
    stride: Shape | None = None,
    mirror: bool = False,
    largest_component: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    precision: str | None = None,
    processes: int = 1,
    progress: ProgressDisplay | None = None,
) -> list[Path]:
    """Label every scan of a folder (or one scan) with a trained run; returns the label files.

    Labels stand on each scan's own grid with the data set's own values. ``save``: further maps, of "probabilities",
    "entropy" (nats) and "disagreement". ``precision``: default, the one that the run was trained with. ``stride``:
    voxels from a window to the next, instead of ``overlap``. ``processes``: of this machine that share the scans and
    its cores. What ``out`` holds of the same scan, model and options is left alone, what they made otherwise is made
    again; ``overwrite``: also labels that another scan or program made. ``confidence.csv`` in ``out`` has the Dice to
    expect of each case and class, and what should be looked at. Raises InputError naming scans that could not
    be labeled and labels that were left alone; the others are done.
    """
    require_alone("predict")
    import torch

    from semivox.data.dataset import some
    from semivox.inference.confidence_table import calibration_of, told, write_confidence
    from semivox.inference.folder import predict_folder
    from semivox.inference.maps import require_maps
    from semivox.pipeline.possible import require_device
    from semivox.pipeline.predict import predictor_of
    from semivox.pipeline.predict_processes import command_of, helped
    from semivox.pipeline.progress import Quiet

    require_maps(save)
    require_device(device)
    how = {
        "blend": blend,
        "overlap": overlap,
        "stride": stride,
        "mirror": mirror,
        "largest_component": largest_component,
    }
    predictor = predictor_of(Path(run), device, precision, **how)
    channels, progress = len(predictor.plan.channels), progress or Quiet()
    same = command_of(Path(run), Path(inputs), Path(out), save, overwrite, precision, {**how, "device": device})
    with helped(same, processes), torch.inference_mode(), progress.bar("labeling scans") as count:
        outcome = predict_folder(
            Path(inputs), Path(out), predictor, channels, save, overwrite, lambda done, total, _: count(done, total)
        )
    if outcome.kept:
        progress.say(f"{outcome.kept} of {len(outcome.labels)} were there, made from the same scan by the same model.")
    if outcome.skipped:
        progress.say(f"Passed over: {some(outcome.skipped, 4)}.")
    if outcome.again:
        progress.say(f"Labeled again, since scan, model or options are others than before: {some(outcome.again)}.")
    for sentence in told(write_confidence(Path(out), Path(run)), Path(out), calibration_of(Path(run))):
        progress.say(sentence)
    return outcome.labels


def evaluate(
    reference: AnyPath,
    prediction: AnyPath,
    out: AnyPath | None = None,
    *,
    classes: Sequence[ClassInfo] | None = None,
    ignore: int | None = None,
    workers: int = 0,
    progress: ProgressDisplay | None = None,
) -> list[Row]:
    """Score a folder of predicted labels against a folder of references: a row per case and class.

    ``out``: a folder for scores.csv and scores.json. ``classes``: default, every value the references hold.
    The records beside predictions (``origins/``) are read: scores.json says what was scored, and what is odd is said.
    Raises InputError for a missing prediction, another grid, a file that holds no label, or another case's prediction.
    """
    from semivox.core.files import make_folder
    from semivox.evaluation.made_from import made_from, oddities
    from semivox.evaluation.pairs import find_pairs
    from semivox.evaluation.tables import evaluate_folders, write_scores
    from semivox.pipeline.progress import Quiet

    progress = progress or Quiet()
    origins = made_from(find_pairs(Path(reference), Path(prediction)))
    for sentence in oddities(origins):
        progress.say(sentence)
    if out is not None:
        make_folder(Path(out))  # now, not after all scores were taken
    with progress.bar("scoring cases") as count:
        rows = evaluate_folders(Path(reference), Path(prediction), classes, ignore, workers, count)
    if out is not None:
        write_scores(Path(out), rows, origins=origins)
    return rows


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
    split: Split | AnyPath | None = None,
    exclude: Collection[str] = (),
    processes: int | None = None,
    on: str = "here",
    address: str = "auto",
    slurm: Mapping[str, str] | None = None,
    labels: bool = True,
    progress: ProgressDisplay | None = None,
) -> Summary:
    """From a folder of scans to a model, and to an answer whether the unlabeled scans helped.

    ``options`` and ``settings`` as in ``train``; ``plan``: fields of ``data.planning.options.PlanOptions``.
    ``processes``: trainings at once, None: as many as fit. ``on``: where, ``here``, on ``ray`` (a cluster at
    ``address``) or as jobs of ``slurm`` (with its options). ``labels``: whether the better model labels the unlabeled
    scans at the end. What is done in ``out`` already is not done again. Raises InputError, SemivoxError where trainings
    failed, and InterruptedRun after saving when stopped.
    """
    require_alone("run")
    from semivox.experiments.engines import engine_of
    from semivox.experiments.job import run_job
    from semivox.pipeline.options import RunOptions
    from semivox.reports.job import report_job

    wanted = RunOptions.of(
        settings or {},
        plan or {},
        _split(split),
        method=method,
        ablation=ablation,
        recipe=recipe,
        options=options or {},
        exclude=tuple(exclude),
    )
    engine = engine_of(on, address, processes, slurm)
    return run_job(Path(data), Path(out), wanted, progress, report_job, processes, labels, engine)


def demo(out: AnyPath, *, quick: bool = False, progress: ProgressDisplay | None = None) -> Summary:
    """The main job on the built-in data set, in minutes on two cores; ``quick``: in seconds, too short to learn."""
    require_alone("demo")
    from semivox.experiments.demo import run_demo
    from semivox.reports.job import report_job

    return run_demo(Path(out), quick, progress, report_job)


def study(  # noqa: PLR0913 - the options of the command
    grid: StudyFile | AnyPath | None,
    out: AnyPath,
    *,
    recipe: str | None = None,
    data: AnyPath | None = None,
    processes: int | None = None,
    on: str = "here",
    address: str = "auto",
    slurm: Mapping[str, str] | None = None,
    sets: Sequence[str] = (),
    progress: ProgressDisplay | None = None,
) -> Path:
    """Do all runs of a study, several at once where the machine allows; what is done is not done again.

    ``grid``: a study file, or an ``experiments.study_file.StudyFile`` whose files are named from the current folder;
    None with a ``recipe``, the name of a paper's table, whose files lie in the data folder.
    ``data``: instead of the file's own. ``processes``: runs at once; None: as many as fit. ``on``,
    ``address``, ``slurm``: where, as in ``run``. ``sets``:
    ``"plan.steps=100"`` and the like, instead of what the file says. Returns ``out``. Raises InputError,
    SemivoxError where runs failed after all others were done, and InterruptedRun after saving when stopped.
    """
    require_alone("study")
    from semivox.experiments.engines import engine_of
    from semivox.experiments.study import run_study
    from semivox.experiments.study_file import StudyFile, load_study_file, table_recipe

    engine = engine_of(on, address, processes, slurm)
    if (grid is None) == (recipe is None):
        raise InputError("a study is asked for by a study file or by --recipe NAME, the one or the other")
    if isinstance(grid, StudyFile):
        loaded, base = grid, Path()
    elif grid is not None:
        loaded, base = load_study_file(Path(grid), sets), Path(grid).parent
    else:
        if data is None:
            raise InputError(f"the recipe {recipe} needs scans; give their folder by --data")
        loaded, base = load_study_file(table_recipe(str(recipe)), sets), Path(data)
    place = data if data is not None else loaded.data and base / loaded.data
    if not place:
        raise InputError('the study names no data folder; give data = "..." in the study file, or --data')
    run_study(loaded, base, Path(place), Path(out), processes, progress, engine)
    return Path(out)


def report(folder: AnyPath, *, by_difficulty: bool = False, progress: ProgressDisplay | None = None) -> Path:
    """Make the report of a job, or of a study (finished or not), from its folder; returns the page.

    Of a study: ``report/`` with one page, CSV, LaTeX, Markdown and figures; of a job: ``report.html``.
    ``by_difficulty``: of a study, also measure how unusual each scored shape is, and score by groups of it. Raises
    InputError where the folder holds no job and no study, or nothing to report yet.
    """
    from semivox.reports import build

    return build.report(Path(folder), by_difficulty, progress)


def patches(
    data: AnyPath,
    out: AnyPath,
    *,
    split: Split | AnyPath | None = None,
    choice: PatchChoice | None = None,
    progress: ProgressDisplay | None = None,
) -> int:
    """Cut fixed patches out of scans, to be cases of their own, into ``out``; returns how many.

    ``choice``: size, spacing, number and overlap (``data.fixed_patches.PatchChoice``). Raises InputError where ``out``
    is not empty or no patch fits.
    """
    from semivox.data.fixed_patches import PatchChoice
    from semivox.pipeline.patch_dataset import make_patches

    chosen = Split.load(Path(split)) if isinstance(split, (str, PathLike)) else split
    return make_patches(Path(data), Path(out), choice or PatchChoice(), chosen, progress)


def view(
    target: AnyPath,
    case: str | None = None,
    *,
    labels: Sequence[AnyPath] = (),
    port: int = 0,
    browser: bool = True,
    progress: ProgressDisplay | None = None,
) -> None:
    """Serve a viewer of the scans in ``target`` (a data folder or one scan) to this machine alone, until interrupted.

    ``case``: opened first; ``labels``: label files, or folders of labels named as the scans, laid over them; ``port``:
    0 for any that is free; ``browser``: whether to open one. Raises InputError where there is nothing to show.
    """
    import webbrowser
    from contextlib import suppress

    from semivox.pipeline.progress import Quiet
    from semivox.reports.viewer.content import shown
    from semivox.reports.viewer.page import viewer_page
    from semivox.reports.viewer.server import ViewerServer

    found = shown(Path(target), case, [Path(path) for path in labels])
    page = viewer_page(found.title, found.scenes, found.ct, connect="'self'")
    with ViewerServer(page, found.volumes, port) as server:
        (progress or Quiet()).say(f"Open {server.address} in a browser of this machine; Ctrl-C ends it.")
        if browser:
            webbrowser.open(server.address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _split(split: Split | AnyPath | None) -> Split | Path | None:
    return Path(split) if isinstance(split, (str, PathLike)) else split
