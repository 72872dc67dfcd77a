"""The steps from a data folder to a trained model, each one a call: load, check, plan, prepare.

The command line and the Python interface both stand on these.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.cores import usable_cores
from semivox.core.processes.main_guard import require_first_run
from semivox.core.processes.starting import forkable
from semivox.core.split import Split
from semivox.data import checks, layouts
from semivox.data.dataset import Dataset, groups_of
from semivox.data.layouts.annotated import require_looked_for
from semivox.pipeline.checked import CheckedDataset
from semivox.pipeline.progress import ProgressDisplay, Quiet

if TYPE_CHECKING:  # each takes a second to load, which a look at the scans need not wait for
    from semivox.data.planning.options import PlanOptions
    from semivox.data.prepared.store import Store
    from semivox.training.settings import RunConfig, TrainSettings

PARTS = ("labeled", "unlabeled", "validation", "test")
SMALL = 8 * 2**20
"""Bytes of scans (compressed ones, most often) that one process checks in two seconds, of which its start takes one."""


def load_dataset(
    data: Path, split: Split | Path | int | None = None, exclude: Collection[str] = ()
) -> tuple[Dataset, Split]:
    """What stands in the folder and who is trained on. Opens no scan.

    ``split``: as in ``chosen_split``. Raises InputError naming cases
    that do not exist or lack the label their part of the split needs.
    """
    require_first_run()
    dataset = layouts.find(data)
    known = {entry.name: entry for entry in dataset.entries}
    exclude = excluded(dataset, exclude)
    chosen = chosen_split(without(dataset, None, exclude)[0] if isinstance(split, int) else dataset, split)
    parts = {part: tuple(name for name in getattr(chosen, part) if name not in exclude) for part in PARTS}
    if unknown := sorted({name for names in parts.values() for name in names} - set(known)):
        raise InputError(f"the split names {plural(len(unknown), 'case')} that {data} lacks, such as {unknown[0]!r}")
    if bare := [name for name in (*parts["labeled"], *parts["validation"]) if known[name].label is None]:
        raise InputError(f"the split counts {bare[0]!r} as labeled, but {data} holds no label for it")
    if not parts["labeled"]:
        raise InputError("no labeled case is left to train on; at least one is needed")
    _check_patients(chosen, groups_of(dataset.entries))
    require_looked_for([known[name] for name in parts["labeled"]], dataset)
    return dataset, Split(**parts)


def excluded(dataset: Dataset, names: Collection[str]) -> frozenset[str]:
    """The cases that are to be left out, by their whole names. Raises InputError for one that is not there."""
    known = {entry.name for entry in dataset.entries}
    found = _whole_names(names, known)
    if unknown := sorted({*found} - known):
        raise InputError(f"there is no case {unknown[0]!r} in {dataset.root} that could be excluded")
    return frozenset(found)


def without(dataset: Dataset, split: Split | None, names: Collection[str]) -> tuple[Dataset, Split | None]:
    """A data set, and its split, without some cases. Raises InputError for one that is not there."""
    left_out = excluded(dataset, names)
    rest = replace(dataset, entries=tuple(entry for entry in dataset.entries if entry.name not in left_out))
    if split is None:
        return rest, None
    return rest, Split(**{part: tuple(n for n in getattr(split, part) if n not in left_out) for part in PARTS})


def chosen_split(dataset: Dataset, split: Split | Path | int | None) -> Split:
    """Who is trained on: a split, a split.json, None for what the files themselves suggest, or a number.

    A number: so many training cases are labeled, the first of the data set's order. Raises InputError.
    """
    if isinstance(split, Path):
        return Split.load(split)
    return split if isinstance(split, Split) else layouts.default_split(dataset, split)


def check_or_raise(
    dataset: Dataset, split: Split, workers: int | None = None, progress: ProgressDisplay | None = None
) -> CheckedDataset:
    """Check every case of the split. Raises InputError with all errors and their fixes if one cannot be used."""
    with (progress or Quiet()).bar("checking scans") as count:
        report = checks.check(dataset, split, examiners(dataset) if workers is None else workers, count)
    if not report.ok:
        listing = "\n".join(f"  {f.file or dataset.root}: {f.message}\n    fix: {f.fix}" for f in report.errors)
        bad = [case.case for case in report.cases if case.verdict == "error"]
        aside = f"\nOr leave them out: --exclude {quote(','.join(bad))}" if bad else ""
        raise InputError(
            f"{plural(len(report.errors), 'error')} in {dataset.root} must be fixed before training:\n{listing}{aside}"
        )
    return CheckedDataset(dataset, split, report)


def make_plan(
    checked: CheckedDataset, options: PlanOptions, config: RunConfig, progress: ProgressDisplay | None = None
) -> Plan:
    """The plan of a data set for a run, with the cost of training measured by dry steps of that very run.

    Where the user has named hours and no steps, the steps are those that the measured time allows.
    """
    from semivox.data.augmentation.schemes import require_allowed
    from semivox.data.planning.intensity import unscaled
    from semivox.pipeline.planning import planned
    from semivox.training.forecast import forecast
    from semivox.training.spec import settled
    from semivox.training.start import require_network

    fixed = options.steps is not None or "steps" in options.fields or config.train.steps is not None
    hours = None if fixed else options.hours
    plan = planned(checked, options, config.train.device)
    require_allowed(settled(plan, config.train))
    for line in unscaled(plan):
        (progress or Quiet()).say(line)
    if config.train.start is not None:  # the network is known now, and nothing was trained yet
        require_network(Path(config.train.start), plan.network, len(plan.channels))
    with (progress or Quiet()).bar("measuring training steps, in seconds") as count:
        return forecast(plan, config, options.fields, count, hours)


def prepare_cases(
    dataset: Dataset,
    split: Split,
    plan: Plan,
    out: Path,
    workers: int | None = None,
    progress: ProgressDisplay | None = None,
) -> Store:
    """Put every training and validation case on the plan's grid. Cases that are there already are left alone."""
    from semivox.data.prepared.prepare import prepare

    training = split.model_copy(update={"test": ()})  # test scans are predicted from their files
    with (progress or Quiet()).bar("preparing scans") as count:
        return prepare(dataset, training, plan, out, spare_cores(dataset) if workers is None else workers, count)


