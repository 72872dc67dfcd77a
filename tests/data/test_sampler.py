"""Laws of where patches come from."""

from collections import Counter

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.data.batches.sampler import LABELED, UNLABELED, PatchSampler, by_class, valid_corners

SHAPES = ((20, 18, 12), (9, 18, 12), (25, 16, 40), (16, 16, 10), (30, 30, 30))
PATCH = (16, 16, 10)


def sampler(per_step=2, stream=LABELED, shapes=SHAPES, **options):
    return PatchSampler(shapes, PATCH, per_step, stream, **options)


@pytest.mark.parametrize(("per_step", "world"), [(1, 1), (2, 1), (2, 3), (7, 2)])
def test_each_case_comes_once_before_any_comes_twice(per_step, world):
    draws = sampler(per_step)
    order = [one.case for step in range(30) for rank in range(world) for one in draws(3, step, rank, world)]
    for start in range(0, len(order) - len(SHAPES) + 1, len(SHAPES)):
        assert sorted(order[start : start + len(SHAPES)]) == list(range(len(SHAPES)))


def test_ranks_share_the_patches_of_one_process_with_the_larger_batch():
    together = [one for step in range(6) for one in sampler(4)(3, step)]
    shared = [one for step in range(6) for rank in range(2) for one in sampler(2)(3, step, rank, 2)]
    assert together == shared
    assert len({one.seed for one in together}) == len(together)


def test_a_step_is_a_function_of_seed_and_step():
    assert sampler()(3, 17) == sampler()(3, 17)
    assert sampler()(3, 17) != sampler()(4, 17)
    assert sampler()(3, 17) != sampler()(3, 18)
    assert sampler()(3, 17) != sampler(stream=UNLABELED)(3, 17)


def test_epochs_differ_in_order():
    orders = {tuple(one.case for one in sampler(len(SHAPES))(3, epoch)) for epoch in range(8)}
    assert len(orders) > 1


def test_corners_reach_from_the_first_to_the_last_valid_one_equally_often():
    draws = sampler(50, shapes=((20, 18, 12),))
    corners = np.array([one.corner for step in range(60) for one in draws(0, step)])
    for axis, last in enumerate((4, 2, 2)):
        counts = Counter(corners[:, axis].tolist())
        assert set(counts) == set(range(last + 1))
        assert min(counts.values()) > 0.8 * len(corners) / (last + 1)


def test_a_scan_smaller_than_the_patch_is_centered():
    lowest, highest = valid_corners((9, 16, 30), PATCH)
    assert lowest.tolist() == [-3, 0, 0]  # 7 voxels of padding: 3 before, 4 after
    assert highest.tolist() == [-3, 0, 20]


def test_foreground_patches_hold_their_class_in_the_middle_half():
    rows = np.array([[1, 50, 50, 50]] * 99 + [[2, 30, 40, 20]], np.int32)
    draws = sampler(100, shapes=((100, 100, 100),), foreground=lambda case: by_class(rows), probability=1.0)
    hits = Counter()
    for one in (one for step in range(5) for one in draws(0, step)):
        for index, voxel in ((1, (50, 50, 50)), (2, (30, 40, 20))):
            within = np.array(voxel) - one.corner
            if all(size // 4 <= place < -(-3 * size // 4) for size, place in zip(PATCH, within)):
                hits[index] += 1
    assert sum(hits.values()) == 500
    assert 200 < hits[2] < 300, "classes are equally likely, however many voxels they have"


def test_foreground_at_the_border_gives_a_patch_inside_the_scan():
    rows = np.array([[1, 0, 0, 0], [1, 19, 17, 11]], np.int32)
    draws = sampler(20, shapes=((20, 18, 12),), foreground=lambda case: by_class(rows), probability=1.0)
    assert {one.corner for one in draws(0, 0)} == {(0, 0, 0), (4, 2, 2)}


def test_about_half_the_patches_are_on_foreground_when_half_shall_be():
    rows = np.array([[1, 50, 50, 50]], np.int32)
    draws = sampler(400, shapes=((1000, 1000, 1000),), foreground=lambda case: by_class(rows), probability=0.5)
    near = sum(np.abs(np.array(one.corner) - 50).max() < 20 for one in draws(0, 0))
    assert 160 < near < 240


def test_a_case_without_foreground_is_sampled_anywhere():
    draws = sampler(3, shapes=((20, 18, 12),), foreground=lambda case: by_class(None), probability=1.0)
    assert len(draws(0, 0)) == 3


def test_asking_for_patches_of_no_scan_is_an_error_that_says_so():
    with pytest.raises(InputError, match="2 unlabeled patches, but the split has no unlabeled scan"):
        sampler(2, UNLABELED, shapes=())
    assert sampler(0, UNLABELED, shapes=())(0, 5) == ()


@pytest.mark.parametrize(("last_corner", "highest"), [(True, 3), (False, 2)])
def test_the_last_position_is_drawn_unless_the_published_left_atrium_code_is_followed(last_corner, highest):
    """Sizes 11, 8 and 5 with a patch of 8: positions 0 to 3, the only one, and the centered one."""
    sampler = PatchSampler(((11, 8, 5),), (8, 8, 8), 1, UNLABELED, last_corner=last_corner)
    corners = np.array([sampler(1, step)[0].corner for step in range(200)])
    assert set(corners[:, 0]) == set(range(highest + 1))
    assert set(corners[:, 1]) == {0}
    assert set(corners[:, 2]) == {-1}
