"""Where a definition is medpy's or MONAI's, the value is theirs."""

import os
from pathlib import Path

import numpy as np
import pytest

from semivox.data.formats.volume import read_label
from semivox.evaluation.score import score

from .masks import blob, cube

SPACINGS = [(1.0, 1.0, 1.0), (0.625, 0.625, 0.625), (0.7, 0.7, 2.0), (0.6836, 0.7113, 1.9371)]


def medpy_scores(prediction, reference, spacing):
    binary = pytest.importorskip("medpy.metric.binary", reason="medpy is not installed")
    return {
        "dice": binary.dc(prediction, reference),
        "jaccard": binary.jc(prediction, reference),
        "hd95_mm": binary.hd95(prediction, reference, voxelspacing=spacing),
        "assd_mm": binary.assd(prediction, reference, voxelspacing=spacing),
        "asd_mm": binary.asd(prediction, reference, voxelspacing=spacing),
    }


def assert_same_as_medpy(prediction, reference, spacing):
    ours = score(prediction, reference, spacing)
    for name, value in medpy_scores(prediction, reference, spacing).items():
        assert getattr(ours, name) == pytest.approx(value, rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize("spacing", SPACINGS)
def test_random_blobs_score_as_in_medpy(spacing):
    for seed in range(25):
        assert_same_as_medpy(blob(seed), blob(1000 + 3 * seed), spacing)


def test_masks_at_every_face_of_the_array_score_as_in_medpy():
    for axis in range(3):
        for corner in (0, 9):
            start = [4, 4, 4]
            start[axis] = corner
            assert_same_as_medpy(cube(start, 3), cube((3, 4, 5), 4), (0.7, 0.9, 2.0))
    assert_same_as_medpy(np.ones((5, 4, 3), bool), cube((1, 1, 1), 1, (5, 4, 3)), (0.7, 0.9, 2.0))


def test_single_voxels_score_as_in_medpy():
    shape = (40, 40, 40)
    for corner in ((0, 0, 0), (39, 39, 39), (20, 3, 39)):
        assert_same_as_medpy(cube(corner, 1, shape), cube((5, 20, 7), 1, shape), (0.6836, 0.7113, 1.9371))


def test_the_larger_directed_percentile_is_that_of_monai():
    metrics = pytest.importorskip("monai.metrics")
    torch = pytest.importorskip("torch")
    for seed in range(1, 6):
        prediction, reference = blob(seed, (16, 14, 12)), blob(seed + 50, (16, 14, 12))
        prediction, reference = np.pad(prediction, 2), np.pad(reference, 2)  # MONAI's surface at an edge is another
        value = metrics.compute_hausdorff_distance(
            torch.tensor(prediction[None, None]), torch.tensor(reference[None, None]), percentile=95,
            spacing=(0.7, 0.9, 2.0),
        )  # fmt: skip
        assert score(prediction, reference, (0.7, 0.9, 2.0)).hd95_max_mm == pytest.approx(float(value), abs=1e-4)


def test_a_real_left_atrium_scores_as_in_medpy():
    root = Path(os.environ.get("SEMIVOX_DATA", Path(__file__).parents[3] / "shared" / "data"))
    folder = root / "left-atrium" / "labelsTr"
    if not folder.is_dir():
        pytest.skip(f"no left-atrium data set; set SEMIVOX_DATA to the folder that holds it ({root} does not)")
    volume = read_label(sorted(folder.glob("*.nii.gz"))[0])
    reference = volume.array[0, ::3, ::3, ::2] > 0
    prediction = np.roll(reference, (2, -1, 1), (0, 1, 2)) & ~np.roll(reference, (9, 9, 0), (0, 1, 2))
    assert_same_as_medpy(prediction, reference, tuple(np.multiply(volume.spacing, (3, 3, 2))))
