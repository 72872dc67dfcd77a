"""Does the runs of a job or study, several at once where the machine allows; resumable.

There is no database: a run is done when its folder says so. The same command after an interruption, a failure or an
added method does what is left.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.files import make_folder
from semivox.core.plurals import plural
from semivox.core.processes.signals import KILL, STOP
from semivox.experiments.arrange import Arranged
from semivox.experiments.executor import STOPPED, Engine, Executor, Started, words_of
from semivox.experiments.runs import Run
from semivox.experiments.same_minutes import in_steps_of
from semivox.experiments.waiting import Waiting
from semivox.experiments.watch import Watch
from semivox.pipeline.progress import ProgressDisplay
from semivox.training.durations import expected
from semivox.training.stopping import StopRequest

OURS = "semivox: "
"""How a sentence of ours on what went wrong begins."""
POLL = 0.5
"""Seconds between looks at the running processes."""


@dataclass
class Outcome:
    """What came of a call."""

    done: int = 0
    """Runs that are complete, earlier ones included."""
    failed: dict[str, str] = field(default_factory=dict)
    """Run -> why its process ended."""
    codes: set[int] = field(default_factory=set)
    """Exit codes of those that failed."""
    stopped: bool = False


def do_runs(arranged: Arranged, engine: Engine, progress: ProgressDisplay) -> Outcome:
    """Do all runs that are not done, where the engine does them.

    Raises SemivoxError after all others are done if runs failed, and InterruptedRun after all running ones have saved
    when asked to stop.
    """
    waiting = [run for run in arranged.runs if not run.done(arranged.folder)]
    train = arranged.experiment.study_file.settings
    executor = engine.executor(arranged.folder, arranged.plan, len(arranged.runs), train)
    _announce(arranged, waiting, executor, progress)
    outcome = _run_all(arranged, waiting, executor, progress)
    _raise_unless_done(arranged, outcome)
    return outcome


def _announce(arranged: Arranged, waiting: Sequence[Run], executor: Executor, progress: ProgressDisplay) -> None:
    """Say what will be done, and about how long it may take."""
    plan, total = arranged.plan, len(arranged.runs)
    longer = ", more for twins of the same minutes" if any(run.arm.steps for run in arranged.runs) else ""
    spacing, patch = " x ".join(f"{s:g}" for s in plan.spacing), " x ".join(map(str, plan.patch))
    progress.say(
        f"{plural(total, 'training')} of {plural(plan.steps, 'step')} each{longer} ({plan.network.title}, {spacing} "
        f"mm, patch {patch}, "
        f"{plan.precision}; plan.json gives the reasons); {total - len(waiting)} done so far. {executor.describe()}. "
        f"Scored on: {arranged.experiment.scored_on}."
    )
    if plan.forecast and waiting:
        steps = in_steps_of(plan.forecast.method, [run.arm for run in waiting], plan.steps) / executor.at_once
        progress.say(
            f"The training steps take about {expected(plan.forecast, steps)}; labeling and scoring come on top. A step "
            f"of {plan.forecast.method} took {plan.forecast.seconds_per_step:.2g} s on this machine; the time "
            "left is corrected "
            "while it trains."
        )


def _run_all(arranged: Arranged, waiting: Sequence[Run], executor: Executor, progress: ProgressDisplay) -> Outcome:
    """Start and watch processes until all runs have ended, or a stop was asked for."""
    folder, outcome, queue, running = arranged.folder, Outcome(), list(waiting), dict[str, Started]()
    runs = {run.name: run for run in arranged.runs}
    watch, stop = Watch(folder, arranged.runs, arranged.plan.steps, progress.stream), StopRequest()
    waiting_for = Waiting(watch.note)
    with stop.listening():
        try:
            while (queue and not stop.asked) or running:
                while queue and not stop.asked and len(running) < executor.at_once:
                    name = queue.pop(0).name
                    make_folder(words_of(folder, name).parent)
                    running[name] = executor.submit(folder, name)
                if stop.asked and not outcome.stopped:
                    outcome.stopped = True  # ask each once
                    watch.say("stopping: the trainings in progress finish their current step and save")
                    for started in running.values():
                        started.stop()
                ended = {name: code for name, started in running.items() if (code := started.poll()) is not None}
                for name, code in ended.items():
                    del running[name]
                    _note(folder, runs[name], code, outcome, stop)
                waiting_for.look(running.values())
                watch.show(list(running), len(outcome.failed), executor.at_once)
                time.sleep(POLL)
        except BaseException:  # a second Ctrl-C, or a fault here: leave no process behind
            for started in running.values():
                started.kill()
            raise
        finally:
            watch.end()
    outcome.stopped = stop.asked and not all(run.done(folder) for run in arranged.runs)
    outcome.done = sum(run.done(folder) for run in arranged.runs)
    return outcome


def _note(folder: Path, run: Run, code: int, outcome: Outcome, stop: StopRequest) -> None:
    """Remember a failure; a run that was stopped is none."""
    words = words_of(folder, run.name)
    if code == 0 and run.done(folder):
        if words.exists() and not words.stat().st_size:
            words.unlink()
    elif not (stop.asked and code in (STOPPED, *(-number for number in STOP))):
        outcome.failed[run.name] = _ended(code, words)
        outcome.codes.add(code)


def _ended(code: int, words: Path) -> str:
    """Why a process ended: the signal that killed it (what it said last is of something else), or its last words."""
    if code < 0:
        known = {member.value: member.name for member in signal.Signals}
        memory = ", as the system does when memory runs out" if -code == KILL else ""
        return f"killed by {known.get(-code, 'signal')} (signal {-code}){memory}"
    try:
        said = words.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        said = []
    lines = [line.strip() for line in said if line.strip()]
    ours = [line for line in lines if line.startswith(OURS)]  # what follows is the rest of the same error
    return next(reversed(ours or lines), f"ended with exit code {code} and no message")


def _raise_unless_done(arranged: Arranged, outcome: Outcome) -> None:
    """Raise InterruptedRun or SemivoxError where not all is done."""
    total = len(arranged.runs)
    failed = "".join(
        f"\n  {name}: {words}\n    full message: {words_of(arranged.folder, name)}"
        for name, words in outcome.failed.items()
    )
    if outcome.stopped:
        raise InterruptedRun(
            f"stopped and saved; {outcome.done} of {total} trainings done. The same command resumes from there."
            + (f" Failed before:{failed}" if failed else "")
        )
    if failed:
        kind = InputError if outcome.codes == {InputError.code} else SemivoxError  # what was given is wrong, no more
        raise kind(
            f"{len(outcome.failed)} of {total} trainings failed, {outcome.done} done. The same command tries the "
            f"failed ones again:{failed}"
        )
