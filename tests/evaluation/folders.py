"""Folders of label files for the tests of tables."""

import nibabel as nib
import numpy as np

SPACING = (0.8, 1.0, 2.0)


def write_label(path, array, spacing=SPACING, shift=(0.0, 0.0, 0.0), flipped=False):
    """A NIfTI label; ``flipped``: the same voxels at the same places, stored along x and z from the other end."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = np.array((-10.0, 5.0, 30.0)) + shift
    if flipped:
        last = np.array(array.shape) - 1
        affine[:3, 3] += affine[:3, 0] * last[0] + affine[:3, 2] * last[2]
        affine[:3, [0, 2]] *= -1
        array = array[::-1, :, ::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


def label(seed, shape=(12, 10, 8), classes=2):
    """A label map in which every class is a box somewhere."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    for value in range(1, classes + 1):
        x, y, z = rng.integers(0, np.array(shape) - 4)
        labels[x : x + 4, y : y + 4, z : z + 4] = value
    labels[0, 0, :classes] = np.arange(1, classes + 1)
    return labels
