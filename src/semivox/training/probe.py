"""A look at what a network draws where a class is known to be, now and then during a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.batches.sampler import by_class, valid_corners
from semivox.data.prepared.intensity import padding
from semivox.data.prepared.store import Store
from semivox.methods.method import Method
from semivox.networks.teacher import Teacher
from semivox.training.health import HealthWarning

JUDGED = 1 / 3
"""Part of a run after which every class should be drawn somewhere: early enough to change something, and late enough
that most classes which a run finds at all are found (decision 0012)."""
LOOKS = 20
"""How often during a run its output is looked at, and a state kept to which it could go back."""
SHARE = 0.02
"""Part of a run's work that looking may take."""
TRAINED = 3
"""Work of training on a patch, in passes of the network over it: one forward, about two backward."""
FLAT = 1e-4
"""Spread of probabilities over a patch below which a network says the same everywhere."""


@dataclass
class Seen:
    """What a look found."""

    warnings: list[HealthWarning] = field(default_factory=list)
    """On outputs that are the same everywhere."""
    lost: set[int] = field(default_factory=set)
    """Classes that were to be judged and are drawn nowhere on their patch; none before ``JUDGED``."""
    drawn: set[int] = field(default_factory=set)
    """Classes that are drawn on theirs."""


class Probe:
    """Patches around voxels of classes, from labeled scans, each for the classes that have their middle well within it.

    A look draws some of them, the next ones at the next look, so that looking takes a small part of a run however many
    classes there are.
    """

    def __init__(self, store: Store, split: Split, plan: Plan) -> None:
        self.plan, self.steps = plan, plan.steps
        self.patches: dict[int, np.ndarray] = {}
        """The class that a patch was cut for -> the patch."""
        self.shown: dict[int, list[int]] = {}
        """The same class -> all classes that the patch is to be judged for."""
        for name in split.labeled:
            if len(self._classes()) < len(plan.classes) - 1:
                self._take(store, name)

    def look(self, step: int, method: Method) -> Seen:
        """Which classes are lost, which drawn, and constant outputs. Changes nothing; needs no random number."""
        seen = Seen()
        if not method.segments:
            return seen
        device = next(method.parameters()).device
        method.eval()
        with torch.no_grad():
            for index in self._turn(step):
                self._judge(seen, step, method, index, torch.from_numpy(self.patches[index])[None].to(device))
        seen.warnings = list(dict.fromkeys(seen.warnings))
        return seen

    def _turn(self, step: int) -> list[int]:
        """The patches of the look after this step: a function of the step, so that resuming changes nothing."""
        count = min(len(self.patches), patches_a_look(self.plan))
        first = count * ((step + 1) // steps_between(self.steps))
        patches = list(self.patches)
        return [patches[(first + place) % len(patches)] for place in range(count)]

    def _classes(self) -> set[int]:
        return {index for shown in self.shown.values() for index in shown}

    def _judge(self, seen: Seen, step: int, method: Method, index: int, image: Tensor) -> None:
        """Image (1, C, X, Y, Z): the patch of class ``index``."""
        drawn = method.predict(image)
        if _flat(drawn):
            seen.warnings.append(HealthWarning(step, "constant", "the network gives the same answer at every voxel"))
        elif step >= JUDGED * self.steps:
            there = set(torch.unique(drawn.argmax(1)).tolist())
            seen.drawn.update(one for one in self.shown[index] if one in there)
            seen.lost.update(one for one in self.shown[index] if one not in there)
        teacher = getattr(method, "teacher", None)
        if isinstance(teacher, Teacher) and _flat(teacher(image).logits.float().softmax(1)):
            text = "the teacher gives the same answer at every voxel, so it teaches nothing"
            seen.warnings.append(HealthWarning(step, "constant_teacher", text))

    def _take(self, store: Store, name: str) -> None:
        """Patches of classes that this scan shows and none before did."""
        case = store.case(name, label=True)
        middles = {
            index: voxels[len(voxels) // 2]
            for index, voxels in by_class(case.foreground).items()
            if 0 < index < len(self.plan.classes) and index not in self._classes()
        }
        for index, middle in middles.items():
            if index in self._classes():
                continue
            lowest, highest = valid_corners(case.shape, self.plan.patch)
            corner = np.clip(middle - np.array(self.plan.patch) // 2, lowest, highest)
            self.shown[index] = [index, *_well_within(corner, self.plan.patch, middles, self._classes() | {index})]
            begin = np.maximum(corner, 0)
            box = tuple(slice(b, c + size) for b, c, size in zip(begin, corner, self.plan.patch, strict=True))
            cut = np.asarray(case.image[(slice(None), *box)], np.float32)
            patch = np.empty((len(cut), *self.plan.patch), np.float32)
            for channel, intensity in enumerate(self.plan.intensity):
                patch[channel] = padding(intensity)
            place = tuple(slice(b - c, b - c + n) for b, c, n in zip(begin, corner, cut.shape[1:], strict=True))
            patch[(slice(None), *place)] = cut
            self.patches[index] = patch


def steps_between(steps: int) -> int:
    """Steps of a run from one look to the next."""
    return max(1, steps // LOOKS)


def patches_a_look(plan: Plan) -> int:
    """How many patches a look may draw: with ``SHARE`` of the work of the steps since the last one; at least one."""
    work = steps_between(plan.steps) * (plan.labeled_per_step + plan.unlabeled_per_step) * TRAINED
    return max(1, int(SHARE * work))


def passes(plan: Plan) -> int:
    """Over patches, in all looks of a run, at the most: classes that share a patch need fewer."""
    return min(patches_a_look(plan), max(len(plan.classes) - 1, 0)) * (plan.steps // steps_between(plan.steps))


def _well_within(
    corner: np.ndarray, patch: Sequence[int], middles: Mapping[int, np.ndarray], known: Collection[int]
) -> list[int]:
    """The further classes whose middle lies in the inner half of a patch."""
    size = np.array(patch)
    return [
        index
        for index, middle in middles.items()
        if index not in known and bool(np.all(np.abs(middle - corner - size / 2) <= size / 4))
    ]


def _flat(probabilities: Tensor) -> bool:
    """(1, K, X, Y, Z): whether every class has one probability everywhere."""
    return bool(probabilities.flatten(2).std(2).max() < FLAT)
