"""What a method knows of where in a scan each class is to be expected: an atlas kept in buffers.

It is built once from whole labels (``Method.fit_labels``) and read at the place of each patch
(``Batch.patch_to_scan``), so that mirroring, turning and scaling the patch move its part of the atlas with it. Buffers
are saved with the weights: a resumed run needs no label, and a released model brings its atlas along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semivox.functional.atlas import Alignment, label_atlas, sampled


class Atlas(nn.Module):
    """Patches' places -> the probability of each class at each voxel. All background until labels were shown."""

    maps: Tensor
    origin: Tensor
    step: Tensor
    scans: Tensor

    def __init__(self, classes: int, alignment: Alignment) -> None:
        super().__init__()
        self.classes, self.alignment = classes, alignment
        self.register_buffer("maps", torch.zeros(1, classes - 1, 1, 1, 1))
        self.register_buffer("origin", torch.zeros(3))
        self.register_buffer("step", torch.ones(3))
        self.register_buffer("scans", torch.tensor(0))

    def learn(self, labels: Iterable[np.ndarray]) -> None:
        """Build the atlas from the labels (X, Y, Z) of some scans; of none, it stays as it is."""
        drawn = tuple(labels)
        if drawn:
            found = label_atlas(drawn, self.classes, self.alignment)
            self.maps = torch.from_numpy(found.maps)[None].to(self.maps.device)
            self.origin, self.step = (torch.from_numpy(v).to(self.maps.device) for v in (found.origin, found.step))
            self.scans = torch.tensor(found.scans, device=self.maps.device)

    @torch.no_grad()
    def forward(self, place: Tensor, extent: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Place (B, 3, 4) and scan's size (B, 3) of patches of ``shape`` -> (B, K, *shape) float32, summing to one."""
        if self.alignment != "resize":
            scale, shift = 1 / self.step, -self.origin / self.step
        else:
            scale = torch.tensor(self.maps.shape[2:], device=extent.device) / extent  # (B, 3)
            shift = ((extent / 2).floor() + 0.5) * scale - 0.5
        position = place * scale[..., None]
        position = torch.cat([position[..., :3], (position[..., 3] + shift)[..., None]], -1)
        classes = sampled(self.maps, position, shape)
        return torch.cat([1 - classes.sum(1, keepdim=True), classes], 1)

    def _load_from_state_dict(  # pyrefly: ignore[bad-override]
        self, state: dict[str, Any], prefix: str, *rest: Any
    ) -> None:
        """The size of the maps is that of the data: take on what is loaded."""
        if (saved := state.get(prefix + "maps")) is not None:
            self.maps = self.maps.new_zeros(saved.shape)
        super()._load_from_state_dict(state, prefix, *rest)
