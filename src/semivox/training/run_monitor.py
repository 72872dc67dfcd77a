"""What happens around the steps of a run: logging, looking, saving, validating, stopping, and releasing the model."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from semivox.core.errors import InterruptedRun
from semivox.core.files import write_text
from semivox.core.plan import without_names, without_times
from semivox.data.batches.patches import Patches
from semivox.methods.method import Losses, Method
from semivox.training import checkpoint
from semivox.training.checkpoint import State
from semivox.training.health import Health, HealthWarning
from semivox.training.loop import Observer
from semivox.training.lost_advice import advice, measure
from semivox.training.lost_classes import LostClass, LostClasses, spoken
from semivox.training.model import ModelCard, save_model
from semivox.training.probe import Probe, steps_between
from semivox.training.reporter import Reporter
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec
from semivox.training.stopping import StopRequest
from semivox.training.tracking import trackers_of, values_of
from semivox.training.validation import BestWeights, unwrapped

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class RunMonitor(Observer):
    """Logs, saves, validates and stops a run."""

    def __init__(
        self, fabric: Fabric, spec: RunSpec, method: Method, reporter: Reporter, stop: StopRequest, saved: State
    ) -> None:
        self.fabric, self.spec, self.folder, self.config = fabric, spec, spec.folder, spec.config
        self.method, self.reporter, self.stop = method, reporter, stop
        self.steps = spec.plan.steps
        self.saved = self.stepped_at = time.monotonic()
        self.terms: dict[str, float] = {}  # of all players in the last step, for the reporter
        self.rate = 0.0  # the first player's
        self.best = BestWeights(spec, saved)
        self.health, self.probe = Health(self.steps), Probe(spec.store, spec.split, spec.plan)
        warned = self.folder.warned()
        names, asked = [info.name for info in spec.plan.classes], self.config.train.lost_classes
        self.lost = LostClasses(names, asked, self._advise, warned)
        self.known = {row["text"] for row in warned}
        for row in self.folder.logged():
            self.health.see(row)  # so that a resumed run remembers what an earlier part of it showed
        first = fabric.is_global_zero
        self.trackers = trackers_of(self.config.train, self.folder.path, tracked(self.config)) if first else []
        self.folder.heard = self._track

    def turned(self, step: int, losses: Losses, rate: float, norm: float) -> None:
        """Log one minimized loss, with its terms, weights and the method's own figures."""
        if not self.fabric.is_global_zero:
            return
        now = time.monotonic()
        terms = {name: float(term.detach()) for name, term in losses.terms.items()}
        row = {
            "step": step,
            "player": losses.player,
            "total": plain(losses.total.detach()),
            "terms": {name: plain(value) for name, value in terms.items()},
            "weights": dict(losses.weights),
            "log": {name: plain(value) for name, value in losses.log.items()},
            "rate": rate,
            "norm": plain(norm),
            "seconds": round(now - self.stepped_at, 4),
        }
        self.stepped_at = now
        self.folder.log(row)
        self._warn(self.health.see(row))
        self.terms |= terms
        if losses.player == self.method.players[0]:
            self.rate = rate

    def stepped(self, done: int, state: Callable[[], State]) -> None:
        """Tell, validate, save and stop where it is time to."""
        settings, last = self.config.train, done == self.steps
        if self.fabric.is_global_zero:
            self.reporter.step(done, self.terms, self.rate)
        if settings.validate_every and (done % settings.validate_every == 0 or last) and self.fabric.is_global_zero:
            self.best.update(done, self.method)
        if done % steps_between(self.steps) == 0 and self.fabric.is_global_zero:
            with unwrapped(self.method):
                self._look(done)
            if not (current := state()).skipped and not last:
                checkpoint.save_anchor(self.folder.checkpoints, replace(current, best=self.best.kept))
        lost = "" if last else self._reason_to_stop(done)
        stopping = self._anyone_stops() or bool(lost)
        if self.fabric.is_global_zero and (
            last or stopping or time.monotonic() - self.saved > 60 * settings.save_every
        ):
            checkpoint.save(self.folder.checkpoints, replace(state(), best=self.best.kept))
            self.saved = time.monotonic()
        if last or stopping:
            self._end_trackers()
        if lost:
            self._stop_for(lost)
        if stopping and not last:
            self._stop(done)

    def stop_if_asked(self, done: int) -> None:
        """Raise InterruptedRun where a request to stop came so late that no step followed in which to notice it."""
        if self._anyone_stops():
            self._stop(done)

    def stop_if_lost(self) -> None:
        """Raise LostClass where the run was stopped for a class before, and the settings still ask for that."""
        if self.lost.reason_to_stop:
            self._stop_for(self.lost.reason_to_stop)

    def release(self, method: Method) -> None:
        """Write the model of the selected weights, then mark the run as done."""
        if self.config.train.selection == "validation":
            self.best.load_into(method)
        plan = without_times(self.spec.plan)
        card = ModelCard(
            semivox=version("semivox"),
            method=self.config.method,
            options=self.config.options,
            plan=plan if self.config.train.keep_names else without_names(plan),
            selection=self.config.train.selection,
            steps=self.steps,
            seed=self.config.train.seed,
            split=self.spec.split.digest() if self.config.train.keep_names else "",
        )
        save_model(self.folder.model, method, card)
        write_text(self.folder.done, f"{self.steps} steps\n")
        (self.folder.checkpoints / checkpoint.ANCHOR).unlink(missing_ok=True)

    def _look(self, done: int) -> None:
        """Tell what the network draws nowhere, and where its output is constant."""
        seen = self.probe.look(done - 1, self.method)
        self._warn(seen.warnings)
        lost = self.lost.see(done - 1, seen)
        for warning in lost:
            self.folder.warn(*warning)
        for text in spoken(lost):
            self.reporter.warn(text)

    def _advise(self, classes: Sequence[int], done: int) -> list[str]:
        """What is known of classes that are lost after ``done`` steps, and what to do."""
        if not classes:
            return []  # a run without scans has no patch of theirs to ask
        spec = self.spec
        seen = Patches(spec.store, spec.split.for_training(), spec.plan, self.config.train.seed, done, spec.batch[0], 0)
        return [advice(spec.plan, self.method, measured) for measured in measure(seen, classes, done)]

    def _warn(self, warnings: Iterable[HealthWarning]) -> None:
        """Tell and keep each warning once, also over resumes."""
        for warning in warnings:
            if warning.text not in self.known:
                self.known.add(warning.text)
                self.folder.warn(*warning)
                self.reporter.warn(warning.text)

    def _stop(self, done: int) -> NoReturn:
        self._end_trackers()
        self.reporter.end()
        self.fabric.barrier()  # a process that ended while the first one saves would have it ended, too
        raise InterruptedRun(f"stopped and saved at step {done} of {self.steps}; run the same command again to resume")

    def _stop_for(self, lost: str) -> NoReturn:
        self._end_trackers()
        self.reporter.end()
        self.fabric.barrier()
        raise LostClass(lost)

    def _reason_to_stop(self, done: int) -> str:
        """What the first process, which looks, found reason to stop for: the others must know."""
        if self.config.train.lost_classes != "stop" or done % steps_between(self.steps):
            return ""
        return str(self.fabric.broadcast(self.lost.reason_to_stop))

    def _track(self, row: Mapping[str, Any]) -> None:
        """Hand a row of the log on; a tracker that fails is left out from then on, for training is worth more."""
        for tracker in list(self.trackers):
            try:
                tracker.log(int(row["step"]), values_of(row))
            except Exception as error:  # of libraries and networks, of whatever kind
                self.trackers.remove(tracker)
                said = f"{type(tracker).__name__} failed and gets no more numbers: {str(error).splitlines()[0][:200]}"
                self._warn([HealthWarning(int(row["step"]), "tracking", said)])

    def _end_trackers(self) -> None:
        for tracker in self.trackers:
            with contextlib.suppress(Exception):  # the model is trained; what a server says now changes nothing
                tracker.end()
        self.trackers.clear()

    def _anyone_stops(self) -> bool:
        """Whether any process was asked to stop: all must agree, or the others would wait for ever."""
        if self.fabric.world_size == 1:
            return self.stop.asked
        flag = torch.tensor(float(self.stop.asked), device=self.fabric.device)
        return bool(torch.as_tensor(self.fabric.all_reduce(flag, reduce_op="sum")) > 0)


def plain(value: torch.Tensor | float) -> float | None:
    """A number that JSON knows; None for one that is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def tracked(config: RunConfig) -> dict[str, object]:
    """What trackers keep of a run's options: names that no file of ours has."""
    return {"method": config.method, **config.options}
