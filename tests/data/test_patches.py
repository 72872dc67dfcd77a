"""Laws of the batches that training sees."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch

from semivox.core.batch import Batch
from semivox.core.errors import InputError
from semivox.core.split import TrainingSplit
from semivox.data.augmentation.schemes import SETS, Augmentation
from semivox.data.batches.loading import loader
from semivox.data.batches.patches import Patches
from semivox.functional.views import Chance
from tests.data.memory_store import PATCH, SPLIT, MemoryStore, equal, make, make_plan


class BrokenStore(MemoryStore):
    """A store whose scan ``v`` cannot be read."""

    def case(self, name, label):
        if name == "v":
            raise OSError("no space in the magnet")
        return super().case(name, label)


def signed_share(label, spacing, classes):
    """A target function: two maps."""
    return np.stack([label == 1, (label == classes - 1) * spacing[2]])


@pytest.mark.parametrize(("labeled", "unlabeled", "channels"), [(2, 2, 1), (1, 3, 2), (2, 0, 1)])
def test_a_batch_has_the_labeled_patches_first_and_labels_for_them_alone(labeled, unlabeled, channels):
    store = MemoryStore(channels=channels)
    patches = make(store, make_plan(channels=channels), labeled=labeled, unlabeled=unlabeled)
    assert len(patches) == 12
    batch = patches[3]
    assert batch.image.shape == (labeled + unlabeled, channels, *PATCH)
    assert batch.label.shape == (labeled, *PATCH)
    assert (batch.image.dtype, batch.label.dtype) == (torch.float32, torch.int64)
    assert set(batch.cases[:labeled]) <= set(SPLIT.labeled)
    assert set(batch.cases[labeled:]) <= set(SPLIT.unlabeled)
    assert torch.isfinite(batch.image).all()
    assert batch.image.is_contiguous()
    assert set(batch.label.unique().tolist()) <= {0, 1, 2}


def test_labels_of_unlabeled_scans_are_never_asked_for_and_poisoning_them_changes_nothing():
    store, poisoned = MemoryStore(), MemoryStore()
    for name in SPLIT.unlabeled:
        case = poisoned.cases[name]
        poisoned.cases[name] = dataclasses.replace(case, label=1 - case.label % 2, foreground=case.foreground[::-1])
    assert all(equal(make(store)[step], make(poisoned)[step]) for step in range(6))
    assert store.asked == set(SPLIT.labeled)


def test_leaving_out_the_unlabeled_patches_leaves_the_labeled_ones_as_they_are():
    twin, both = make(unlabeled=0), make()
    for step in range(6):
        assert torch.equal(twin[step].image, both[step].image[:2])
        assert torch.equal(twin[step].label, both[step].label)


def test_any_step_can_be_asked_for_alone_in_any_order_and_again():
    whole = [make()[step] for step in range(8)]
    patches = make()
    assert all(equal(patches[step], whole[step]) for step in (5, 0, 7, 5, 3))
    assert not equal(whole[0], whole[1])
    assert not equal(whole[0], make(seed=8)[0])


def test_two_processes_see_what_one_with_the_larger_batch_sees():
    one = make(labeled=4, unlabeled=2)[3]
    two = [make(labeled=2, unlabeled=1, rank=rank, world=2)[3] for rank in range(2)]
    assert torch.equal(one.label, torch.cat([batch.label for batch in two]))
    assert torch.equal(one.image[4:], torch.cat([batch.image[2:] for batch in two]))


def test_the_number_of_threads_changes_nothing_and_is_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = [make()[step] for step in range(4)]
        torch.set_num_threads(3)
        assert all(equal(make()[step], one[step]) for step in range(4))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_change_no_bit_and_resuming_is_starting_later(context):
    targets = {"share": signed_share}
    here = [make(targets=targets)[step] for step in range(6)]
    there = list(loader(make(targets=targets), 2, 6, workers=2, context=context))
    assert len(there) == 4
    assert all(equal(one, other) for one, other in zip(here[2:], there))
    assert all(equal(one, other) for one, other in zip(here, loader(make(targets=targets), 0, 6, workers=0)))


def test_a_loader_may_be_left_early():
    assert len(list(itertools.islice(loader(make(), 0, 100, workers=1), 2))) == 2


def test_patches_can_be_sent_to_another_process():
    patches = make()
    patches[0]
    assert equal(pickle.loads(pickle.dumps(patches))[4], patches[4])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scan_that_cannot_be_read_is_named(workers):
    with pytest.raises(InputError, match=r"^cannot prepare a patch of scan 'v': no space in the magnet"):
        list(loader(make(BrokenStore()), 0, 12, workers))


def test_a_target_function_that_fails_says_on_which_scan():
    def fail(label, spacing, classes):
        raise KeyError("band")

    with pytest.raises(KeyError) as caught:
        make(targets={"band": fail})[0]
    assert "while preparing a patch of scan" in caught.value.__notes__[0]


def test_targets_are_derived_from_the_varied_labels():
    batch = make(targets={"share": signed_share})[2]
    assert batch.targets["share"].shape == (2, 2, *PATCH)
    assert batch.targets["share"].dtype == torch.float32
    assert torch.equal(batch.targets["share"][:, 0], (batch.label == 1).float())
    assert torch.equal(batch.targets["share"][:, 1], (batch.label == 2).float() * 2)


def test_without_augmentation_a_patch_is_the_scan_at_its_corner():
    store = MemoryStore()
    patches = make(store, make_plan(augmentation="none"))
    draws = patches.labeled(7, 5)
    for place, one in enumerate(draws):
        case = store.cases[SPLIT.labeled[one.case]]
        where = tuple(slice(start, start + side) for start, side in zip(one.corner, PATCH))
        assert torch.equal(patches[5].image[place, 0], torch.from_numpy(case.image[0][where].astype(np.float32)))
        assert torch.equal(patches[5].label[place], torch.from_numpy(case.label[where].astype(np.int64)))


@pytest.mark.parametrize(("scheme", "outside"), [("zscore", 0.0), ("ct", -5.5)])
def test_a_small_scan_stands_in_the_middle_of_padding_that_is_background(scheme, outside):
    store = MemoryStore(shape=(9, 24, 11))
    for name, case in store.cases.items():
        store.cases[name] = dataclasses.replace(case, label=np.maximum(case.label, 1))
    batch = make(store, make_plan(scheme=scheme), augmentation=SETS["none"])[0]
    inside = torch.zeros(PATCH, dtype=torch.bool)
    inside[3:12, :, 0:11] = True
    for image in batch.image[:, 0]:
        assert torch.all(image[~inside] == outside)
        assert image[inside].std() > 0
    for label in batch.label:
        assert torch.all(label[~inside] == 0)
        assert torch.all(label[inside] > 0)


def test_no_voxel_of_a_varied_patch_is_left_without_a_label():
    """An unlabeled region would be a playground for methods that learn from their own predictions."""
    store = MemoryStore(shape=(9, 24, 11))
    for name, case in store.cases.items():
        store.cases[name] = dataclasses.replace(case, label=np.ones_like(case.label))
    labels = [make(store, make_plan(scheme="ct"), augmentation=SETS["standard"])[step].label for step in range(8)]
    assert all(set(label.unique().tolist()) == {0, 1} for label in labels)


def test_an_image_that_is_its_own_label_stays_so_in_every_varied_patch():
    store = MemoryStore()
    for name, case in store.cases.items():
        store.cases[name] = dataclasses.replace(case, image=(case.label > 0)[None].astype(np.float16))
    space_only = SETS["standard"].model_copy(
        update=dict.fromkeys(("noise", "blur", "brightness", "contrast", "gamma"), SETS["none"].noise)
        | {"low_resolution": SETS["none"].noise, "inverted_gamma": SETS["none"].noise}
    )
    patches = make(store, augmentation=space_only)
    agree = []
    for step in range(10):
        batch = patches[step]
        image, label = batch.image[:2, 0], batch.label
        clear = (image < 1 / 3) | (image > 2 / 3)
        agree.append(((image > 0.5) == (label > 0))[clear])
    agreement = torch.cat(agree).float().mean()
    assert agreement == 1, agreement


def test_reading_a_patch_touches_the_voxels_of_its_region_only():

    class Guarded(np.ndarray):
        def __array_finalize__(self, source):
            return None

        def __getitem__(self, index):
            part = super().__getitem__(index)
            assert part.size <= 2 * np.prod(PATCH), "more was read than the patch needs"
            return part

    store = MemoryStore(shape=(60, 60, 60))
    for name, case in store.cases.items():
        store.cases[name] = dataclasses.replace(case, image=case.image.view(Guarded))
    assert make(store, augmentation=SETS["none"])[0].image.shape == (4, 1, *PATCH)


def test_a_supervised_run_needs_no_unlabeled_scan_but_a_semi_supervised_one_does():
    alone = TrainingSplit(("a", "b"), (), ())
    assert len(Patches(MemoryStore(), alone, make_plan(), 0, 5, 2, 0)[0].cases) == 2
    with pytest.raises(InputError, match="no unlabeled scan"):
        Patches(MemoryStore(), alone, make_plan(), 0, 5, 2, 2)


class CoordinateStore(MemoryStore):
    """Scans whose three channels are the voxel's own x, y, z."""

    def __init__(self):
        super().__init__()
        for number, (name, case) in enumerate(self.cases.items()):
            shape = (26 + number, 24, 21)
            image = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(np.float16)
            label = np.zeros(shape, np.uint8)
            self.cases[name] = dataclasses.replace(case, image=image, label=label)


