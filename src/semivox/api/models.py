"""One model: trained, used, scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Plan
from semivox.core.processes.launcher import require_alone
from semivox.core.split import Split
from semivox.methods import DEFAULT

if TYPE_CHECKING:
    from semivox.core.geometry import Shape
    from semivox.evaluation.score import Row
    from semivox.pipeline.progress import ProgressDisplay

from semivox.api.given import AnyPath, given_split


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
    split: Split | AnyPath | int | None = None,
    exclude: Collection[str] = (),
    prepared: AnyPath | None = None,
    extend_to: int | None = None,
    begin: str | None = None,
    hours: float | None = None,
    progress: ProgressDisplay | None = None,
) -> Path:
    """Train one method into the run folder ``out`` and return it; checks, plans and prepares first where needed.

    ``options``: fields of the method's Config; ``settings``: fields of ``training.settings.TrainSettings`` (steps,
    seed, device, ...); ``plan_fields``: fields of the plan to overrule. ``prepared``: where prepared scans are kept,
    so that several runs share them (default ``out/prepared``). ``extend_to``: steps to which a finished run goes on, by
    the schedule of a run of so many. ``begin``: with labels that came since, a next round of a finished run, from
    "scratch" or from "warm" weights, in ``out/rounds/2``, which is returned. ``hours``: time of the training, from
    which the steps of a new plan follow. A folder with an unfinished run is resumed, a finished one returned at once.
    Raises InputError for unfit scans or options, InterruptedRun after saving when stopped.
    """
    from semivox.pipeline.options import RunOptions
    from semivox.pipeline.train import train_one
    from semivox.pipeline.train_rounds import train_next

    wanted = RunOptions.of(
        settings or {},
        {"fields": plan_fields or {}} | ({} if hours is None else {"hours": hours}),
        given_split(split),
        method=method,
        ablation=ablation,
        recipe=recipe,
        options=options or {},
        exclude=tuple(exclude),
    )
    given = Plan.load(Path(plan)) if isinstance(plan, (str, PathLike)) else plan
    place = None if prepared is None else Path(prepared)
    if begin is not None:
        if given is not None or extend_to is not None:
            raise InputError("a next round has the plan of the run and its steps; leave out --plan and --extend-to")
        return train_next(Path(data), Path(out), wanted, begin, place, progress)
    return train_one(Path(data), Path(out), wanted, given, place, progress, extend_to)


def pretrain(  # noqa: PLR0913 - the options of the command
    data: AnyPath | None,
    out: AnyPath,
    *,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    split: Split | AnyPath | int | None = None,
    exclude: Collection[str] = (),
    progress: ProgressDisplay | None = None,
) -> Path:
    """Learn to rebuild hidden parts of all training scans, labeled or not, into the folder ``out``, and return it.

    ``data=None``: learn from invented shapes instead. ``train`` and ``run`` begin with its weights by
    ``settings={"start": out}``. ``options``: fields of the masked autoencoder, or of the invented shapes; ``settings``
    as in ``train``; ``plan``: fields of ``data.planning.options.PlanOptions``. Resumes as ``train`` does, and raises
    what it raises.
    """
    from semivox.methods import INVENTED, REBUILT
    from semivox.pipeline.options import RunOptions
    from semivox.pipeline.pretrain_invented import pretrain_invented
    from semivox.pipeline.train import train_one

    wanted = RunOptions.of(
        settings or {},
        plan or {},
        given_split(split),
        method=INVENTED if data is None else REBUILT,
        options=options or {},
        exclude=tuple(exclude),
    )
    if data is None:
        return pretrain_invented(Path(out), wanted, progress)
    return train_one(Path(data), Path(out), wanted, progress=progress)


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
    processes: int | None = None,
    on: str = "here",
    address: str = "auto",
    backend: str = "torch",
    progress: ProgressDisplay | None = None,
) -> list[Path]:
    """Label every scan of a folder (or one scan) with a trained run or job; returns the label files.

    Labels stand on each scan's own grid with the data set's own values. ``save``: further maps, of "probabilities",
    "entropy" (nats) and "disagreement", and files of other tools (``export.forms.NAMES``), in a folder a kind.
    ``backend``: "torch", or "onnxruntime" with a file that ``semivox export --to onnx`` wrote. ``precision``: default,
    the one that the run was trained with. ``stride``: voxels from a window to the next, instead of ``overlap``.
    ``processes`` share the scans: of this machine, whose cores they share (default 1), or with ``on="ray"`` of the
    cluster at ``address`` (default one a GPU, or a core). What ``out`` holds of the same scan, model and options is
    left alone, what they made otherwise is made again; ``overwrite``: also labels that another scan or program made.
    ``confidence.csv`` in ``out`` has the Dice to expect of each case and class, and what should be looked at. Raises
    InputError naming scans that could not be labeled, files that could not be written and labels that were left alone;
    the others are done.
    """
    require_alone("predict")
    from semivox.experiments.summary import unfit_model
    from semivox.pipeline.label_scans import LabelRequest, label_scans
    from semivox.pipeline.progress import Quiet

    windows = {
        "blend": blend,
        "overlap": overlap,
        "stride": stride,
        "mirror": mirror,
        "largest_component": largest_component,
    }
    paths = Path(run), Path(inputs), Path(out)
    asked = LabelRequest(*paths, tuple(save), windows, overwrite, device, precision, backend, processes, on, address)
    progress = progress or Quiet()
    if unfit := unfit_model(paths[0]):
        progress.say(f"Warning: the model of {paths[0]} is not usable yet: {unfit}")
    return label_scans(asked, progress)


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
    Of a reference that lies in a data set, classes for which it says that nobody looked (``annotated``) have no row,
    and its value to ignore is the default of ``ignore``; both are said.
    The records beside predictions (``origins/``) are read: scores.json says what was scored, and what is odd is said.
    Raises InputError for a missing prediction, another grid, a file that holds no label, or another case's prediction.
    """
    from semivox.core.files import make_folder
    from semivox.evaluation.made_from import made_from, oddities
    from semivox.evaluation.pairs import find_pairs
    from semivox.evaluation.sought import sought_of
    from semivox.evaluation.tables import evaluate_folders, write_scores
    from semivox.pipeline.progress import Quiet

    progress = progress or Quiet()
    pairs = find_pairs(Path(reference), Path(prediction))
    origins, asked = made_from(pairs), sought_of(Path(reference), pairs, ignore)
    for sentence in (*oddities(origins), *asked.sentences):
        progress.say(sentence)
    if out is not None:
        make_folder(Path(out))  # now, not after all scores were taken

    with progress.bar("scoring cases") as count:
        rows = evaluate_folders(Path(reference), Path(prediction), classes, asked.ignore, workers, count, asked.values)
    if out is not None:
        write_scores(Path(out), rows, origins=origins)
    return rows
