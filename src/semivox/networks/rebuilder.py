"""A segmentation network with a second decoder that rebuilds images, from the deepest features and nothing else.

After Chen et al., MICCAI 2019, arXiv:1907.12303: with skips the image could be copied from the finest level, and the
deepest would learn nothing.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from semivox.networks.architecture import Architecture, Output
from semivox.networks.freezing import frozen
from semivox.networks.parts import unit, upsampling
from semivox.networks.segmenter import Segmenter

Rebuild = Literal["no", "yes", "held", "constant"]
"""Whether the image is rebuilt, and what the segmentation decoder then is: ``yes``, trained as well; ``held``, left as
it is while gradients pass through it to the encoder; ``constant``, evaluated without gradient."""


class Rebuilder(Segmenter):
    """One encoder, a segmentation decoder with skips and a rebuilding one without: image -> Output.

    What was rebuilt is ``extra["rebuilt"]``, (B, maps, X, Y, Z), where asked for.
    """

    def __init__(self, architecture: Architecture, channels: int, classes: int, maps: int) -> None:
        super().__init__(architecture, channels, classes, ("transposed",), {})
        self.rebuilding = Skipless(architecture, maps)

    def forward(self, image: Tensor, rebuild: Rebuild = "no") -> Output:  # type: ignore[override]
        """(B, C, X, Y, Z) -> Output."""
        features = self.encoder(image)
        output = self._segment(features, rebuild)
        return output if rebuild == "no" else output._replace(extra={"rebuilt": self.rebuilding(features[-1])})

    def _segment(self, features: tuple[Tensor, ...], rebuild: Rebuild) -> Output:
        match rebuild:
            case "held":
                with frozen(self.decoders), frozen(self.heads), frozen(self.coarse):
                    return self._read(0, features)
            case "constant":
                with torch.no_grad():
                    return self._read(0, features)
            case _:
                return self._read(0, features)


class Skipless(nn.Module):
    """The deepest features (B, W, ...) -> maps (B, M, X, Y, Z) of the image's size.

    A transposed convolution and a convolution a level, with instance normalization as in the authors' code.
    """

    def __init__(self, architecture: Architecture, maps: int) -> None:
        super().__init__()
        widths = architecture.widths
        levels: list[nn.Module] = []
        for level in reversed(range(len(architecture.strides))):
            fine = widths[level]
            levels.append(upsampling(widths[level + 1], fine, architecture.strides[level], "instance", "transposed"))
            levels.append(unit(fine, fine, "instance"))
        self.layers = nn.Sequential(*levels, nn.Conv3d(widths[0], maps, 1))

    def forward(self, deepest: Tensor) -> Tensor:
        """See the class."""
        return self.layers(deepest)
