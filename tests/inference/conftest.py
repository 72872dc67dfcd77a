from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from semivox.core.case import Volume
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.data.formats.volume import read

VALUES = (0, 7, 300)


@pytest.fixture
def make_plan():
    def build(spacing=(1.0, 1.0, 1.0), patch=(16, 12, 20), channels=1, values=VALUES, scheme="none", **more):
        classes = tuple(ClassInfo(name=f"class {value}", value=value) for value in values)
        names = tuple(f"channel {i}" for i in range(channels))
        fingerprint = Fingerprint(dataset="phantom", channels=names, classes=classes, cases=())
        return Plan(
            dataset="phantom",
            classes=classes,
            channels=names,
            spacing=spacing,
            patch=patch,
            intensity=(Intensity(scheme=scheme),) * channels,
            network=NetworkChoice(name="vnet"),
            steps=1,
            fingerprint=fingerprint,
            reasons={},
            **more,
        )

    return build


def bands(image):
    """Below 0.5: background; to 1.5: first class; above: second. Certain, and the same for every mirroring."""
    index = (image[:, 0] > 0.5).long() + (image[:, 0] > 1.5).long()
    return torch.nn.functional.one_hot(index, 3).movedim(-1, 1).float()


def affine(orientation, spacing):
    ornt = nib.orientations.axcodes2ornt(orientation)
    matrix = np.eye(4)
    for axis, (world, sign) in enumerate(ornt):
        matrix[:3, axis] = 0
        matrix[int(world), axis] = sign * spacing[axis]
    matrix[:3, 3] = (12.5, -30.0, 7.0)
    return matrix


def ball(shape, spacing, radius=11.0, off=(1.0, -2.0, 1.5)):
    """A ball of value 2 in a shell of value 1; not symmetric in the array, so that a flip is seen."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm - o for n, mm, o in zip(shape, spacing, off)]
    distance = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    return (distance < radius).astype(np.float32) + (distance < 0.6 * radius)


def save(path: Path, array, orientation="RAS", spacing=(1.0, 1.0, 1.0)) -> Path:
    image = nib.Nifti1Image(array, affine(orientation, spacing))
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@pytest.fixture
def scan(tmp_path):
    """Write a ball as a file of some orientation and spacing, and read it back: (volume, file's own array)."""

    def build(orientation="RAS", spacing=(1.0, 1.0, 1.0), shape=(32, 30, 28)) -> tuple[Volume, np.ndarray]:
        array = ball(shape, spacing)
        return read([save(tmp_path / "scan.nii.gz", array, orientation, spacing)]), array

    return build
