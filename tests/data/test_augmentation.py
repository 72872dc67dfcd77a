"""Laws of how patches are varied."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.data.augmentation import spatial
from semivox.data.augmentation.schemes import SETS, STANDARD, Augmentation, draw, find, require_allowed
from semivox.functional import intensity
from semivox.functional.views import Chance

PATCH = (16, 14, 12)
ALWAYS = Augmentation(
    rotation=Chance(probability=1, low=-30, high=30), scaling=Chance(probability=1, low=0.7, high=1.4)
)


def make_plan(patch=PATCH, mirror=(True, True, True), spacing=(1.0, 1.0, 1.0), channels=1):
    classes = tuple(ClassInfo(name=name, value=i) for i, name in enumerate(("background", "front", "back")))
    names = tuple(f"channel{i}" for i in range(channels))
    return Plan(
        dataset="d",
        classes=classes,
        channels=names,
        spacing=spacing,
        patch=patch,
        intensity=(Intensity(scheme="zscore"),) * channels,
        network=NetworkChoice(name="vnet"),
        steps=10,
        mirror=mirror,
        fingerprint=Fingerprint(dataset="d", channels=names, classes=classes, cases=()),
        reasons={},
    )


def seen(pose, scan, corner=(6, 5, 4), patch=PATCH, fill=0.0):
    """What a float scan (X, Y, Z) looks like through a pose."""
    box = spatial.window(pose, corner, patch, scan.shape)
    return spatial.transform(spatial.crop(scan[None], box, [fill]), None, pose, box, patch)[0][0].numpy()


@pytest.fixture
def scan():
    return ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(30, 26, 22)), 2).astype(np.float32) * 10


def test_the_same_seed_draws_the_same_and_others_differ():
    plan = make_plan(channels=2)
    drawn = [[repr(draw(STANDARD, plan, seed)) for seed in range(40)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 30


def test_each_thing_happens_as_often_as_its_probability():
    drawn = [draw(STANDARD, make_plan(), seed) for seed in range(1500)]
    resampled = np.mean([one.pose.matrix is not None for one in drawn])
    assert abs(resampled - (1 - 0.8 * 0.8)) < 0.05
    for kind in intensity.CHANGES:
        chance = getattr(STANDARD, kind)
        share = np.mean([any(change.kind == kind for change in one.changes) for one in drawn])
        assert abs(share - chance.probability * chance.channel) < 0.04, kind
        amounts = [change.amount for one in drawn for change in one.changes if change.kind == kind]
        assert chance.low <= min(amounts)
        assert max(amounts) <= chance.high
        if chance.center is not None:
            assert 0.35 < np.mean(np.array(amounts) < chance.center) < 0.65


@pytest.mark.parametrize("allowed", list(itertools.product((False, True), repeat=3)))
def test_only_allowed_axes_are_mirrored(allowed):
    drawn = [draw(STANDARD, make_plan(mirror=allowed), seed).pose.mirror for seed in range(60)]
    assert tuple(map(any, zip(*drawn, strict=True))) == allowed


def test_the_left_atrium_set_draws_four_reflections_twice_each_and_never_a_pure_rotation():
    base = np.arange(4 * 4 * 2, dtype=np.float32).reshape(4, 4, 2)
    plan = make_plan(patch=(4, 4, 2))
    poses = {draw(SETS["la"], plan, seed).pose for seed in range(200)}
    assert len(poses) == 8
    outputs = [seen(pose, base, (0, 0, 0), (4, 4, 2)).tobytes() for pose in poses]
    assert sorted(outputs.count(one) for one in set(outputs)) == [2, 2, 2, 2]
    rotations = {np.ascontiguousarray(np.rot90(base, k)).tobytes() for k in range(4)}
    assert not rotations & set(outputs)
    published = {np.flip(np.rot90(base, k), axis).tobytes() for k in range(4) for axis in (0, 1)}
    assert set(outputs) == published


def test_the_complete_left_atrium_set_draws_all_eight_orientations_and_leaves_z_alone():
    base = np.arange(4 * 4 * 2, dtype=np.float32).reshape(4, 4, 2)
    drawn = [draw(SETS["la_all"], make_plan(patch=(4, 4, 2)), seed) for seed in range(300)]
    outputs = [seen(one.pose, base, (0, 0, 0), (4, 4, 2)) for one in drawn]
    assert len({one.tobytes() for one in outputs}) == 8
    assert any(np.array_equal(one, base) for one in outputs)
    assert all(one[..., 0].max() % 2 == 0 for one in outputs)


def reflecting(name, mirror):
    return make_plan(mirror=mirror).model_copy(update={"augmentation": name})


def test_a_set_that_always_reflects_refuses_a_plan_whose_sides_are_classes():
    for name in ("la", "la_bright"):
        with pytest.raises(InputError, match=rf"{name}.*forbids to mirror them along x .*train\.augmentation=standard"):
            require_allowed(reflecting(name, (False, True, True)))
        require_allowed(reflecting(name, (True, True, False)))
    require_allowed(reflecting("la_all", (False, False, True)))


def test_an_unknown_set_is_an_error_that_lists_the_sets():
    with pytest.raises(InputError, match="none, light, standard"):
        find("strong")


def test_nothing_drawn_changes_nothing(scan):
    parameters = draw(SETS["none"], make_plan(), 5)
    assert np.array_equal(seen(parameters.pose, scan), scan[6:22, 5:19, 4:16])
    assert parameters.changes == ()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.0, 2.0)])
def test_resampling_is_the_slow_way_of_looking_up_every_voxel(scan, seed, spacing):
    pose = draw(ALWAYS, make_plan(spacing=spacing), seed).pose
    offsets = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in PATCH), indexing="ij"))
    center = np.array((6, 5, 4)) + (np.array(PATCH) - 1) / 2
    places = np.einsum("ij,jxyz->ixyz", pose.matrix, offsets) + center[:, None, None, None]
    wide = np.pad(scan, 20, constant_values=-3)
    expected = ndimage.map_coordinates(wide, places + 20, order=1)
    np.testing.assert_allclose(seen(pose, scan, fill=-3), expected, atol=1e-3)


def test_a_rotation_keeps_lengths_in_mm_and_a_scaling_multiplies_them():
    spacing = np.array((0.5, 1.0, 3.0))
    offset = np.array((3.0, -2.0, 4.0))
    for scale in (1.0, 1.3):
        matrix = spatial.rotation_scaling((20, -30, 10), (scale,) * 3, (0.5, 1.0, 3.0))
        assert np.isclose(np.linalg.norm(matrix @ offset * spacing), scale * np.linalg.norm(offset * spacing))
    assert np.isclose(np.linalg.det(spatial.rotation_scaling((20, -30, 10), (1.0,) * 3, (1.0,) * 3)), 1)


def test_patches_with_few_slices_turn_about_the_coarse_axis_only():
    plan = make_plan(patch=(40, 40, 10))
    matrices = [draw(ALWAYS, plan, seed).pose.matrix for seed in range(30)]
    for matrix in matrices:
        np.testing.assert_allclose(matrix[2], (0, 0, 1), atol=1e-12)
        np.testing.assert_allclose(matrix[:, 2], (0, 0, 1), atol=1e-12)
    assert any(matrix[0, 0] < -0.3 for matrix in matrices), "in plane any angle occurs"
    values = torch.randn(20, 20, 5)
    coarse = intensity.low_resolution(values, 0.5)
    assert torch.allclose(coarse[..., 2], intensity.low_resolution(values[..., 2:3], 0.5)[..., 0], atol=1e-6)


def test_labels_and_images_move_together(scan):
    """An image that is the label itself, seen through any pose, still says what the label says."""
    label = np.digitize(scan, (-0.5, 0.8)).astype(np.uint8)
    everything = ALWAYS.model_copy(update={"mirror": (0.5, 0.5, 0.5), "turn": "quarter"})
    for seed in range(12):
        pose = draw(everything, make_plan(), seed).pose
        box = spatial.window(pose, (6, 5, 4), PATCH, scan.shape)
        shares = np.stack([label == value for value in range(3)]).astype(np.float32)
        image = spatial.crop(shares, box, (0, 0, 0))
        cut = spatial.crop(label[None], box, (255,))[0]
        seen_shares, seen_label = spatial.transform(image, cut, pose, box, PATCH)
        known = (seen_label != 255) & (seen_shares.topk(2, 0).values.diff(dim=0).abs()[0] > 1e-4)
        assert known.float().mean() > 0.3
        assert torch.equal(seen_shares.argmax(0)[known], seen_label.long()[known])
        outside = 1 - seen_shares.sum(0) - seen_shares.amax(0)  # beyond the scan wins only where it is the most
        assert torch.all(outside[seen_label == 255] > -1e-4)


def test_with_many_label_values_the_nearest_voxel_decides(scan):
    label = np.digitize(scan, np.linspace(-2, 2, 40)).astype(np.uint8)
    pose = spatial.PatchPose(spatial.rotation_scaling((0, 0, 0), (0.5,) * 3, (1.0,) * 3))
    box = spatial.window(pose, (6, 5, 4), PATCH, scan.shape)
    image, cut = spatial.crop(scan[None], box, (0,)), spatial.crop(label[None], box, (255,))[0]
    assert len(cut.unique()) > spatial.LINEAR_LABELS
    seen_label = spatial.transform(image, cut, pose, box, PATCH)[1].numpy()
    centers = [np.rint(np.arange(n) * 0.5 + c + (n - 1) / 4).astype(int) for n, c in zip(PATCH, (6, 5, 4))]
    assert np.array_equal(seen_label, label[np.ix_(*centers)])


def test_quarter_turns_of_an_oblong_patch_read_the_turned_box(scan):
    patch = (16, 10, 12)
    turned = seen(spatial.PatchPose(turns=1), scan, (6, 5, 4), patch)
    assert turned.shape == patch
    assert np.array_equal(turned, np.rot90(scan[9:19, 2:18, 4:16]))


def test_the_window_of_a_resampled_patch_ends_just_outside_the_scan():
    pose = spatial.PatchPose(spatial.rotation_scaling((30, 30, 30), (1.4,) * 3, (1.0,) * 3))
    box = spatial.window(pose, (-3, 0, 0), (16, 10, 12), (9, 10, 30))
    assert box.corner[:2] == (-1, -1)
    assert box.shape[:2] == (11, 12)


def test_blur_is_the_gaussian_of_scipy(scan):
    expected = ndimage.gaussian_filter(scan, 0.8, mode="nearest", radius=3)
    np.testing.assert_allclose(intensity.blur(torch.from_numpy(scan), 0.8).numpy(), expected, atol=1e-4)


def test_contrast_keeps_range_and_gamma_keeps_statistics(scan):
    values = torch.from_numpy(scan)
    for factor in (0.75, 1.25):
        result = intensity.contrast(values, factor)
        assert result.min() >= values.min()
        assert result.max() <= values.max()
    assert intensity.contrast(values, 0.75).std() < values.std() < intensity.contrast(values, 1.25).std()
    for function in (intensity.gamma, intensity.inverted_gamma):
        result = function(values, 1.4)
        assert torch.isclose(result.mean(), values.mean(), atol=1e-4)
        assert torch.isclose(result.std(), values.std(), rtol=1e-4)
        assert result.flatten()[values.flatten().argsort()].diff().min() > -1e-5, "the order of values is kept"
    assert torch.allclose(intensity.inverted_gamma(values, 1.4), -intensity.gamma(-values, 1.4))


def test_noise_has_the_drawn_deviation_and_repeats_with_its_seed():
    values = torch.zeros(30, 30, 30)
    assert torch.equal(intensity.noise(values, 0.1, 3), intensity.noise(values, 0.1, 3))
    assert abs(intensity.noise(values, 0.1, 3).std() - 0.1) < 0.003
    assert not torch.equal(intensity.noise(values, 0.1, 3), intensity.noise(values, 0.1, 4))


@pytest.mark.parametrize("kind", sorted(intensity.CHANGES))
def test_every_change_survives_a_constant_patch_and_touches_its_channel_only(kind):
    image = torch.stack([torch.full((8, 8, 8), 2.0), torch.randn(8, 8, 8), torch.randn(8, 8, 8)])
    before = image.clone()
    amount = 0.7
    changes = [intensity.Change(kind, channel, amount, 1) for channel in (0, 1)]
    after = intensity.apply(image, changes)
    assert torch.isfinite(after).all()
    assert not torch.equal(after[1], before[1])
    assert torch.equal(after[2], before[2])
