"""A prediction stands where the scan stands, in the label values of the data set."""

import math

import numpy as np
import pytest
import torch

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.core.plan import Intensity
from semivox.data.formats.volume import from_array, read, to_source
from semivox.data.measurements import facts
from semivox.inference.predictor import ScanPredictor

from .conftest import VALUES, bands

ORIENTATIONS = ["RAS", "LPS", "PIR", "ASL"]


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def blurred(image):
    """Probabilities that are nowhere 0 or 1 and differ by place."""
    index = image[:, :1]
    logits = torch.cat([1 - index, index, 2 * (index - 1)], 1) + torch.linspace(0, 1, image.shape[-1])
    return logits.softmax(1)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 1.1, 2.5)])
def test_on_the_plans_own_spacing_the_scan_comes_back_exactly(scan, make_plan, orientation, spacing):
    volume, array = scan(orientation, spacing)
    prediction = ScanPredictor(make_plan(spacing=volume.spacing), bands)(volume)
    np.testing.assert_array_equal(prediction.label, np.array(VALUES)[array.astype(int)])
    assert prediction.label.dtype == np.uint16
    assert prediction.probabilities is prediction.entropy is prediction.disagreement is None


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("spacing", [(0.6, 0.7, 0.9), (1.4, 0.5, 0.8)])
def test_there_and_back_over_another_spacing_a_ball_stays_where_it_was(scan, make_plan, orientation, spacing):
    volume, array = scan(orientation, spacing, shape=(44, 48, 40))
    label = ScanPredictor(make_plan(spacing=(0.9, 0.8, 0.7)), bands)(volume).label
    assert label.shape == array.shape
    assert dice(label > 0, array > 0) > 0.97
    moved = [np.roll(label > 0, step, axis) for axis in range(3) for step in (-1, 1)]
    assert all(dice(label > 0, array > 0) > dice(other, array > 0) for other in moved)  # not even a voxel off


def test_maps_are_those_of_the_whole_scan_at_once(scan, make_plan):
    volume, _ = scan("LPS", (1.0, 1.2, 0.9))
    plan = make_plan(spacing=volume.spacing, patch=(32, 30, 28))
    names = ("probabilities", "entropy", "disagreement")
    result = ScanPredictor(plan, blurred, other=bands)(volume, names)
    image = torch.from_numpy(volume.array)[None].float()
    p, q = blurred(image)[0], bands(image)[0]
    np.testing.assert_allclose(result.probabilities, to_source(p.numpy(), volume), atol=1e-6)
    np.testing.assert_allclose(result.entropy, to_source(-(p * p.log()).sum(0).numpy(), volume), atol=1e-5)
    np.testing.assert_allclose(result.disagreement, to_source((p - q).abs().sum(0).numpy() / 2, volume), atol=1e-6)
    np.testing.assert_array_equal(result.label, np.array(VALUES)[result.probabilities.argmax(0)])


def test_maps_after_resampling_are_consistent_with_the_label(scan, make_plan):
    volume, _ = scan("PIR", (0.8, 1.2, 2.0))
    result = ScanPredictor(make_plan(), blurred, overlap=0.25)(volume, ("probabilities", "entropy"))
    assert result.probabilities.shape == (3, *volume.source.shape)
    np.testing.assert_allclose(result.probabilities.sum(0), 1, atol=1e-5)
    assert 0 < result.entropy.min() <= result.entropy.max() <= math.log(3) + 1e-5
    np.testing.assert_array_equal(result.label, np.array(VALUES)[result.probabilities.argmax(0)])


def test_slabs_give_what_one_window_gives(scan, make_plan):
    volume, _ = scan("RAS", (0.8, 1.2, 1.0))
    small = ScanPredictor(make_plan(patch=(4, 6, 8)), bands)(volume, ("probabilities",))
    large = ScanPredictor(make_plan(patch=(64, 64, 64)), bands)(volume, ("probabilities",))
    np.testing.assert_allclose(small.probabilities, large.probabilities, atol=1e-5)


def test_mirroring_leaves_an_equivariant_network_alone(scan, make_plan):
    volume, _ = scan("RAS", (0.8, 1.2, 1.0))
    plain, mirrored = (ScanPredictor(make_plan(), bands, mirror=on)(volume).label for on in (False, True))
    np.testing.assert_array_equal(plain, mirrored)


def test_only_the_largest_piece_is_kept_if_wanted(scan, make_plan):
    volume, _ = scan()
    volume.array[0, :2, :2, :2] = 1
    plan = make_plan(spacing=volume.spacing)
    kept, cleaned = (ScanPredictor(plan, bands, largest_component=on)(volume).label for on in (False, True))
    assert kept[0, 0, 0] == VALUES[1]
    assert cleaned[0, 0, 0] == 0
    np.testing.assert_array_equal(kept[4:], cleaned[4:])


