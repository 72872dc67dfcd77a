"""The numbers of the card, and laws of the choice: no overlap, a random part, no patient twice."""

import numpy as np
import pytest

from semivox.core.randomness import generator
from semivox.rounds.acquisition import Box, box_means, noisy, quota, score_maps, steepness, top_boxes


def test_entropy_and_class_weighted_entropy_of_three_voxels():
    p = np.array([(0.7, 0.2, 0.1), (0.34, 0.33, 0.33), (0.05, 0.9, 0.05)]).T.reshape(3, 3, 1, 1)
    maps = score_maps(p)[:, :, 0, 0]
    assert maps[0] == pytest.approx([0.801819, 1.098513, 0.394398], abs=1e-5)
    assert maps[1, 2] == pytest.approx(0.354958, abs=1e-5)
    assert maps[1, 0] == pytest.approx(0.160364, abs=1e-5)


def test_the_quota_of_twenty_for_three_classes():
    found = quota(20, 3, generator(1))
    counts = [found.count(index) for index in range(4)]
    assert counts[0] == 7
    assert sorted(counts[1:]) == [4, 4, 5]
    assert quota(3, 0, generator(1)) == [0, 0, 0]


def test_noise_falls_over_the_rounds():
    assert [steepness(done, 5) for done in range(6)] == pytest.approx([1, 3.1623, 10, 31.6228, 100, 100], abs=1e-4)
    scores = np.array([0.1, 0.2, 0.3])
    greedy = [int(np.argmax(noisy(scores, 100.0, generator(7, index)))) for index in range(200)]
    early = [int(np.argmax(noisy(scores, 1.0, generator(7, index)))) for index in range(2000)]
    assert set(greedy) == {2}
    shares = np.bincount(early, minlength=3) / 2000
    assert shares == pytest.approx(scores / scores.sum(), abs=0.04)  # Gumbel noise of scale 1 draws by the scores


def test_the_mean_of_a_box_is_the_mean_of_its_voxels():
    values = generator(3).random((7, 8, 9))
    means = box_means(values, (4, 3, 2))
    assert means.shape == (4, 6, 8)
    assert means[2, 3, 5] == pytest.approx(values[2:6, 3:6, 5:7].mean())


def test_top_boxes_overlap_neither_each_other_nor_what_is_taken():
    values = generator(4).random((12, 12, 12))
    taken = [Box((0, 0, 0), (6, 6, 6))]
    found = [box for box, _ in top_boxes(values, (5, 5, 5), 4, taken)]
    assert len(found) == 4
    boxes = [*found, *taken]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    means = [mean for _, mean in top_boxes(values, (5, 5, 5), 4)]
    assert means == sorted(means, reverse=True)


def test_a_scan_smaller_than_a_box_is_one_box():
    assert top_boxes(np.ones((3, 4, 5)), (8, 8, 4), 3) == [(Box((0, 0, 0), (3, 4, 4)), 1.0)]
