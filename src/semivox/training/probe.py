"""A look at what a network draws where a class is known to be, now and then during a run."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.batches.patches import padding
from semivox.data.batches.sampler import by_class, valid_corners
from semivox.data.prepared.store import Store
from semivox.methods.method import Method
from semivox.networks.teacher import Teacher
from semivox.training.health import HealthWarning

HALFWAY = 0.5
"""Part of a run after which every class should be drawn somewhere."""
FLAT = 1e-4
"""Spread of probabilities over a patch below which a network says the same everywhere."""


class Probe:
    """One patch for each class, from a labeled scan, around a voxel of that class."""

    def __init__(self, store: Store, split: Split, plan: Plan) -> None:
        self.plan, self.steps = plan, plan.steps
        self.patches: dict[int, np.ndarray] = {}
        for name in split.labeled:
            if len(self.patches) < len(plan.classes) - 1:
                self._take(store, name)

    def look(self, step: int, method: Method) -> list[HealthWarning]:
        """Warnings on classes that vanished and on constant outputs. Changes nothing; needs no random number."""
        device = next(method.parameters()).device
        method.eval()
        found = []
        with torch.no_grad():
            for index, patch in self.patches.items():
                found += self._judged(step, method, index, torch.from_numpy(patch)[None].to(device))
        return list(dict.fromkeys(found))

    def _judged(self, step: int, method: Method, index: int, image: Tensor) -> list[HealthWarning]:
        """Image (1, C, X, Y, Z) that shows class ``index``."""
        found, drawn = [], method.predict(image)
        if _flat(drawn):
            found.append(HealthWarning(step, "constant", "the network gives the same answer at every voxel"))
        elif step >= HALFWAY * self.steps and not bool((drawn.argmax(1) == index).any()):
            text = (
                f"the class {self.plan.classes[index].name!r} has vanished: it is segmented nowhere, even where a "
                "training label shows it. Train longer, lower the weight of the unlabeled part, or label more of it"
            )
            found.append(HealthWarning(step, "vanished_class", text))
        teacher = getattr(method, "teacher", None)
        if isinstance(teacher, Teacher) and _flat(teacher(image).logits.float().softmax(1)):
            text = "the teacher gives the same answer at every voxel, so it teaches nothing"
            found.append(HealthWarning(step, "constant_teacher", text))
        return found

    def _take(self, store: Store, name: str) -> None:
        """Patches of classes that this scan shows and none before did."""
        case = store.case(name, label=True)
        for index, voxels in by_class(case.foreground).items():
            if index in self.patches or not 0 < index < len(self.plan.classes):
                continue
            lowest, highest = valid_corners(case.shape, self.plan.patch)
            corner = np.clip(voxels[len(voxels) // 2] - np.array(self.plan.patch) // 2, lowest, highest)
            begin = np.maximum(corner, 0)
            box = tuple(slice(b, c + size) for b, c, size in zip(begin, corner, self.plan.patch, strict=True))
            cut = np.asarray(case.image[(slice(None), *box)], np.float32)
            patch = np.empty((len(cut), *self.plan.patch), np.float32)
            for channel, intensity in enumerate(self.plan.intensity):
                patch[channel] = padding(intensity)
            place = tuple(slice(b - c, b - c + n) for b, c, n in zip(begin, corner, cut.shape[1:], strict=True))
            patch[(slice(None), *place)] = cut
            self.patches[index] = patch


def _flat(probabilities: Tensor) -> bool:
    """(1, K, X, Y, Z): whether every class has one probability everywhere."""
    return bool(probabilities.flatten(2).std(2).max() < FLAT)
