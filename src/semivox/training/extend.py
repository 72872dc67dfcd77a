"""A finished run goes on to more steps.

From its last step on, everything is as in a run of so many steps from the beginning: learning rates and ramps stand
where that run's would (a rate that had fallen to zero rises again), and patches and augmentation are those of these
steps. It is not the same as that run, whose first steps had higher rates, so the folder says so (``extended.json``).
"""

from __future__ import annotations

from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.training import checkpoint
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig
from semivox.training.spec import kept_plan

FILE = "extended.json"


class Extensions(Frozen):
    """Numbers of steps at which a run had been finished, first to last, before it went on (``extended.json``)."""

    version: Literal[1] = 1
    finished_at: tuple[int, ...] = ()


def extend(folder: RunFolder, steps: int) -> None:
    """Make a finished run an unfinished one of ``steps`` steps; one that is being extended to them is left alone.

    Raises InputError where the run is not finished, has as many steps already, or kept no state to go on from.
    """
    plan = kept_plan(folder)
    if plan is None or not folder.config.exists():
        raise InputError(f"{folder.path} holds no run yet; --extend-to is for a finished one, --steps for a new one")
    path = folder.path / FILE
    before = Extensions.load(path) if path.exists() else Extensions()
    if not folder.done.exists():
        if before.finished_at and plan.steps == steps:
            return
        raise InputError(f"the run in {folder.path} is not finished; first let it reach its {plan.steps} steps")
    if steps <= plan.steps:
        raise InputError(f"the run in {folder.path} has {plan.steps} steps already; --extend-to needs more")
    state = checkpoint.load(folder.checkpoints)
    if state.step != plan.steps:
        raise InputError(
            f"{folder.checkpoints} holds no state of the last step ({plan.steps}), without which the run cannot go on; "
            "train anew with --steps, in another --out"
        )
    reasons = dict(plan.reasons) | {"steps": f"extended from {plan.steps} by the user"}
    config = RunConfig.load(folder.config)
    Extensions(finished_at=(*before.finished_at, plan.steps)).save(path)
    Plan.model_validate(plan.model_dump() | {"steps": steps, "reasons": reasons}).save(folder.plan)
    config.model_copy(update={"train": config.train.model_copy(update={"steps": steps})}).save(folder.config)
    folder.done.unlink()  # last: until here, the folder is a finished run or refuses with a sentence
