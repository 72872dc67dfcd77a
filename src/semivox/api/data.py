"""Scans before training: checked, planned, prepared, cut into patches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semivox.core.mappings import merged
from semivox.core.plan import Plan
from semivox.core.processes.launcher import require_alone
from semivox.core.processes.main_guard import require_first_run
from semivox.core.split import Split
from semivox.methods import DEFAULT

if TYPE_CHECKING:
    from semivox.data.checks.findings import CheckReport
    from semivox.data.fixed_patches import PatchChoice
    from semivox.data.prepared.store import Store
    from semivox.pipeline.joined_dataset import JoinedSet
    from semivox.pipeline.progress import ProgressDisplay

from semivox.api.given import AnyPath, given_split


def check(
    data: AnyPath,
    split: Split | AnyPath | int | None = None,
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
    *,
    phi: bool = False,
    exclude: Collection[str] = (),
) -> CheckReport:
    """Can these scans be trained on? A verdict per case, with the fix for what is wrong.

    ``data``: a folder (or CSV table) in one of the accepted layouts. ``split``: a Split, a split.json, or a
    number, here and in all functions: so many training cases are labeled, the first of the data set's order, and the
    labels of the others stay closed. Bad scans raise nothing: they are the result (``.ok``, ``.errors``, ``.text()``).
    ``phi``: also warn of header fields and names that may tell who a patient is. ``exclude``: cases left out. Raises
    InputError where no layout is recognized.
    """
    from semivox.data import checks, layouts
    from semivox.data.checks import privacy
    from semivox.pipeline.progress import Quiet
    from semivox.pipeline.stages import chosen_split, examiners, without

    require_first_run()
    found = layouts.find(Path(data))
    chosen = None if split is None else chosen_split(without(found, None, exclude)[0], given_split(split))
    dataset, chosen = without(found, chosen, exclude)
    with (progress or Quiet()).bar("checking scans") as count:
        report = checks.check(dataset, chosen, examiners(dataset) if workers is None else workers, count)
    return privacy.with_privacy(report, dataset) if phi else report


def plan(  # noqa: PLR0913 - the options of the command
    data: AnyPath,
    *,
    split: Split | AnyPath | int | None = None,
    exclude: Collection[str] = (),
    method: str = DEFAULT,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
    **wanted: Any,
) -> Plan:
    """Decide spacing (mm), patch (voxels), network, batch, precision and steps, each with its reason.

    ``wanted`` are the fields of ``data.planning.options.PlanOptions``: the budgets ``memory_gb`` and ``hours``, and
    ``spacing``, ``patch``, ``network``, ``steps`` and ``fields``, which overrule the planner. The cost is measured by
    dry steps of ``method`` with ``options`` and ``settings`` as in ``train``; of the settings, those that a plan has
    too (such as ``labeled_per_step``) are kept in it. ``device`` None: auto. ``workers`` processes read the scans (0:
    none). ``plan(...).save(Path("plan.json"))`` keeps it. Raises InputError when scans cannot be trained on.
    """
    from semivox.pipeline.options import RunOptions
    from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan

    train = merged(settings or {}, {} if device is None else {"device": device})
    asked = RunOptions.of(
        train, wanted, given_split(split), method=method, options=options or {}, exclude=tuple(exclude)
    )
    config = asked.config()
    dataset, chosen = load_dataset(Path(data), asked.split, asked.exclude)
    return make_plan(check_or_raise(dataset, chosen, workers, progress), asked.plan, config, progress)


def prepare(
    data: AnyPath,
    out: AnyPath,
    *,
    plan: Plan,
    split: Split | AnyPath | int | None = None,
    exclude: Collection[str] = (),
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
) -> Store:
    """Put all training and validation scans on the plan's grid, once, as memory-mapped arrays under ``out``.

    Can be stopped and called again. Raises InputError naming the file that could not be prepared.
    """
    require_alone("prepare")
    from semivox.data.prepared.store import make_place
    from semivox.pipeline.stages import check_or_raise, load_dataset, prepare_cases

    dataset, chosen = load_dataset(Path(data), given_split(split), exclude)
    make_place(Path(out))
    check_or_raise(dataset, chosen, workers, progress)
    return prepare_cases(dataset, chosen, plan, Path(out), workers, progress)


def join(data: Sequence[AnyPath], out: AnyPath, progress: ProgressDisplay | None = None) -> JoinedSet:
    """One data set of the scans of several, such as two that label different organs, in the folder ``out``.

    Classes are joined by name, whatever their label values; in each scan the classes that its set does not know are
    unlabeled, not background. Scans stay where they are, labels are written anew. Raises InputError where sets do not
    fit together, or ``out`` holds something.
    """
    from semivox.pipeline.joined_dataset import join as joined

    require_first_run()
    return joined([Path(one) for one in data], Path(out), progress)


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
