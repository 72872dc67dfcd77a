"""bfloat16 gives the right gradients on the smallest maps too, in every network."""

import pytest
import torch
from torch import nn

from semivox.methods import METHODS
from semivox.networks.blueprint import Blueprint
from semivox.networks.convolution import Conv3d
from semivox.networks.pyramid_unet import PyramidUNet
from semivox.networks.unet3d import UNet3D
from semivox.networks.uxnet import UXNet
from semivox.networks.vnet import VNet
from tests.contract.examples import build


def gradient(layer, image, precision):
    """Of the weights, for an upstream gradient that is the same each time."""
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        out = layer(image)
    out.float().backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)))
    return layer.weight.grad.clone()


@pytest.mark.parametrize(("kernel", "lengths"), [(3, (1, 2, 3, 4)), (5, (2, 3, 4, 5)), (7, (2, 4, 6, 7))])
def test_weights_of_a_convolution_get_their_gradient_on_any_map(kernel, lengths):
    torch.manual_seed(0)
    layer = Conv3d(16, 16, kernel, padding=kernel // 2)
    for length in lengths:
        image = torch.randn(2, 16, length, 5, 4)
        exact, half = gradient(layer, image, "32"), gradient(layer, image, "bf16")
        assert float((half - exact).norm() / exact.norm()) < 0.02, length


def test_only_maps_whose_gradient_is_wrong_are_computed_in_float32():
    layer, seen = Conv3d(4, 4, 3, padding=1), {}
    for length in (1, 2, 3, 8):
        with torch.autocast("cpu", torch.bfloat16):
            seen[length] = layer(torch.randn(1, 4, length, 4, 4)).dtype
    assert seen == {1: torch.bfloat16, 2: torch.float32, 3: torch.bfloat16, 8: torch.bfloat16}
    assert layer(torch.randn(1, 4, 2, 4, 4)).dtype == torch.float32


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("architecture", [VNet(), UNet3D(), PyramidUNet(), UXNet()], ids=lambda one: type(one).__name__)
def test_no_network_has_a_convolution_that_may_be_wrong(name, architecture):
    with torch.device("meta"):
        method = build(name, Blueprint(architecture, 1, 2))
    plain = [where for where, layer in method.named_modules() if may_be_wrong(layer)]
    assert plain == []


def may_be_wrong(layer: nn.Module) -> bool:
    """Of stride 1 along x, ungrouped and padded, and PyTorch's own."""
    if not isinstance(layer, nn.Conv3d) or isinstance(layer, Conv3d):
        return False
    return layer.groups == 1 and layer.stride[0] == 1 and layer.padding[0] > 0