def readers_of(train: TrainSettings) -> int | None:
    """Processes that read scans before a training: as chosen; none where it is to start no process at all."""
    return 0 if train.readers is None and train.workers == 0 else train.readers


def examiners(dataset: Dataset) -> int:
    """Processes that look at scans for the first time: one at least, which half a second buys where none can be copied.

    What ends a process, such as a fault in a library for a damaged file, then does not end the command. On Linux a
    process that cannot be copied is one with threads, such as a notebook's: it looks at small data sets by itself.
    """
    return max(spare_cores(dataset), int(forkable() or sys.platform != "linux"))


def spare_cores(dataset: Dataset) -> int:
    """Processes for reading the scans of a data set: one a core, but four at most, since each holds a whole scan.

    Small data sets are read in the process that asks (0): starting another would take longer than reading them.
    """
    cores = usable_cores()
    return 0 if cores == 1 or _soon_read(dataset) else min(cores, 4)


def _soon_read(dataset: Dataset) -> bool:
    """Whether all scans together are small files; folders of slices are not asked."""
    total = 0
    for entry in dataset.entries:
        for path in (*entry.images, *([entry.label] if entry.label else [])):
            try:
                total += path.stat().st_size if path.is_file() else SMALL
            except OSError:  # it is named by the check
                total += SMALL
            if total >= SMALL:
                return False
    return True


def _whole_names(parts: Collection[str], known: Collection[str]) -> list[str]:
    """Names of cases that were cut at their own commas, put together again: ``b``, ``c red`` -> ``b,c red``."""
    left, names = list(parts), list[str]()
    while left:
        sizes = [n for n in range(len(left), 0, -1) for glue in (",", ", ") if glue.join(left[:n]) in known]
        size = sizes[0] if sizes else 1
        both = (glue.join(left[:size]) for glue in (",", ", "))
        names.append(next((name for name in both if name in known), left[0]))
        del left[:size]
    return names


def _check_patients(split: Split, groups: dict[str, str]) -> None:
    """Raise InputError where one patient stands on two sides: trained on, and scored."""
    sides: dict[str, tuple[str, str]] = {}
    for side, parts in (("training", ("labeled", "unlabeled")), ("validation", ("validation",)), ("test", ("test",))):
        for name in (name for part in parts for name in getattr(split, part)):
            other, first = sides.setdefault(groups.get(name) or f"\0{name}", (side, name))
            if other != side:
                raise InputError(
                    f"patient {groups[name]!r} is on both sides of the split: {first!r} is in {other}, "
                    f"{name!r} in {side}"
                )