TURNED = Augmentation(mirror=(0.5,) * 3, turn="quarter")
TURNED_AND_SCALED = Augmentation(
    rotation=Chance(probability=0.7, low=-30, high=30),
    scaling=Chance(probability=0.7, low=0.7, high=1.4),
    mirror=(0.5,) * 3,
    turn="quarter",
)


@pytest.mark.parametrize("augmentation", [SETS["none"], TURNED, TURNED_AND_SCALED])
def test_the_place_of_a_patch_tells_for_each_voxel_where_in_its_scan_it_was_seen(augmentation):
    store = CoordinateStore()
    patches = make(store, make_plan(channels=3), augmentation=augmentation)
    voxels = torch.stack(torch.meshgrid(*[torch.arange(n) for n in PATCH], indexing="ij")).float()
    voxels = torch.cat([voxels, torch.ones(1, *PATCH)])  # (4, *PATCH)
    compared = 0
    for step in range(8):
        batch = patches[step]
        assert batch.patch_to_scan.dtype == batch.extent.dtype == torch.float32
        for image, name, place, extent in zip(batch.image, batch.cases, batch.patch_to_scan, batch.extent, strict=True):
            shape = torch.tensor(store.shape(name))
            assert torch.equal(extent, shape.float())
            found = torch.einsum("ij,jxyz->ixyz", place, voxels) + (shape // 2)[:, None, None, None]
            inside = ((found >= 0) & (found <= shape[:, None, None, None] - 1)).all(0)
            torch.testing.assert_close(image[:, inside], found[:, inside], atol=2e-3, rtol=0)
            compared += int(inside.sum())
    assert compared > 8 * 4 * np.prod(PATCH) / 2


def test_without_a_place_a_patch_is_all_of_its_scan():
    image = torch.zeros(2, 1, 4, 5, 6)
    batch = Batch(image, torch.zeros(1, 4, 5, 6).long(), ("a", "b"))
    assert batch.extent.tolist() == [[4, 5, 6]] * 2
    assert batch.patch_to_scan.tolist() == [[[1, 0, 0, -2], [0, 1, 0, -2], [0, 0, 1, -3]]] * 2
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.patch_to_scan, batch.patch_to_scan)
    assert torch.equal(moved.extent, batch.extent)