def test_small_values_are_written_as_bytes_and_a_tie_is_background(scan, make_plan):
    volume, _ = scan()
    plan = make_plan(values=(0, 255))
    prediction = ScanPredictor(plan, lambda x: torch.full((len(x), 2, *x.shape[2:]), 0.5))(volume)
    assert prediction.label.dtype == np.uint8
    assert not prediction.label.any()


def test_what_cannot_work_is_said(scan, make_plan):
    volume, _ = scan()
    with pytest.raises(InputError, match="channel"):
        ScanPredictor(make_plan(channels=2), bands)(volume)
    with pytest.raises(InputError, match="second network"):
        ScanPredictor(make_plan(), bands)(volume, ("disagreement",))
    with pytest.raises(InputError, match="there is no map 'entrpy'"):
        ScanPredictor(make_plan(), bands)(volume, ("entrpy",))
    with pytest.raises(InputError, match="classes"):
        ScanPredictor(make_plan(values=(0, 1)), bands)(volume)
    with pytest.raises(InputError, match="between 0 and 65535"):
        ScanPredictor(make_plan(values=(0, -1, 2)), bands)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_an_output_that_is_not_finite_is_no_label(scan, make_plan, number):
    """As of an exported model whose weights are damaged: a label of all background would look like an answer."""
    volume, _ = scan()
    with pytest.raises(InputError, match="output is not finite"):
        ScanPredictor(make_plan(), lambda image: bands(image) * number)(volume)


def test_an_experts_label_survives_the_way_there_and_back(data, make_plan):
    """Used as an image, each real label must come back as itself over a grid of finer and of coarser voxels."""
    paths = sorted((data / "hippocampus" / "labelsTr").glob("[!.]*.nii.gz"))[:3]
    if not paths:
        pytest.skip(f"no hippocampus labels under {data}")
    for path in paths:
        volume = read([path])
        expected = to_source(volume.array[0], volume)
        for spacing, least in (((0.7, 0.8, 0.6), 0.99), ((1.25, 1.25, 1.25), 0.90)):
            label = ScanPredictor(make_plan(spacing=spacing, patch=(32, 32, 32), values=(0, 1, 2)), bands)(volume).label
            assert dice(label > 0, expected > 0) > least


def test_the_expected_dice_is_that_of_the_whole_scans_probabilities(scan, make_plan):
    volume, _ = scan("LPS", (1.0, 1.2, 0.9))
    plan = make_plan(spacing=volume.spacing, patch=(32, 30, 28))
    result = ScanPredictor(plan, blurred)(volume, ("probabilities",))
    index = result.probabilities.argmax(0)
    for k in range(3):
        mask, p = index == k, result.probabilities[k].astype(np.float64)
        wanted = 2 * p[mask].sum() / (p.sum() + mask.sum()) if mask.any() else None
        assert result.expected_dice[k] == pytest.approx(wanted, abs=1e-6)
    assert sum(value is not None for value in result.expected_dice) >= 2


def test_a_scan_unlike_those_of_training_is_told(scan, make_plan):
    volume, _ = scan("RAS", (1.0, 1.0, 1.0))
    plan = make_plan(spacing=volume.spacing)
    known = facts("seen", volume, None)
    trained = plan.model_copy(update={"fingerprint": plan.fingerprint.model_copy(update={"cases": (known,)})})
    assert ScanPredictor(trained, bands)(volume).unlike == ()
    assert ScanPredictor(plan, bands)(volume).unlike == ()  # nothing is known of what it was trained on

    def said(array, grid):
        return ScanPredictor(trained, bands)(from_array(array, grid, "scan")).unlike

    brighter = said(volume.array * 40 + 300, volume.source)
    assert len(brighter) == 1
    assert "mean intensity is" in brighter[0]
    free = trained.model_copy(update={"intensity": (Intensity(scheme="zscore"),)})
    bright = from_array(volume.array * 40, volume.source, "scan")  # zeros stay: they are taken for surroundings
    assert ScanPredictor(free, bands)(bright).unlike == ()  # each scan's own mean and spread: the scale is of no matter
    spike = bright.array.copy()
    spike[0, :1] = spike.max() * 9
    (odd,) = ScanPredictor(free, bands)(from_array(spike, volume.source, "scan")).unlike
    assert "spreads from the mean" in odd
    coarse = said(volume.array, Grid(volume.source.shape, np.diag([1.0, 1.0, 3.0, 1.0])))
    assert any("voxels are 3 mm along z, those of the training scans 1 mm" in line for line in coarse)
    assert any("field of view" in line for line in coarse)
