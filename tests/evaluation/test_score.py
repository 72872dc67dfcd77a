"""The scores of a case: numbers worked out by hand, what empty masks mean, classes, and voxels to be ignored."""

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.score import score, score_classes

from .masks import UNIT, blob, cube

DISTANCES = [name for name, metric in METRICS.items() if metric.kind == "distance"]


@pytest.mark.parametrize(
    ("shift", "dice", "jaccard", "hd95", "asd"), [(1, 2 / 3, 1 / 2, 1, 10 / 26), (2, 1 / 3, 0.2, 2, 1)]
)
def test_a_cube_of_3_and_its_shifted_self(shift, dice, jaccard, hd95, asd):
    result = score(cube((3, 3, 3), 3), cube((3 + shift, 3, 3), 3), UNIT)
    assert (result.dice, result.jaccard) == (pytest.approx(dice), pytest.approx(jaccard))
    assert (result.hd95_mm, result.asd_mm) == (pytest.approx(hd95), pytest.approx(asd))


@pytest.mark.parametrize(
    ("shift", "spacing", "jaccard", "hd95"), [(1, 1.0, 2 / 3, 1), (2, 1.0, 3 / 7, 2), (2, 2.0, 3 / 7, 4)]
)
def test_a_cube_of_5_and_its_shifted_self(shift, spacing, jaccard, hd95):
    shape = (20, 20, 20)
    result = score(cube((5, 5, 5), 5, shape), cube((5 + shift, 5, 5), 5, shape), (spacing,) * 3)
    assert result.jaccard == pytest.approx(jaccard)
    assert result.hd95_mm == pytest.approx(hd95)


def test_one_voxel_of_two_found():
    reference = cube((2, 2, 2), 1) | cube((9, 2, 2), 1)
    result = score(cube((2, 2, 2), 1), reference, UNIT)
    assert result.dice == pytest.approx(2 / 3)
    assert result.asd_mm == 0
    assert result.assd_mm == pytest.approx(7 / 3)
    assert result.hd95_mm == pytest.approx(6.3)
    assert result.nsd_1mm == pytest.approx(2 / 3)


def test_a_cube_inside_a_cube():
    inner, outer = cube((3, 3, 3), 3), cube((2, 2, 2), 5)
    result = score(inner, outer, UNIT)
    assert result.dice == pytest.approx(0.355263, abs=1e-6)
    assert result.jaccard == pytest.approx(0.216)
    assert result.asd_mm == 1
    assert result.assd_mm == pytest.approx(1.167485, abs=1e-6)
    assert result.hd95_mm == pytest.approx(np.sqrt(3))
    assert result.nsd_1mm == pytest.approx((26 + 6 * 9) / (26 + 98))
    assert score(inner, outer, (0.625,) * 3).hd95_mm == pytest.approx(1.082532, abs=1e-6)


def test_a_line_of_20_voxels_and_one_3_longer_tell_the_two_hd95_apart():
    line, longer = np.zeros((30, 3, 3), bool), np.zeros((30, 3, 3), bool)
    line[2:22, 1, 1] = True
    longer[2:25, 1, 1] = True
    result = score(line, longer, UNIT)
    assert result.hd95_mm == pytest.approx(0.9)
    assert result.hd95_max_mm == pytest.approx(1.9)


def test_volumes_are_in_milliliters_and_their_error_has_a_sign():
    small, large = cube((1, 1, 1), 5), cube((1, 1, 1), 10)
    result = score(small, large, (2.0, 1.0, 0.5))
    assert (result.prediction_ml, result.reference_ml) == (0.125, 1.0)
    assert result.volume_error_ml == -0.875
    assert score(large, small, (2.0, 1.0, 0.5)).volume_error_ml == 0.875


def test_a_perfect_prediction():
    mask = blob(3)
    result = score(mask, mask, (0.7, 0.7, 2.0))
    assert (result.dice, result.jaccard, result.nsd_1mm, result.empty) == (1, 1, 1, "neither")
    assert all(getattr(result, name) == 0 for name in (*DISTANCES, "volume_error_ml"))


@pytest.mark.parametrize("missing", ["prediction", "reference"])
def test_a_missed_object_has_dice_0_and_no_distance(missing):
    some, none = cube((3, 3, 3), 3), np.zeros((12, 12, 12), bool)
    result = score(none, some, UNIT) if missing == "prediction" else score(some, none, UNIT)
    assert result.empty == missing
    assert (result.dice, result.jaccard, result.nsd_1mm) == (0, 0, 0)
    assert all(getattr(result, name) is None for name in DISTANCES)
    assert result.volume_error_ml == pytest.approx(0.027 if missing == "reference" else -0.027)


def test_two_empty_masks_are_not_scored():
    none = np.zeros((4, 4, 4), bool)
    result = score(none, none, UNIT)
    assert result.empty == "both"
    assert all(getattr(result, name) is None for name in METRICS)


def test_classes_are_scored_as_their_masks_are():
    rng = np.random.default_rng(0)
    prediction, reference = (rng.integers(0, 5, (12, 9, 11)).astype(np.uint8) for _ in range(2))
    spacing = (0.8, 1.1, 2.5)
    values = [4, 1, 2, 9]
    expected = [score(prediction == value, reference == value, spacing) for value in values]
    assert score_classes(prediction, reference, spacing, values) == expected
    assert expected[-1].empty == "both"


def test_label_values_may_be_large_or_negative():
    prediction, reference = blob(1).astype(np.int32), blob(2).astype(np.int32)
    expected = score(prediction == 1, reference == 1, UNIT)
    for value in (255, 1000, 100_000, -1):
        assert score_classes(prediction * value, reference * value, UNIT, [value]) == [expected]


def test_ignored_voxels_belong_to_neither_mask():
    prediction, reference = blob(4).astype(np.uint8), blob(5).astype(np.uint8)
    unknown = blob(6)
    reference[unknown] = 255
    expected = score((prediction == 1) & ~unknown, (reference == 1) & ~unknown, UNIT)
    assert score_classes(prediction, reference, UNIT, [1], ignore=255) == [expected]


def test_a_class_predicted_only_where_ignored_is_absent():
    reference = np.zeros((6, 6, 6), np.uint8)
    reference[:3] = 255
    prediction = (reference == 255).astype(np.uint8)
    assert score_classes(prediction, reference, UNIT, [1], ignore=255)[0].empty == "both"


@pytest.mark.parametrize(
    ("prediction", "spacing", "words"),
    [
        (np.zeros((4, 4, 5), np.uint8), UNIT, "shape"),
        (np.zeros((4, 4, 4), np.float32), UNIT, "integers"),
        (np.zeros((4, 4, 4), np.uint8), (1.0, 1.0, 0.0), "spacing"),
        (np.zeros((4, 4, 4), np.uint8), (1.0, float("nan"), 1.0), "spacing"),
        (np.zeros((4, 4, 4), np.uint8), (1.0, 1.0), "spacing"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(prediction, spacing, words):
    with pytest.raises(InputError, match=words):
        score_classes(prediction, np.zeros((4, 4, 4), np.uint8), spacing, [1])


def test_a_class_cannot_be_ignored_and_scored():
    labels = np.zeros((4, 4, 4), np.uint8)
    with pytest.raises(InputError, match="ignored and scored"):
        score_classes(labels, labels, UNIT, [1, 255], ignore=255)
