"""Normalization layers of ONNX files say what torch's say, and are exact where onnxruntime's own are not."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn

from semivox.export.onnx_file import session, write_onnx
from semivox.export.onnx_norms import AxisByAxis, exact_norms

LAYERS = {
    "instance": lambda: nn.InstanceNorm3d(4, affine=True),
    "instance_plain": lambda: nn.InstanceNorm3d(4),
    "group": lambda: nn.GroupNorm(2, 4),
}


def drawn(layer):
    """The layer with weights that are not ones and zeros."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
    return layer.eval()


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_says_what_torch_says(kind):
    layer = drawn(LAYERS[kind]())
    image = torch.rand(3, 4, 6, 5, 7, generator=torch.Generator().manual_seed(1)) + 2
    assert torch.allclose(AxisByAxis(layer)(image), layer(image), atol=1e-5)


def test_a_network_has_its_own_layers_again_afterwards():
    network = nn.Sequential(nn.Conv3d(1, 4, 1), nn.Sequential(LAYERS["group"](), nn.ReLU()))
    layer = network[1][0]
    with contextlib.suppress(ZeroDivisionError), exact_norms(network):
        assert isinstance(network[1][0], AxisByAxis)
        assert 1 / 0
    assert network[1][0] is layer


def test_a_large_patch_is_normalized_exactly(tmp_path):
    """By onnxruntime's own layer 4e-4 off, which refused a U-Net of instance normalization at real patches."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = LAYERS["instance_plain"]()

        def forward(self, image):
            return self.norm(image.expand(-1, 4, -1, -1, -1))

    patch = (96, 96, 96)
    write_onnx(tmp_path / "model.onnx", Network(), 1, patch, {})
    image = torch.relu(torch.randn(1, 1, *patch, generator=torch.Generator().manual_seed(0))) + 0.5
    exact = nn.functional.instance_norm(image.double().expand(-1, 4, -1, -1, -1))
    found = session(tmp_path / "model.onnx", patch)(image)
    assert np.abs(found.numpy() - exact.numpy()).max() < 1e-5
