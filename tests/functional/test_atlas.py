"""The atlas: counted voxel by voxel, found again at any place, and moved with a patch that is moved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semivox.core.errors import InputError
from semivox.functional.atlas import LARGEST, sampled, values_at
from semivox.networks.atlas import Atlas

WHOLE = torch.eye(3, 4)[None]


def line(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, 1, -1)


def random_labels(classes: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, classes, shape).astype(np.uint8) for shape in ((6, 7, 8), (5, 9, 8), (6, 6, 11))]


def seen(atlas: Atlas, shape: tuple[int, int, int]) -> torch.Tensor:
    """(K, X, Y, Z): what the atlas says of a whole scan of this shape."""
    middle = torch.tensor([n // 2 for n in shape])
    place = torch.cat([torch.eye(3), -middle[:, None].float()], 1)[None]
    return atlas(place, torch.tensor([shape]).float(), shape)[0]


def built(labels: list[np.ndarray], alignment: str = "center", classes: int = 3) -> Atlas:
    atlas = Atlas(classes, alignment)
    atlas.learn(labels)
    return atlas


def test_two_lines_worked_out_by_hand():
    atlas = built([line(1, 1, 0, 0), line(0, 1, 1, 0)], classes=2)
    assert seen(atlas, (1, 1, 4))[1, 0, 0].tolist() == [0.5, 1, 0.5, 0]
    assert seen(atlas, (1, 1, 4))[0, 0, 0].tolist() == [0.5, 0, 0.5, 1]
    assert atlas.maps.shape == (1, 1, 1, 1, 3)  # background at the end takes no room


def test_centered_scans_lie_middle_on_middle():
    labels = random_labels()
    atlas = built(labels)
    for shape in ((6, 7, 8), (9, 9, 13)):
        found = seen(atlas, shape)
        for voxel in np.ndindex(shape):
            counts = np.zeros(3)
            for label in labels:
                there = [v - s // 2 + n // 2 for v, s, n in zip(voxel, shape, label.shape, strict=True)]
                within = all(0 <= t < n for t, n in zip(there, label.shape, strict=True))
                counts[label[tuple(there)] if within else 0] += 1
            torch.testing.assert_close(found[:, *voxel], torch.from_numpy(counts / 3).float(), atol=1e-5, rtol=0)


def test_registered_scans_lie_voxel_on_voxel():
    labels = [label[:6, :7, :8] for label in random_labels()]
    labels = [np.resize(label, (6, 7, 8)) for label in labels]
    assert torch.equal(seen(built(labels, "registered"), (6, 7, 8)), seen(built(labels), (6, 7, 8)))
    with pytest.raises(InputError, match=r"sizes of \(6, 7, 8\) and \(6, 7, 9\) voxels; register them before"):
        built([*labels, np.zeros((6, 7, 9), np.uint8)], "registered")


def test_stretched_scans_agree_when_they_show_the_same_at_another_size():
    small = np.random.default_rng(1).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    large = small.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    atlas = built([small, large], "resize")
    assert set(atlas.maps.unique().tolist()) == {0, 1}
    torch.testing.assert_close(seen(atlas, (12, 15, 18)).argmax(0), torch.from_numpy(large).long())
    centers = seen(atlas, (4, 5, 6))
    assert (centers.argmax(0) == torch.from_numpy(small)).all()


def test_probabilities_sum_to_one_and_unknown_voxels_count_neither_way():
    atlas = built([line(1, 1, 0, 0), line(255, 1, 2, 0), line(2, 255, 0, 0)])
    found = seen(atlas, (1, 1, 4))[:, 0, 0]
    torch.testing.assert_close(found[1], torch.tensor([0.5, 1, 0, 0]))
    torch.testing.assert_close(found[2], torch.tensor([0.5, 0, 1 / 3, 0]))
    torch.testing.assert_close(found.sum(0), torch.ones(4))


def test_nothing_drawn_is_background_everywhere():
    assert (seen(Atlas(3, "center"), (4, 4, 4))[0] == 1).all()
    assert (seen(built([np.zeros((4, 5, 6), np.uint8)]), (4, 5, 6))[0] == 1).all()
    assert (seen(built([np.full((4, 5, 6), 255, np.uint8)]), (4, 5, 6))[0] == 1).all()


def test_a_large_object_is_kept_at_fewer_positions():
    label = np.zeros((3, 4, 300), np.uint8)
    label[:, :, 20:290] = 1
    atlas = built([label], classes=2)
    assert max(atlas.maps.shape) <= LARGEST
    found = seen(atlas, (3, 4, 300))[1]
    assert (found[:, :, 20:288] > 0.9999).all()
    assert (found[:, :, :17] == 0).all()
    assert (found[:, :, 294:] == 0).all()
    assert built([label], "resize", 2).maps.shape == (1, 1, 3, 4, LARGEST)


@pytest.mark.parametrize("alignment", ["center", "resize"])
def test_turning_mirroring_and_cropping_a_patch_does_the_same_to_its_prior(alignment):
    atlas, shape = built(random_labels(), alignment), (6, 8, 10)
    whole = seen(atlas, shape)
    middle = torch.tensor([n // 2 for n in shape]).float()
    turn = torch.tensor([[0, 1, 0, 2], [-1, 0, 0, 6], [0, 0, -1, 7]]).float()  # x from y, y from -x, z mirrored
    place = turn.clone()
    place[:, 3] -= middle
    size = (4, 3, 5)
    found = atlas(place[None], torch.tensor([shape]).float(), size)[0]
    for voxel in np.ndindex(size):
        x, y, z = (turn @ torch.tensor([*voxel, 1.0])).int().tolist()
        torch.testing.assert_close(found[:, *voxel], whole[:, x, y, z], atol=1e-5, rtol=0)


def test_patches_of_a_batch_are_looked_up_each_at_its_own_place():
    atlas = built(random_labels())
    places = torch.cat([WHOLE, WHOLE * torch.tensor([1, 1, 1, 0.5]), WHOLE]) - torch.tensor([0, 0, 0, 2.0])
    extent = torch.full((3, 3), 8.0)
    together = atlas(places, extent, (4, 4, 4))
    for i in range(3):
        torch.testing.assert_close(together[[i]], atlas(places[[i]], extent[[i]], (4, 4, 4)))


def test_between_positions_is_interpolated_and_beyond_them_is_nothing():
    maps = torch.tensor([1.0, 3.0, 2.0]).reshape(1, 1, 1, 1, 3)
    half = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, -1.0]])[None]
    found = sampled(maps, half, (1, 1, 8))[0, 0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([0, 0.5, 1, 2, 3, 2.5, 2, 1]), atol=1e-5, rtol=0)


def test_voxels_beyond_a_scan_are_background():
    label = np.ones((2, 3, 4), np.uint8)
    values = values_at(label, [np.arange(-1, 3), np.arange(3), np.arange(-2, 5)])
    assert values.shape == (4, 3, 7)
    assert values.sum() == label.size
    assert (label == 1).all()


def test_a_fresh_atlas_takes_on_the_size_of_what_it_loads():
    atlas = built(random_labels())
    fresh = Atlas(3, "center")
    fresh.load_state_dict(atlas.state_dict(), strict=True)
    assert torch.equal(seen(fresh, (6, 7, 8)), seen(atlas, (6, 7, 8)))
    assert int(fresh.scans) == 3
