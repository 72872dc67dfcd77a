"""Prepared scans in memory, and the patches drawn from them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from scipy import ndimage

from semivox.core.case import Case
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import TrainingSplit
from semivox.data.batches.patches import Patches

PATCH = (16, 14, 12)


SPLIT = TrainingSplit(("a", "b", "c"), ("u", "v", "w", "x"), ())


class MemoryStore:
    """Prepared scans in memory; ``asked`` lists the labels that were requested."""

    def __init__(self, shape=(26, 24, 20), channels=1):
        self.asked = set()
        self.cases = {}
        for number, name in enumerate((*SPLIT.labeled, *SPLIT.unlabeled)):
            random = np.random.default_rng(number)
            image = ndimage.gaussian_filter(random.normal(size=(channels, *shape)), (0, 1, 1, 1)).astype(np.float16)
            label = np.digitize(image[0], (0.05, 0.15)).astype(np.uint8)
            voxels = np.argwhere(label > 0)[::7]
            rows = np.column_stack([label[tuple(voxels.T)], voxels]).astype(np.int32)
            self.cases[name] = Case(name, image, label, (1.0, 1.0, 1.0), rows)

    def shape(self, name):
        return self.cases[name].shape

    def case(self, name, label):
        if label:
            self.asked.add(name)
            return self.cases[name]
        return dataclasses.replace(self.cases[name], label=None, foreground=None)


def make_plan(patch=PATCH, augmentation="standard", scheme="zscore", channels=1):
    classes = tuple(ClassInfo(name=name, value=i) for i, name in enumerate(("background", "front", "back")))
    names = tuple(f"channel{i}" for i in range(channels))
    values = Intensity(scheme=scheme, lower=-1000, upper=600, mean=100, std=200)
    return Plan(
        dataset="d",
        classes=classes,
        channels=names,
        spacing=(1.0, 1.0, 2.0),
        patch=patch,
        intensity=(values,) * channels,
        network=NetworkChoice(name="vnet"),
        steps=10,
        augmentation=augmentation,
        fingerprint=Fingerprint(dataset="d", channels=names, classes=classes, cases=()),
        reasons={},
    )


def make(store=None, plan=None, seed=7, labeled=2, unlabeled=2, **options):
    return Patches(store or MemoryStore(), SPLIT, plan or make_plan(), seed, 12, labeled, unlabeled, **options)


def equal(one, other):
    return (
        torch.equal(one.image, other.image)
        and torch.equal(one.label, other.label)
        and one.cases == other.cases
        and torch.equal(one.patch_to_scan, other.patch_to_scan)
        and torch.equal(one.extent, other.extent)
        and one.targets.keys() == other.targets.keys()
        and all(torch.equal(one.targets[name], other.targets[name]) for name in one.targets)
    )
