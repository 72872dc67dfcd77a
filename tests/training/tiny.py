"""A data set of spheres small enough to train on in a second, and runs on it."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel as nib
import numpy as np

from semivox.core.errors import SemivoxError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.layouts.recognize import find
from semivox.data.prepared.prepare import prepare
from semivox.data.prepared.store import Store
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.settings import RunConfig, TrainSettings, configure
from semivox.training.spec import RunSpec
from tests.contract.examples import configured

SHAPE = (20, 24, 16)


def write_spheres(root: Path, labeled: int = 3, unlabeled: int = 3) -> Path:
    """Noise with a bright ball in it, in the two-folder layout."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    grid = np.stack(np.meshgrid(*[np.arange(s) for s in SHAPE], indexing="ij"))
    for index in range(labeled + unlabeled):
        generator = np.random.default_rng(index)
        center = np.array(SHAPE)[:, None, None, None] / 2 + generator.uniform(-3, 3, (3, 1, 1, 1))
        ball = ((grid - center) ** 2).sum(0) < 25
        image = generator.normal(0, 0.3, SHAPE) + ball
        affine = np.diag([1.0, 1.0, 1.5, 1.0])
        nib.save(nib.Nifti1Image(image.astype(np.float32), affine), root / "images" / f"case{index}.nii.gz")
        if index < labeled:
            nib.save(nib.Nifti1Image(ball.astype(np.uint8), affine), root / "labels" / f"case{index}.nii.gz")
    return root


def plan(steps: int = 6) -> Plan:
    """A plan with a network of a few thousand weights, with dropout and batch normalization."""
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="ball", value=1))
    return Plan(
        dataset="spheres",
        classes=classes,
        channels=("MR",),
        spacing=(1.0, 1.0, 1.5),
        patch=(16, 16, 8),
        intensity=(Intensity(scheme="zscore"),),
        network=NetworkChoice(name="vnet", options={"width": 2, "convolutions": [1, 1, 1], "strides": [[2, 2, 2]] * 2}),
        steps=steps,
        fingerprint=Fingerprint(dataset="spheres", channels=("MR",), classes=classes, cases=()),
        reasons={},
    )


def prepared(root: Path, steps: int = 6) -> tuple[Store, Split, Plan]:
    """Spheres, prepared: store, split and plan."""
    dataset = find(write_spheres(root / "data"))
    names = sorted(entry.name for entry in dataset.entries)
    split = Split(labeled=tuple(names[:2]), unlabeled=tuple(names[3:]), validation=(names[2],))
    chosen = plan(steps)
    return prepare(dataset, split, chosen, root / "prepared"), split, chosen


def config(method: str, **settings: object) -> RunConfig:
    """A run's configuration, as small as the contract tests have it; settings are those of TrainSettings."""
    options = configured(method).model_dump(mode="json", exclude_unset=True)
    return configure(method, options, TrainSettings.model_validate({"workers": 0, **settings}))


def attempt(root: Path, out: Path, method: str, steps: int) -> None:
    """One attempt at a run on the spheres prepared in ``root``: with a worker, saving after each step."""
    split = Split.load(root / "split.json")
    train_run(
        RunSpec(
            RunFolder(out), Store(root / "prepared"), split, plan(steps), config(method, workers=1, save_every=1e-6)
        )
    )


def command(root: Path, out: Path, method: str, steps: int) -> None:
    """The same, ending as a command does: a sentence, here in the file ``said``, and an exit code."""
    try:
        attempt(root, out, method, steps)
    except SemivoxError as error:
        (root / "said").write_text(str(error))
        sys.exit(error.code)