def corners(augmentation, steps=400):
    """Of all labeled and unlabeled patches of so many steps, (N, 3)."""
    patches = Patches(MemoryStore(), SPLIT, make_plan(augmentation=augmentation), 7, steps, 2, 2)
    drawn = [one for step in range(steps) for stream in (patches.labeled, patches.unlabeled) for one in stream(7, step)]
    return np.array([one.corner for one in drawn])


def test_patches_of_the_left_atrium_protocol_lie_anywhere_but_at_the_last_position():
    """Positions 0 to 9, 0 to 9 and 0 to 7 of a scan of 26 x 24 x 20 for patches of 16 x 14 x 12, equally likely: labels
    have no say. As the published code does it."""
    found = corners("la")
    for axis, positions in enumerate((10, 10, 8)):
        share = np.bincount(found[:, axis], minlength=positions) / len(found) * positions
        assert len(share) == positions
        assert np.abs(share - 1).max() < 0.3


def test_other_sets_reach_the_last_position_and_prefer_what_is_labeled():
    assert corners("la_all").max(0).tolist() == [10, 10, 8]
    assert SETS["la_all"].foreground == 0
    assert corners("standard").max(0).tolist() == [10, 10, 8]
    store = MemoryStore()
    for name in SPLIT.labeled:  # one labeled voxel, in a corner of the scan
        rows = np.array([[1, 1, 1, 1]], np.int32)
        store.cases[name] = dataclasses.replace(store.cases[name], foreground=rows)
    shown = {}
    for name in ("la", "standard"):
        patches = Patches(store, SPLIT, make_plan(augmentation=name), 7, 200, 2, 0)
        drawn = np.array([one.corner for step in range(200) for one in patches.labeled(7, step)])
        shown[name] = float((drawn <= 1).all(1).mean())
    assert shown["la"] < 0.1
    assert shown["standard"] > 0.4
