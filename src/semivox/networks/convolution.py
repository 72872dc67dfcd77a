"""A convolution whose weights get the right gradient in bfloat16 on a processor, however small the map is.

torch 2.13's weight gradient (oneDNN, AVX-512) of an ungrouped convolution of stride 1 in bfloat16 is wrong, often
infinite, and may write beyond its memory, where the map has at least 2 voxels along its first axis and at most twice
the padding: 2 of a 3 x 3 x 3 kernel, 2 to 6 of a 7 x 7 x 7 one. Seen in every such case; other lengths, strides,
depthwise and transposed convolutions agree with float32 (``tests/networks/test_convolution.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv3d(nn.Conv3d):
    """As PyTorch's; on maps whose gradient it gets wrong in bfloat16 it computes in float32, which are the smallest."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> (B, K, X', Y', Z')."""
        if torch.is_autocast_enabled("cpu") and input.device.type == "cpu" and self._too_short(input.shape[2]):
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())
        return super().forward(input)

    def _too_short(self, length: int) -> bool:
        """Whether the gradient would be wrong on a map of this length along its first axis."""
        padding = self.padding[0] if isinstance(self.padding, tuple) else 0
        return self.groups == 1 and self.stride[0] == 1 and 2 <= length <= 2 * int(padding)
