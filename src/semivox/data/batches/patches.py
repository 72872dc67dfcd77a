"""The batch of a training step: patches of prepared scans, varied, and what the method wants derived from labels.

``Patches[step]`` is a function of (seed, step, rank). How many workers prepare batches, how many threads they have,
and at which step a run was resumed change no bit of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from semivox.core.batch import Batch
from semivox.core.case import Case
from semivox.core.errors import InputError, SemivoxError
from semivox.core.geometry import Shape, Spacing
from semivox.core.plan import Plan
from semivox.core.split import TrainingSplit
from semivox.data.augmentation import spatial
from semivox.data.augmentation.schemes import Augmentation, draw, find
from semivox.data.batches.sampler import LABELED, UNLABELED, Draw, Foreground, PatchSampler, by_class
from semivox.data.prepared.intensity import padding
from semivox.data.prepared.labels import coded
from semivox.functional import intensity as intensity_changes

TargetFunction = Callable[[np.ndarray, Spacing, int], np.ndarray]
"""(label (X, Y, Z) uint8, mm per voxel, number of classes) -> what a method wants to know about the label."""


class CaseSource(Protocol):
    """Where prepared scans come from; ``data.store.Store`` is one."""

    def case(self, name: str, label: bool) -> Case:
        """The scan; without asking for its label, none is opened."""

    def shape(self, name: str) -> Shape:
        """Voxels along x, y, z."""


class Patches(Dataset[Batch]):
    """Item ``step`` is the batch of that step for one process; ``steps`` of them."""

    def __init__(  # noqa: PLR0913 - the one place where all that decides a batch comes together
        self,
        store: CaseSource,
        split: TrainingSplit,
        plan: Plan,
        seed: int,
        steps: int,
        labeled: int,
        unlabeled: int,
        targets: Mapping[str, TargetFunction] | None = None,
        rank: int = 0,
        world: int = 1,
        augmentation: Augmentation | None = None,
    ) -> None:
        """``labeled`` and ``unlabeled`` patches a step in this process; the plan's augmentation unless one is given."""
        self.store, self.split, self.plan = store, split, plan
        self.seed, self.steps, self.rank, self.world = seed, steps, rank, world
        self.targets = dict(targets or {})
        self.augmentation = augmentation or find(plan.augmentation)
        self.fill = [padding(intensity) for intensity in plan.intensity]
        self.progress: Callable[[int], object] = _nobody
        """Hears the place in the batch of each patch that is begun."""
        self._foreground: dict[str, Foreground] = {}
        shapes_l = tuple(store.shape(name) for name in split.labeled)
        shapes_u = tuple(store.shape(name) for name in split.unlabeled) if unlabeled else ()
        chance, last = self.augmentation.foreground, self.augmentation.last_corner
        self.labeled = PatchSampler(shapes_l, plan.patch, labeled, LABELED, self.foreground, chance, last)
        self.unlabeled = PatchSampler(shapes_u, plan.patch, unlabeled, UNLABELED, last_corner=last)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step. Raises InputError naming the scan that cannot be read."""
        with one_thread():
            return self._batch(step)

    def __getstate__(self) -> dict[str, object]:
        """What was gathered so far stays behind: it is quickly read again."""
        return {**self.__dict__, "_foreground": {}}

    def foreground(self, index: int) -> Foreground:
        """Where the classes of a labeled scan lie."""
        name = self.split.labeled[index]
        if name not in self._foreground:
            self._foreground[name] = by_class(self.store.case(name, label=True).foreground)
        return self._foreground[name]

    @property
    def per_step(self) -> int:
        """Patches of a batch."""
        return self.labeled.per_step + self.unlabeled.per_step

    def names(self, step: int) -> list[str]:
        """The scans from which a step's patches come, in the order of the batch; opens no file."""
        place = self.rank, self.world
        cases_l = [self.labeled.case(self.seed, step, index, *place) for index in range(self.labeled.per_step)]
        cases_u = [self.unlabeled.case(self.seed, step, index, *place) for index in range(self.unlabeled.per_step)]
        return [self.split.labeled[case] for case in cases_l] + [self.split.unlabeled[case] for case in cases_u]

    def _draw(self, step: int, index: int) -> Draw:
        """Where the patch at place ``index`` of a step's batch comes from."""
        labeled = self.labeled.per_step
        sampler, place = (self.labeled, index) if index < labeled else (self.unlabeled, index - labeled)
        return sampler.draw(self.seed, step, place, self.rank, self.world)

    def _batch(self, step: int) -> Batch:
        images: list[Tensor] = []
        labels: list[Tensor] = []
        places: list[Tensor] = []
        names = self.names(step)
        derived: dict[str, list[Tensor]] = {target: [] for target in self.targets}
        for index, name in enumerate(names):
            self.progress(index)
            with _naming(name):
                labeled = index < self.labeled.per_step
                case = self.store.case(name, label=labeled)
                image, label, place = self._patch(case, self._draw(step, index))
                images.append(image)
                places.append(place)
                if label is None:
                    continue
                told = coded(label.numpy(), case.rest)
                labels.append(torch.from_numpy(told).long())
                for target, function in self.targets.items():
                    value = function(told, self.plan.spacing, len(self.plan.classes))
                    derived[target].append(torch.from_numpy(np.ascontiguousarray(value, np.float32)))
        label_l = torch.stack(labels) if labels else torch.empty((0, *self.plan.patch), dtype=torch.int64)
        targets = {target: torch.stack(values) for target, values in derived.items() if values}
        extent = torch.tensor([self.store.shape(name) for name in names], dtype=torch.float32)
        return Batch(torch.stack(images), label_l, tuple(names), targets, torch.stack(places), extent)

    def _patch(self, case: Case, one: Draw) -> tuple[Tensor, Tensor | None, Tensor]:
        """(C, *patch) float32; (*patch) uint8, or None for an unlabeled scan; and its place (3, 4)."""
        parameters = draw(self.augmentation, self.plan, one.seed)
        box = spatial.window(parameters.pose, one.corner, self.plan.patch, case.shape)
        image = spatial.crop(case.image, box, self.fill).float()
        # beyond a scan is background: a region that no label anchors would train itself on its own guesses (0005)
        label = None if case.label is None else spatial.crop(case.label[None], box, (0,))[0]
        image, label = spatial.transform(image, label, parameters.pose, box, self.plan.patch)
        place = spatial.place(parameters.pose, box, self.plan.patch)
        place[:, 3] -= torch.tensor(case.shape) // 2
        return intensity_changes.apply(image, parameters.changes), label, place.float()


def _nobody(index: int) -> None:
    """Where no one listens."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums depend on how many threads share them; with one they are the same everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Says which scan an error is about."""
    try:
        yield
    except MemoryError as error:
        raise SemivoxError(f"no memory was left to prepare a patch of scan {name!r}; use --workers 0") from error
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"cannot prepare a patch of scan {name!r}: {error}; prepare the data again") from error
    except Exception as error:
        error.add_note(f"while preparing a patch of scan {name!r}")
        raise
