"""One run, settled: what the plan decided and what the user overruled are joined before anything reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semivox.core.errors import InputError
from semivox.core.plan import DECIDE_NOTHING, Plan
from semivox.core.split import Split
from semivox.data.prepared.store import Store
from semivox.training.folder import DataRecord, RunFolder
from semivox.training.settings import RunConfig, TrainSettings

SETTLED = ("steps", "labeled_per_step", "unlabeled_per_step", "augmentation", "precision")
"""Training settings that overrule the field of the plan that has their name."""
IN_THE_PLAN = tuple(f"train.{name}:" for name in SETTLED)
"""Their lines in a comparison of configurations: whether they changed is told by the settled plans."""
MEASURED = ("labeled_per_step", "unlabeled_per_step", "precision")
"""Those without which a step does not cost what the forecast says."""


def settled(plan: Plan, train: TrainSettings) -> Plan:
    """The plan with what the settings overrule. Settling it again changes nothing.

    A forecast is kept where it still holds: another number of steps changes the hours, another batch or precision
    takes it away.
    """
    wanted = {name: value for name in SETTLED if (value := getattr(train, name)) is not None}
    changed: dict[str, Any] = {name: value for name, value in wanted.items() if value != getattr(plan, name)}
    if not changed:
        return plan
    reasons = dict(plan.reasons) | dict.fromkeys(changed, "set by the user")
    forecast = None if changed.keys() & set(MEASURED) else plan.forecast
    if forecast is not None and "steps" in changed:
        forecast = forecast.model_copy(update={"hours": round(forecast.seconds(changed["steps"]) / 3600, 3)})
    return Plan.model_validate(plan.model_dump() | changed | {"reasons": reasons, "forecast": forecast})


def batch_of_process(plan: Plan, train: TrainSettings) -> tuple[int, int]:
    """Labeled and unlabeled patches a step of each process. Raises InputError where a split batch cannot be shared."""
    sizes, count = (plan.labeled_per_step, plan.unlabeled_per_step), train.devices * train.nodes
    if not train.split_batch:
        return sizes
    for size, name in zip(sizes, ("labeled_per_step", "unlabeled_per_step"), strict=True):
        if size % count:
            raise InputError(
                f"train.split_batch shares the patches of a step among {count} processes, and {name} is {size}; give "
                f"--set train.{name}={count * (size // count + 1)}, or another number of devices"
            )
    return sizes[0] // count, sizes[1] // count


@dataclass(frozen=True)
class RunSpec:
    """Where a run is kept, what it learns from, and all that was decided about it; ``plan`` is the settled one."""

    folder: RunFolder
    store: Store
    split: Split
    plan: Plan
    config: RunConfig

    @property
    def processes(self) -> int:
        """That train together, on all machines."""
        return self.config.train.devices * self.config.train.nodes

    @property
    def batch(self) -> tuple[int, int]:
        """Labeled and unlabeled patches a step of each process. Raises InputError where they cannot be shared."""
        return batch_of_process(self.plan, self.config.train)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", settled(self.plan, self.config.train))

    def keep(self) -> None:
        """Write what was decided on the first start; compare it on a resume. Raises InputError naming what changed."""
        folder = self.folder
        before = kept_plan(folder)  # read with the settings of the first start
        folder.keep(folder.config, self.config, free=IN_THE_PLAN)
        folder.keep(folder.split, self.split)
        folder.keep(folder.plan, self.plan, before=before, free=DECIDE_NOTHING)

    def keep_data(self) -> None:
        """The same for the voxels of all cases that training reads."""
        self.folder.keep(self.folder.data, DataRecord.of(self.store, self.split))


def kept_plan(folder: RunFolder) -> Plan | None:
    """The settled plan of a run that has begun; None where it has none yet.

    Versions up to 0.1 kept the plan as it was before the settings overruled it.
    """
    if not folder.plan.exists():
        return None
    plan = Plan.load(folder.plan)
    return settled(plan, RunConfig.load(folder.config).train) if folder.config.exists() else plan
