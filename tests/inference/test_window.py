"""Windows cover a scan and average to what a naive whole-array sum gives."""

import itertools

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from monai.inferers.utils import compute_importance_map

from semivox.core.errors import InputError
from semivox.inference.window import Window, importance, slide, starts, whole

PATCH = (8, 6, 10)


def mixing(image):
    """A fixed network of two channels and three classes whose output at a voxel depends on its window."""
    weight = torch.sin(torch.arange(3 * 2 * 27, dtype=torch.float32)).view(3, 2, 3, 3, 3)
    return torch.nn.functional.conv3d(image, weight, padding=1).softmax(1)


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def naive(image, window):
    """Sum over all windows in float64, then divide; whole arrays, no slab."""
    weight = importance(window.patch, window.blend).double()
    total, count = torch.zeros(3, *image.shape[1:]).double(), torch.zeros(image.shape[1:]).double()
    axes = [starts(*sizes) for sizes in zip(image.shape[1:], window.patch, window.stride)]
    for corner in itertools.product(*axes):
        box = tuple(slice(c, c + p) for c, p in zip(corner, window.patch))
        part = torch.from_numpy(image[(slice(None), *box)].astype(np.float32))
        total[(slice(None), *box)] += mixing(part[None])[0].double() * weight
        count[box] += weight
    return (total / count).float()


@pytest.mark.parametrize(
    ("size", "patch", "stride", "expected"),
    [
        (112, 112, 18, [0]),
        (148, 112, 18, [0, 18, 36]),
        (175, 112, 18, [0, 18, 36, 54, 63]),
        (132, 112, 18, [0, 18, 20]),
        (88, 80, 4, [0, 4, 8]),
        (5, 8, 4, [0]),
    ],
)
def test_starts_are_those_of_the_left_atrium_protocol(size, patch, stride, expected):
    assert starts(size, patch, stride) == expected


def test_windows_leave_no_voxel_out():
    for size, patch in itertools.product(range(1, 30), (1, 4, 7)):
        for stride in range(1, patch + 1):
            seen = np.zeros(max(size, patch), bool)
            for start in starts(size, patch, stride):
                seen[start : start + patch] = True
            assert seen.all()


@pytest.mark.parametrize("blend", ["gaussian", "uniform"])
@pytest.mark.parametrize("shape", [(20, 13, 25), (8, 6, 10), (17, 6, 11)])
def test_equals_a_naive_sum_over_windows(blend, shape):
    image, window = noise((2, *shape)), Window(PATCH, (3, 4, 5), blend, batch=3)
    torch.testing.assert_close(whole(mixing, image, window), naive(image, window), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("blend", "mode"), [("gaussian", "gaussian"), ("uniform", "constant")])
@pytest.mark.parametrize("shape", [(20, 13, 25), (5, 9, 31), (3, 4, 5)])
@pytest.mark.parametrize("overlap", [0.5, 0.25, 0.0])
def test_equals_monai(blend, mode, shape, overlap):
    image, window = noise((2, *shape)), Window.overlapping(PATCH, overlap, blend)
    expected = sliding_window_inference(torch.from_numpy(image)[None], PATCH, 2, mixing, overlap=overlap, mode=mode)
    torch.testing.assert_close(whole(mixing, image, window), expected[0], atol=1e-6, rtol=1e-5)


def test_weights_are_those_of_monai():
    torch.testing.assert_close(importance(PATCH, "gaussian"), compute_importance_map(PATCH, "gaussian"))


def test_slabs_come_in_order_and_are_thin():
    image, window = noise((2, 40, 9, 12)), Window(PATCH, (4, 3, 5))
    slabs = list(slide(mixing, image, window))
    assert sum(slab.shape[1] for slab in slabs) == 40
    assert max(slab.shape[1] for slab in slabs) <= PATCH[0]
    torch.testing.assert_close(torch.cat(slabs, 1), whole(mixing, image, window), atol=0, rtol=0)


def test_a_slab_does_not_change_after_it_was_handed_on():
    slabs, copies = [], []
    for slab in slide(mixing, noise((2, 40, 9, 12)), Window(PATCH, (4, 3, 5))):
        slabs.append(slab)
        copies.append(slab.clone())
    assert all(torch.equal(a, b) for a, b in zip(slabs, copies))


@pytest.mark.parametrize("blend", ["gaussian", "uniform"])
def test_a_constant_network_gives_the_constant_everywhere(blend):
    constant = torch.tensor([0.2, 0.7, 0.1]).view(1, 3, 1, 1, 1)
    result = whole(
        lambda x: constant.expand(len(x), 3, *PATCH), noise((1, 21, 14, 33)), Window(PATCH, (3, 2, 7), blend)
    )
    torch.testing.assert_close(result, constant[0].expand_as(result), atol=1e-6, rtol=0)


def test_the_number_of_windows_at_once_changes_nothing():
    image = noise((2, 15, 14, 23))
    one, five = (whole(mixing, image, Window(PATCH, (4, 3, 5), batch=batch)) for batch in (1, 5))
    torch.testing.assert_close(one, five, atol=1e-6, rtol=0)


def test_a_small_scan_is_padded_evenly_with_the_fill_of_each_channel():
    seen = []

    def watch(image):
        seen.append(image.clone())
        return mixing(image)

    image = noise((2, 5, 6, 3))
    assert whole(watch, image, Window(PATCH, PATCH), fill=(-1.0, 4.0)).shape == (3, 5, 6, 3)
    expected = np.stack([np.full(PATCH, -1.0), np.full(PATCH, 4.0)]).astype(np.float32)
    expected[:, 1:6, :, 3:6] = image
    np.testing.assert_array_equal(seen[0][0].numpy(), expected)


def test_reads_half_precision_memory_maps(tmp_path):
    image = noise((2, 15, 14, 23)).astype(np.float16)
    np.save(tmp_path / "image.npy", image)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")
    window = Window.overlapping(PATCH)
    torch.testing.assert_close(whole(mixing, mapped, window), whole(mixing, image.astype(np.float32), window))


def test_channels_last_changes_the_layout_only():
    image, window = noise((2, 15, 14, 23)), Window(PATCH, (4, 3, 5))
    last = Window(PATCH, (4, 3, 5), channels_last=True)
    torch.testing.assert_close(whole(mixing, image, last), whole(mixing, image, window), atol=1e-5, rtol=0)


def test_impossible_windows_are_refused():
    with pytest.raises(InputError, match="stride"):
        Window(PATCH, (9, 3, 3))
    with pytest.raises(InputError, match="overlap"):
        Window.overlapping(PATCH, 1.0)
    with pytest.raises(InputError, match="at least 1"):
        Window(PATCH, PATCH, batch=0)
    with pytest.raises(ValueError, match="keep the patch"):
        whole(lambda x: x[..., 1:], noise((2, 8, 6, 10)), Window(PATCH, PATCH))


def test_weights_that_do_not_exist_are_refused_and_not_taken_for_gaussian():
    with pytest.raises(InputError, match=r"there is no blend 'unifrom' \(did you mean 'uniform'"):
        Window.overlapping((8, 8, 8), blend="unifrom")
