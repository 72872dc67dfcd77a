"""Networks that judge: their shapes and sizes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semivox.networks.discriminator import PatchDiscriminator, VoxelDiscriminator, at_least, width_for
from semivox.testing.patches import blueprint


@pytest.mark.parametrize(("maps", "parameters"), [(1, 11_020_290), (2, 11_024_386)])
def test_size_of_the_authors(maps, parameters):
    assert sum(p.numel() for p in PatchDiscriminator(1, maps, 64).parameters()) == parameters


@pytest.mark.parametrize(
    "shape", [(16, 16, 16), (40, 56, 40), (17, 31, 16), (8, 16, 24), (1, 64, 64), (3, 5, 2)], ids=str
)
def test_one_judgment_a_patch_of_any_size(shape):
    torch.manual_seed(0)
    judge = PatchDiscriminator(2, 3, 4).train()
    maps, image = torch.randn(2, 3, *shape, requires_grad=True), torch.randn(2, 2, *shape, requires_grad=True)
    verdict = judge(maps, image)
    assert verdict.shape == (2, 2)
    verdict.square().sum().backward()
    assert maps.grad.any()
    assert image.grad.any()
    assert all(p.grad is not None and p.grad.any() for p in judge.parameters())


def test_it_is_the_authors_network_on_their_patch():
    """Convolution by convolution, with their pooling over the last 7 x 7 x 5 voxels."""
    torch.manual_seed(0)
    judge = PatchDiscriminator(1, 1, 2).eval()
    maps, image = torch.randn(2, 1, 1, 112, 112, 80)
    convolutions = [m for m in judge.deeper if isinstance(m, nn.Conv3d)]
    x = F.leaky_relu(judge.on_maps(maps) + judge.on_image(image), 0.2)
    assert x.shape == (1, 2, 56, 56, 40)
    for convolution in convolutions:
        x = F.leaky_relu(convolution(x), 0.2)
    x = F.avg_pool3d(x, (7, 7, 5))
    assert x.shape == (1, 16, 1, 1, 1)
    torch.testing.assert_close(judge(maps, image), judge.judgment(x.flatten(1)))


def test_channels_are_dropped_after_all_but_the_last_convolution():
    judge = PatchDiscriminator(1, 1, 4)
    kinds = [type(m) for m in judge.deeper]
    assert kinds == [nn.LeakyReLU, nn.Dropout3d, nn.Conv3d] * 3 + [nn.LeakyReLU]
    assert {m.p for m in judge.deeper if isinstance(m, nn.Dropout3d)} == {0.5}


def test_each_patch_is_judged_alone():
    torch.manual_seed(0)
    judge = PatchDiscriminator(1, 2, 4).eval()
    maps, image = torch.randn(3, 2, 16, 24, 16), torch.randn(3, 1, 16, 24, 16)
    together = judge(maps, image)
    for i in range(3):
        torch.testing.assert_close(judge(maps[[i]], image[[i]]), together[[i]])


def test_filling_up_keeps_what_is_there():
    values = torch.randn(1, 2, 3, 20, 16)
    filled = at_least(values, 16)
    assert filled.shape == (1, 2, 16, 20, 16)
    assert torch.equal(filled[:, :, :3], values)
    assert not filled[:, :, 3:].any()
    assert at_least(filled, 16) is filled


def test_width_is_the_authors_ratio_and_never_more_than_theirs():
    assert [width_for(blueprint(width=w).architecture) for w in (3, 8, 16, 32)] == [12, 32, 64, 64]


@pytest.mark.parametrize(("maps", "parameters"), [(1, 2_642_369), (2, 2_646_465)])
def test_size_of_the_voxelwise_discriminator(maps, parameters):
    assert sum(p.numel() for p in VoxelDiscriminator(maps, 64).parameters()) == parameters


@pytest.mark.parametrize("shape", [(16, 16, 16), (32, 16, 48), (17, 31, 16), (8, 16, 24), (3, 5, 2)], ids=str)
def test_one_judgment_a_voxel_of_any_size(shape):
    torch.manual_seed(0)
    judge = VoxelDiscriminator(3, 4)
    maps = torch.randn(2, 3, *shape, requires_grad=True)
    verdict = judge(maps)
    assert verdict.shape == (2, *shape)
    verdict.square().sum().backward()
    assert maps.grad.any()
    assert all(p.grad is not None and p.grad.any() for p in judge.parameters())


def test_voxelwise_judgments_are_interpolated_with_corners_on_corners():
    judge = VoxelDiscriminator(1, 4).eval()
    maps = torch.randn(1, 1, 32, 32, 48)
    coarse = judge.layers(maps)[0, 0]
    assert coarse.shape == (2, 2, 3)
    fine = judge(maps)[0]
    torch.testing.assert_close(fine[0, 0, 0], coarse[0, 0, 0])
    torch.testing.assert_close(fine[-1, -1, -1], coarse[-1, -1, -1])
    torch.testing.assert_close(fine.amax(), coarse.amax())
