"""The shape model gives back what training showed, wherever and however large, and misses what it did not show."""

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.evaluation.shape_model import ShapeModel, pose_of

SPACING = (1.0, 1.0, 1.0)


def ellipsoid(radii, shape=(44, 44, 44), center=(22, 22, 22), spacing=SPACING):
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).astype(float)
    far = [((g - c) * s / r) ** 2 for g, c, s, r in zip(grid, center, spacing, radii)]
    return sum(far) < 1


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    masks = [ellipsoid((9 + rng.uniform(-3, 3), 9, 9)) for _ in range(12)]
    return ShapeModel.fit(masks, [SPACING] * 12)


def test_pose_is_center_and_cube_root_of_the_volume_in_mm():
    mask = np.zeros((10, 10, 10), bool)
    mask[2:4, 4:8, 5:6] = True
    pose = pose_of(mask, (1.0, 0.5, 2.0))
    assert pose.center == pytest.approx([2.5, 2.75, 10.0])
    assert pose.size == pytest.approx(8 ** (1 / 3))


def test_one_way_of_varying_needs_one_component(model):
    assert len(model.components) == 1
    np.testing.assert_allclose(model.components @ model.components.T, np.eye(1), atol=1e-5)


def test_a_shape_like_those_of_training_comes_back(model):
    for mask in (ellipsoid((8.0, 9, 9)), ellipsoid((11.0, 9, 9))):
        assert model.deviation(mask, SPACING) <= 1.0
        again = model.reconstruct(mask, SPACING)
        assert 2 * (again & mask).sum() / (again.sum() + mask.sum()) > 0.95


def test_place_and_size_do_not_matter(model):
    moved = ellipsoid((8.0, 9, 9), center=(17, 25, 21))
    assert model.deviation(moved, SPACING) <= 1.0
    assert model.deviation(ellipsoid((12, 13.5, 13.5)), SPACING) <= 1.5


def test_voxel_size_does_not_matter(model):
    spacing = (1.0, 0.5, 2.0)
    mask = ellipsoid((8, 9, 9), shape=(40, 80, 22), center=(20, 40, 11), spacing=spacing)
    assert model.deviation(mask, spacing) <= 2.0  # the coarsest voxel edge


def test_what_training_never_showed_is_far_and_farther_the_odder_it_is(model):
    usual = ellipsoid((9, 9, 9))
    spur, long_spur = usual.copy(), usual.copy()
    spur[17:27, 17:27, 28:36] = True
    long_spur[17:27, 17:27, 28:43] = True
    scores = [model.deviation(mask, SPACING) for mask in (usual, spur, long_spur)]
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] > 4


def test_a_reconstruction_stays_within_what_is_common(model):
    """A rod is far beyond three standard deviations of balls that vary a little."""
    rod = ellipsoid((20, 4, 4))
    again = model.reconstruct(rod, SPACING)
    reach = np.flatnonzero(again.any((1, 2)))
    assert reach[-1] - reach[0] < 30
    assert model.deviation(rod, SPACING) > 4


def test_empty_masks_have_no_score_and_one_training_shape_is_the_mean():
    empty = np.zeros((20, 20, 20), bool)
    single = ShapeModel.fit([ellipsoid((8, 9, 9))], [SPACING])
    assert len(single.components) == 0
    assert single.deviation(ellipsoid((8, 9, 9)), SPACING) <= 1.0
    assert single.deviation(empty, SPACING) is None
    with pytest.raises(InputError, match="at least one"):
        ShapeModel.fit([empty], [SPACING])
