"""One run: a method trained on prepared cases into a run folder, resumable at any moment by the same call."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from semivox.core.errors import InputError, SemivoxError
from semivox.core.exhaustion import MEMORY, exhausted
from semivox.core.plan import Plan
from semivox.core.randomness import derive
from semivox.core.split import Split, TrainingSplit
from semivox.data.augmentation.schemes import find as find_augmentation
from semivox.data.augmentation.schemes import require_allowed
from semivox.data.batches.loading import Loading
from semivox.data.batches.patches import Patches
from semivox.data.batches.unfilled import Unfilled
from semivox.data.prepared.labels import coded
from semivox.data.prepared.store import Store
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training import checkpoint, environment
from semivox.training.checkpoint import State
from semivox.training.distributed import launch
from semivox.training.folder import ELSEWHERE, ROLLBACK, RunFolder
from semivox.training.loop import Diverged, Pace, in_channels_last, train
from semivox.training.relay import relayed
from semivox.training.reporter import Reporter, Silent
from semivox.training.run_monitor import RunMonitor
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec
from semivox.training.start import begin_from, require_fit
from semivox.training.stopping import StopRequest
from semivox.training.validation import require_classes
from semivox.training.warm_start import require_unseen_by, take_over

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOST_ROLLBACKS = 3
"""Times a diverged run goes back and halves its learning rate before it gives up."""


def train_run(spec: RunSpec, reporter: Reporter | None = None) -> None:
    """Train into the run's folder; resume if it holds an unfinished run, return at once if a finished one.

    Raises InputError when the folder's run was begun with other data, plan or options, and InterruptedRun after
    saving when asked to stop.
    """
    from semivox.training.fabric import fabric_of

    spec.folder.create()
    with spec.folder.locked():
        if spec.folder.done.exists():
            spec.keep()
            return
        require_possible(spec)  # first, so that what is refused leaves no record in the way of other options
        spec.keep()
        spec.keep_data()
        fabric = fabric_of(spec.config.train, spec.plan.precision)
        if spec.processes == 1:
            work(fabric, spec, reporter or Silent())
        else:
            with relayed(reporter or Silent()) as relay:
                launch(fabric, work, spec, relay)


def require_possible(spec: RunSpec) -> None:
    """Raise InputError where the cases, the plan or the model to start from do not have what the options need."""
    check_parts(spec.split, spec.config)
    require_allowed(spec.plan)
    if spec.config.train.start is not None:
        require_fit(Path(spec.config.train.start), spec.plan, spec.split)
    if spec.config.train.warm_start is not None:
        require_unseen_by(Path(spec.config.train.warm_start), spec.config.method, spec.split)
    if spec.config.train.selection == "validation":
        require_classes(spec)


def check_parts(split: Split, config: RunConfig) -> None:
    """Raise InputError where the split lacks what the method or the settings need."""
    if not find(config.method).uses_scans:
        return
    if not split.labeled:
        raise InputError("the split has no labeled case; at least one is needed")
    if find(config.method).uses_unlabeled and config.train.unlabeled_per_step != 0 and not split.unlabeled:
        raise InputError(
            f"{config.method} learns from unlabeled scans and the split has none; keep fewer labels with --labeled, or "
            "use --method supervised"
        )
    if config.train.selection == "validation" and not (split.validation and config.train.validate_every):
        raise InputError("selection 'validation' needs validation cases in the split and train.validate_every > 0")


def work(fabric: Fabric, spec: RunSpec, reporter: Reporter) -> None:
    """What each process of a run does: train, and after a divergence go back and train with half the rate."""
    saved = checkpoint.load(spec.folder.checkpoints)
    while True:
        try:
            return attempt(fabric, spec, reporter, saved)
        except Diverged as error:
            saved = rolled_back(fabric, spec.folder, reporter, saved, error)


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


def attempt(fabric: Fabric, spec: RunSpec, reporter: Reporter, saved: State) -> None:
    """Train from the state to the end, and release the model."""
    folder, settings, steps = spec.folder, spec.config.train, spec.plan.steps
    method = build(spec.plan, spec.config, fabric.device)
    if not saved.step:
        if settings.warm_start is not None:
            take_over(method, Path(settings.warm_start), spec.config.method)
        method.fit_labels(whole_labels(spec.store, spec.split.for_training()))
        if settings.start is not None:
            begin_from(Path(settings.start), method)
    stop = StopRequest()
    if fabric.is_global_zero:
        folder.forget_from(saved.step)
        reporter.begin(folder.path.name, saved.step, steps)
        note_conditions(folder, fabric.device, saved.step, reporter)
    monitor = RunMonitor(fabric, spec, method, reporter, stop, saved)
    monitor.stop_if_lost()
    with stop.listening():
        with loading_of(spec, method, fabric) as loading, loss_of_another_in_words(fabric), memory_in_words():
            batches = partial(loading.batches, stop=steps)
            train(fabric, method, batches, Pace(steps, settings.seed, settings.clip), monitor, saved)
    monitor.stop_if_asked(steps)  # also of what came after the last step: more may be about to follow
    if fabric.is_global_zero:
        reporter.end()
        monitor.release(method)
    fabric.barrier()


def note_conditions(folder: RunFolder, device: torch.device, step: int, reporter: Reporter) -> None:
    """Write down what the numbers are made with, and say where a resumed run may end with other bits."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    changed = environment.record(folder.environment, torch.get_num_threads(), name)
    if changed and step:
        text = f"resumed with {', '.join(changed)}: its bits may differ from those of a run that was not interrupted"
        folder.warn(step, ELSEWHERE, text)
        reporter.warn(text)


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
    cases = (store.case(name, label=True) for name in split.labeled)
    return (coded(case.label, case.rest) for case in cases if case.label is not None)


def loading_of(spec: RunSpec, method: Method, fabric: Fabric) -> Loading | Unfilled:
    """What prepares the batches. Training sees no test case: ``for_training`` has none."""
    if not method.uses_scans:
        return Unfilled(spec.plan, spec.batch[0])
    patches = Patches(
        spec.store,
        spec.split.for_training(),
        spec.plan,
        spec.config.train.seed,
        spec.plan.steps,
        spec.batch[0],
        spec.batch[1] if method.uses_unlabeled else 0,
        method.targets,
        fabric.global_rank,
        fabric.world_size,
        find_augmentation(spec.plan.augmentation),
    )
    return Loading(patches, spec.config.train.workers)


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Turns an allocation that failed into a sentence with the remedies."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:  # torch reports a full main memory as a RuntimeError
        words = exhausted(error)
        if words == MEMORY:
            raise SemivoxError(
                "memory ran out in a training step; a smaller --patch, --network small, or --set "
                "plan.unlabeled_per_step=1 in a new --out needs less (semivox plan --memory GB finds what fits)"
            ) from error
        if words:
            raise SemivoxError(f"{words}; the same command resumes from the last checkpoint") from error
        raise


@contextmanager
def loss_of_another_in_words(fabric: Fabric) -> Iterator[None]:
    """Turns what gloo and NCCL raise when a process of the training has died into a sentence."""
    try:
        yield
    except RuntimeError as error:
        told = "gloo" in str(error) or isinstance(error, torch.distributed.DistError)
        if fabric.world_size == 1 or not told:
            raise
        raise SemivoxError(
            f"another of the {fabric.world_size} processes that train together has ended; its own message, or its "
            "launcher's, says why. The same command resumes from the last checkpoint"
        ) from error
