"""A twin that trains as long as its method does: how many steps it has time for, measured once and then kept.

With equal steps a method takes more minutes than its twin, since it also computes on unlabeled scans. Whoever has those
minutes could train on the labels alone for longer: this is the twin that says what that would have brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.experiments.arms import Arm, arms_of, config_of, plan_of
from semivox.experiments.experiment import Experiment
from semivox.experiments.record import kind_of, load_record
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.progress import ProgressDisplay
from semivox.training.device import device_here
from semivox.training.dry_steps import DrySteps
from semivox.training.formats import StepFormat
from semivox.training.own_time import on_free_cores
from semivox.training.spec import settled

ROUNDS = 7
"""Steps of each that are timed, in turn, after one to warm up; the fastest counts, as nothing else delayed it."""


def as_begun(experiment: Experiment, out: Path) -> Experiment:
    """The experiment with the steps that its folder knows already; with those that the study file names."""
    if experiment.study_file.same_minutes is not True:
        return experiment
    here = _known(load_record(out).study_file) if kind_of(out) and (out / "plan.json").exists() else {}
    return _with_steps(experiment, {name: here[name] for name in experiment.study_file.methods if name in here})


def with_measured(wanted: Experiment, begun: Experiment, plan: Plan, progress: ProgressDisplay) -> Experiment:
    """``begun`` with the steps of all twins that ``wanted`` asks for; what is not known is measured by dry steps."""
    if wanted.study_file.same_minutes is not True:
        return begun
    steps = _known(begun.study_file)
    arms = {arm.name: arm for arm in arms_of(wanted.study_file)}
    missing = [arm for arm in arms.values() if arm.minutes_of and arms[arm.minutes_of].method not in steps]
    for arm in missing:
        method = arms[arm.minutes_of or ""]
        with progress.bar(f"timing {method.name} against its twin, in steps") as count:
            factor = _times_slower(wanted, method, arm, plan, count)
        number = settled(plan, config_of(wanted.study_file, arm, wanted.study_file.seeds[0], 0).train).steps
        steps[method.method] = max(1, round(factor * number))
        progress.say(
            f"A step of {method.name} takes {factor:.2f} times as long as one of its twin, so the twin of the same "
            f"minutes trains {plural(steps[method.method], 'step')}."
        )
    return _with_steps(begun, steps)


def _times_slower(
    experiment: Experiment, method: Arm, twin: Arm, plan: Plan, count: Callable[[int, int], None]
) -> float:
    """The time of a method's step in those of its twin's."""
    seed = experiment.study_file.seeds[0]
    settings = [config_of(experiment.study_file, arm, seed, 0) for arm in (method, twin)]
    plans = [settled(plan_of(arm, plan), config.train) for arm, config in zip((method, twin), settings, strict=True)]
    formats: list[StepFormat] = [(own.precision, own.channels_last) for own in plans]
    device = torch.device(device_here(settings[0].train.device))
    with on_free_cores(device), DrySteps(plans[0], settings[0]) as slower, DrySteps(plans[1], settings[1]) as faster:
        return in_turn(lambda: slower(formats[0]), lambda: faster(formats[1]), count)


def in_turn(slower: Callable[[], float], faster: Callable[[], float], count: Callable[[int, int], None]) -> float:
    """The ratio of their fastest times, each in seconds, taken in turn so that a busy machine delays both alike."""
    slower(), faster()
    times = []
    for number in range(ROUNDS):
        times.append((slower(), faster()))
        count(number + 1, ROUNDS)
    return min(time for time, _ in times) / min(time for _, time in times)


def slowness(arms: Iterable[Arm], steps: int) -> dict[str, float]:
    """Arm -> how long a step of it takes, in steps of the supervised arm with its network; where that is known.

    It is known of a method with a twin of the same minutes, of that twin, and of their supervised arm. ``steps``: of a
    training that has no number of its own.
    """
    known = list(arms)
    twins = [arm for arm in known if arm.minutes_of and arm.steps]
    found = {arm.name: 1.0 for arm in known if any(_alike(arm, twin) for twin in twins)}
    return found | {twin.minutes_of: (twin.steps or steps) / steps for twin in twins if twin.minutes_of}


def in_steps_of(method: str, arms: Sequence[Arm], steps: int) -> float:
    """How many steps of a method take as long as a training of each of these arms (where unknown: of as many steps)."""
    slow = slowness(arms, steps)
    one = slow.get(method, 1.0)
    return sum((arm.steps or steps) * slow.get(arm.name, one) / one for arm in arms)


def _alike(arm: Arm, other: Arm) -> bool:
    """Whether a step of two arms is the same work."""
    return (arm.method, arm.network, arm.optimizer) == (other.method, other.network, other.optimizer)


def _known(study_file: StudyFile) -> dict[str, int]:
    """Method -> the steps that its twin has time for, of the methods for which that is known."""
    return {} if isinstance(study_file.same_minutes, bool) else dict(study_file.same_minutes)


def _with_steps(experiment: Experiment, steps: dict[str, int]) -> Experiment:
    return replace(experiment, study_file=experiment.study_file.model_copy(update={"same_minutes": steps}))
