"""One run: a method trained on prepared cases into a run folder, resumable at any moment by the same call."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.files import write_text
from semivox.core.plan import Plan
from semivox.core.randomness import derive
from semivox.core.split import Split, TrainingSplit
from semivox.data.augmentation import find as find_augmentation
from semivox.data.loading import Loading
from semivox.data.patches import Patches
from semivox.data.store import Store
from semivox.methods import find
from semivox.methods.method import Losses, Method
from semivox.networks.blueprint import Blueprint
from semivox.training import checkpoint
from semivox.training.checkpoint import State
from semivox.training.folder import ROLLBACK, DataRecord, RunFolder
from semivox.training.health import Health, Worry
from semivox.training.loop import Diverged, Observer, Pace, in_channels_last, train
from semivox.training.model import ModelCard, save_model
from semivox.training.probe import Probe
from semivox.training.reporter import Reporter, Silent
from semivox.training.settings import RunConfig
from semivox.training.stopping import StopRequest
from semivox.training.validation import BestWeights

MOST_ROLLBACKS = 3
"""Times a diverged run goes back and halves its learning rate before it gives up."""
LOOKS = 20
"""How often during a run its output is looked at, and a state kept to which it could go back."""


def train_run(
    store: Store, split: Split, plan: Plan, config: RunConfig, out: Path, reporter: Reporter | None = None
) -> None:
    """Train into the folder ``out``; resume if it holds an unfinished run, return at once if a finished one.

    Raises InputError when the folder's run was begun with other data, plan or options, and InterruptedRun after
    saving when asked to stop.
    """
    folder = RunFolder(out)
    folder.create()
    with folder.locked():
        folder.keep(folder.plan, plan)
        folder.keep(folder.split, split)
        folder.keep(folder.config, config)
        if folder.done.exists():
            return
        check_parts(split, config)
        folder.keep(folder.data, DataRecord.of(store, split))
        world = config.train.devices
        distributed = DDPStrategy(
            start_method="popen" if "TORCHELASTIC_RUN_ID" in os.environ else "spawn",
            find_unused_parameters=find(config.method).rests,
        )
        fabric = Fabric(
            accelerator=config.train.device,
            devices=world,
            strategy="auto" if world == 1 else distributed,
            precision=config.train.precision or plan.precision,
        )
        if world == 1:
            work(fabric, store, split, plan, config, out, reporter or Silent())
        else:
            fabric.launch(work, store, split, plan, config, out, reporter or Silent())  # type: ignore[arg-type]


def check_parts(split: Split, config: RunConfig) -> None:
    """Raise InputError where the split lacks what the method or the settings need."""
    if not split.labeled:
        raise InputError("the split has no labeled case; at least one is needed")
    if find(config.method).uses_unlabeled and config.train.unlabeled_per_step != 0 and not split.unlabeled:
        raise InputError(f"{config.method} learns from unlabeled scans and the split has none; use --method supervised")
    if config.train.selection == "validation" and not (split.validation and config.train.validate_every):
        raise InputError("selection 'validation' needs validation cases in the split and train.validate_every > 0")


def work(
    fabric: Fabric, store: Store, split: Split, plan: Plan, config: RunConfig, out: Path, reporter: Reporter
) -> None:
    """What each process of a run does: train, and after a divergence go back and train with half the rate."""
    saved = checkpoint.load(RunFolder(out).checkpoints)
    while True:
        try:
            return attempt(fabric, store, split, plan, config, out, reporter, saved)
        except Diverged as error:
            saved = rolled_back(fabric, RunFolder(out), reporter, saved, error)


def rolled_back(fabric: Fabric, folder: RunFolder, reporter: Reporter, saved: State, error: Diverged) -> State:
    """The state to go on from. Raises the error again when going back has not helped before."""
    if saved.slowed >= MOST_ROLLBACKS:
        raise error
    if fabric.is_global_zero:
        state = checkpoint.roll_back(folder.checkpoints, saved.slowed)
        text = f"{str(error).split(';')[0]}; going back to step {state.step} with the learning rate halved"
        folder.warn(error.step, ROLLBACK, text)
        reporter.warn(text)
    fabric.barrier()
    return checkpoint.load(folder.checkpoints)


def attempt(  # noqa: PLR0913 - as work, from a state
    fabric: Fabric,
    store: Store,
    split: Split,
    plan: Plan,
    config: RunConfig,
    out: Path,
    reporter: Reporter,
    saved: State,
) -> None:
    """Train from the state to the end, and release the model."""
    folder, settings = RunFolder(out), config.train
    steps = settings.steps or plan.steps
    method = build(plan, config, fabric.device)
    if not saved.step:
        method.survey(whole_labels(store, split.for_training()))
    stop = StopRequest()
    if fabric.is_global_zero:
        folder.forget_from(saved.step)
        folder.record_environment(torch.get_num_threads())
        reporter.begin(out.name, saved.step, steps)
    keeper = Keeper(fabric, folder, store, split, plan, config, method, reporter, stop)
    with stop.listening():
        loading = loading_of(store, split, plan, config, method, fabric)
        with loading.faults_in_words(), memory_in_words():
            batches = partial(loading.batches, stop=steps)
            train(fabric, method, batches, Pace(steps, settings.seed, settings.clip), keeper, saved)
    if fabric.is_global_zero:
        reporter.end()
        keeper.release(method)
    fabric.barrier()


def build(plan: Plan, config: RunConfig, device: torch.device) -> Method:
    """The method with its initial weights, the same in every process; they depend on the seed alone."""
    torch.manual_seed(derive(config.train.seed, 0x1217))
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    method = find(config.method)(config.method_config(), Blueprint.of(plan))
    return in_channels_last(method) if plan.channels_last else method


def whole_labels(store: Store, split: TrainingSplit) -> Iterator[np.ndarray]:
    """The labels of the labeled cases, one after the other; opened only if they are asked for."""
    labels = (store.case(name, label=True).label for name in split.labeled)
    return (label for label in labels if label is not None)


def loading_of(store: Store, split: Split, plan: Plan, config: RunConfig, method: Method, fabric: Fabric) -> Loading:
    """What prepares the batches. Training sees no test case: ``for_training`` has none."""
    settings = config.train
    labeled = settings.labeled_per_step or plan.labeled_per_step
    unlabeled = plan.unlabeled_per_step if settings.unlabeled_per_step is None else settings.unlabeled_per_step
    patches = Patches(
        store,
        split.for_training(),
        plan,
        settings.seed,
        settings.steps or plan.steps,
        labeled,
        unlabeled if method.uses_unlabeled else 0,
        method.targets,
        fabric.global_rank,
        fabric.world_size,
        find_augmentation(settings.augmentation or plan.augmentation),
    )
    return Loading(patches, settings.workers)


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Turns an allocation that failed into a sentence with the remedies."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch reports a full main memory as a RuntimeError
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "can't allocate memory" not in str(error):
            raise
        raise SemivoxError(
            "memory ran out in a training step; a smaller --patch, --network small, or --set "
            "plan.unlabeled_per_step=1 in a new --out needs less (semivox plan --memory GB decides by itself)"
        ) from error


class Keeper(Observer):
    """Logs, saves, validates and stops a run."""

    def __init__(  # noqa: PLR0913 - the one place where all of a run comes together
        self,
        fabric: Fabric,
        folder: RunFolder,
        store: Store,
        split: Split,
        plan: Plan,
        config: RunConfig,
        method: Method,
        reporter: Reporter,
        stop: StopRequest,
    ) -> None:
        self.fabric, self.folder, self.plan, self.split, self.config = fabric, folder, plan, split, config
        self.method, self.reporter, self.stop = method, reporter, stop
        self.steps = config.train.steps or plan.steps
        self.saved = self.stepped_at = time.monotonic()
        self.terms: dict[str, float] = {}  # of all players in the last step, for the reporter
        self.rate = 0.0  # the first player's
        self.best = BestWeights(folder, store, split.validation, plan)
        self.health, self.probe = Health(self.steps), Probe(store, split, plan, self.steps)
        self.known = {row["text"] for row in folder.warned()}
        for row in folder.logged():
            self.health.see(row)  # so that a resumed run remembers what an earlier part of it showed
        self.writer = writer_of(folder) if config.train.tensorboard and fabric.is_global_zero else None

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
        if self.writer:
            for name, value in terms.items():
                self.writer.add_scalar(f"{losses.player}/{name}", value, step)

    def stepped(self, done: int, state: Callable[[], State]) -> None:
        """Tell, validate, save and stop where it is time to."""
        settings, last = self.config.train, done == self.steps
        if self.fabric.is_global_zero:
            self.reporter.step(done, self.terms, self.rate)
        if settings.validate_every and (done % settings.validate_every == 0 or last) and self.fabric.is_global_zero:
            self.best.update(done, self.method)
        if done % max(1, self.steps // LOOKS) == 0 and self.fabric.is_global_zero:
            self._warn(self.probe.look(done - 1, self.method))
            if not (current := state()).skipped and not last:
                checkpoint.save_anchor(self.folder.checkpoints, current)
        stopping = self._anyone_stops()
        if self.fabric.is_global_zero and (
            last or stopping or time.monotonic() - self.saved > 60 * settings.save_every
        ):
            checkpoint.save(self.folder.checkpoints, state())
            self.saved = time.monotonic()
        if stopping and not last:
            self.reporter.end()
            raise InterruptedRun(
                f"stopped and saved at step {done} of {self.steps}; the same command goes on from there"
            )

    def release(self, method: Method) -> None:
        """Write the model of the selected weights, then mark the run as done."""
        if self.config.train.selection == "validation":
            self.best.load_into(method)
        card = ModelCard(
            semivox=version("semivox"),
            method=self.config.method,
            options=self.config.options,
            plan=self.plan,
            selection=self.config.train.selection,
            steps=self.steps,
            seed=self.config.train.seed,
            split=self.split.digest(),
        )
        save_model(self.folder.model, method, card)
        write_text(self.folder.done, f"{self.steps} steps\n")
        (self.folder.checkpoints / checkpoint.ANCHOR).unlink(missing_ok=True)

    def _warn(self, worries: Iterable[Worry]) -> None:
        """Tell and keep each warning once, also over resumes."""
        for worry in worries:
            if worry.text not in self.known:
                self.known.add(worry.text)
                self.folder.warn(*worry)
                self.reporter.warn(worry.text)

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


def writer_of(folder: RunFolder):  # type: ignore[no-untyped-def]  # noqa: ANN201 - TensorBoard is an extra
    """A TensorBoard writer. Raises InputError where the extra is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError("train.tensorboard needs TensorBoard: pip install 'semivox[tensorboard]'") from error
    return SummaryWriter(str(folder.path / "tensorboard"))
