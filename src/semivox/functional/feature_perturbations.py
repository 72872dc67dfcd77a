"""Disturbances of an encoder's feature maps, under which a decoder should still see the same organ.

Ouali, Hudelot & Tami, "Semi-supervised semantic segmentation with cross-consistency training", CVPR 2020,
arXiv:2003.09005. There one map is disturbed; here all levels are, each independently, since a decoder would read
from a clean skip what it should learn to do without.

Feature maps (B, C, X, Y, Z) each, finest first -> maps of the same shapes; ``objects`` is (B, X, Y, Z) bool, the
foreground of a prediction at full resolution. Random numbers come from torch's generators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import cc3d
import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.functional.adversarial import direction, length

Features = tuple[Tensor, ...]
Resizing = Literal["nearest", "max"]
"""How a mask is brought to a coarser level: every so many voxels one, or wherever any of them is set."""
Dropping = Literal["channel", "element"]


def scaled_by_noise(features: Features, reach: float) -> Features:
    """F-Noise: each value is changed by a share of itself drawn between -``reach`` and ``reach``; zeros stay zero."""
    return tuple(z * torch.empty_like(z).uniform_(1 - reach, 1 + reach) for z in features)


def without_strongest(features: Features, low: float, high: float) -> Features:
    """F-Drop: nothing is left where the map's mean magnitude reaches a share of its maximum.

    The share is drawn between ``low`` and ``high`` for each sample and level. Magnitudes equal values behind a ReLU,
    and serve maps of either sign. A constant map vanishes.
    """
    kept = []
    for z in features:
        activity = z.detach().abs().mean(1, keepdim=True)  # (B, 1, X, Y, Z)
        share = torch.empty_like(activity[:, :, :1, :1, :1]).uniform_(low, high)
        kept.append(z * (activity < share * activity.amax((2, 3, 4), keepdim=True)))
    return tuple(kept)


def with_dropout(features: Features, rate: float, kind: Dropping) -> Features:
    """DropOut: whole channels or single elements vanish with probability ``rate``, the rest grows to keep the mean."""
    drop = F.dropout3d if kind == "channel" else F.dropout
    return tuple(drop(z, rate, training=True) for z in features)


def adversarial(
    features: Features, decode: Callable[[Features], Tensor], radius: float, probe: float, iterations: int = 1
) -> Features:
    """I-VAT: each map plus the displacement that changes the decoder's answer most.

    ``decode`` gives logits (B, K, X, Y, Z). ``radius`` and ``probe`` are shares of each map's own length. The search
    sees detached maps, gives no parameter a gradient, and keeps the decoder's dropout fixed.
    """
    clean = tuple(z.detach().float() for z in features)
    scales = [length(z) for z in clean]
    seed = int(torch.randint(2**31, ()))
    device = clean[0].device
    devices = [] if device.type == "cpu" else [device]

    def answer(maps: Features) -> Tensor:
        # with other dropout in each pass, divergences would measure dropout
        with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"):
            torch.manual_seed(seed)
            return decode(maps).float().log_softmax(1)

    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        reference = answer(clean).exp()

    def divergence(moved: Features) -> Tensor:
        # the cross-entropy to a constant has the gradient of the KL divergence
        answered = answer(tuple(z + s * d for z, s, d in zip(clean, scales, moved, strict=True)))
        return -(reference * answered).sum(1).mean()

    found = direction(divergence, clean, probe, iterations)
    return tuple(z + (radius * s * d).to(z.dtype) for z, s, d in zip(features, scales, found, strict=True))


def objects_only(features: Features, objects: Tensor, resizing: Resizing = "nearest") -> Features:
    """Con-Msk: the context of the predicted objects vanishes. A sample without objects is left as it is."""
    empty = ~objects.flatten(1).any(1).view(-1, 1, 1, 1)
    return tuple(z * resized(objects | empty, z, resizing) for z in features)


def context_only(features: Features, objects: Tensor, resizing: Resizing = "nearest") -> Features:
    """Obj-Msk: the predicted objects vanish, their context stays."""
    return tuple(z * (1 - resized(objects, z, resizing)) for z in features)


def with_holes(
    features: Features, objects: Tensor, erase: float, smallest: int, resizing: Resizing = "nearest"
) -> Features:
    """G-Cutout: a box vanishes from each predicted object, ``erase`` of its extent along each axis."""
    holes = cut_out(objects, erase, smallest)
    return tuple(z * (1 - resized(holes, z, resizing)) for z in features)


def cut_out(objects: Tensor, erase: float, smallest: int) -> Tensor:
    """(B, X, Y, Z) bool -> (B, X, Y, Z) bool: a box in the bounding box of each object of ``smallest`` voxels or more.

    An object is a 26-connected component; the box has ``erase`` of its edges, one voxel at least, and lies anywhere
    inside. It may cover voxels that are not the object's.
    """
    holes = torch.zeros(objects.shape, dtype=torch.bool)
    for sample, found in enumerate(objects.cpu().numpy()):
        statistics = cc3d.statistics(cc3d.connected_components(found, connectivity=26), no_slice_conversion=True)
        boxes = torch.from_numpy(statistics["bounding_boxes"].astype("int64")).view(-1, 3, 2)[1:]  # 0 is the rest
        boxes = boxes[torch.from_numpy(statistics["voxel_counts"].astype("int64"))[1:] >= smallest]
        edge = boxes[..., 1] - boxes[..., 0] + 1  # (objects, 3)
        hole = (erase * edge).round().long().clamp_min(1)
        start = boxes[..., 0] + (torch.rand(edge.shape) * (edge - hole + 1)).long()
        for (x, y, z), (u, v, w) in zip(start.tolist(), (start + hole).tolist(), strict=True):
            holes[sample, x:u, y:v, z:w] = True
    return holes.to(objects.device)


def resized(mask: Tensor, like: Tensor, resizing: Resizing) -> Tensor:
    """(B, X, Y, Z) bool -> (B, 1, x, y, z) of zeros and ones, with the extent and type of the map ``like``."""
    values, extent = mask.unsqueeze(1).to(like.dtype), like.shape[2:]
    return F.adaptive_max_pool3d(values, extent) if resizing == "max" else F.interpolate(values, extent)


def complementary(features: Features, first: int, spared: float) -> Features:
    """Two views of samples miss complementary channels; ``first`` samples before them stay as they are.

    Features (first + 2 N, C, x, y, z), finest first -> the same: the N samples of the first view keep a random half of
    the channels, twice as strong, those of the second view the other half, at each level anew. A share ``spared`` of
    the N pairs keeps all in both. UniMatch V2, arXiv:2410.10777.
    """
    pairs = (len(features[0]) - first) // 2
    untouched = torch.randperm(pairs)[: int(pairs * spared)]
    dropped = []
    for z in features:
        mask = 2.0 * torch.bernoulli(torch.full((pairs, z.shape[1]), 0.5))
        mask[untouched] = 1
        whole = torch.cat([torch.ones(first, z.shape[1]), mask, 2 - mask])
        dropped.append(z * whole[:, :, None, None, None].to(z))
    return tuple(dropped)


def dropped_behind(features: Features, first: int, rates: Sequence[float]) -> Features:
    """All samples as they are, and behind them those from ``first`` on once for each rate, with channels lost.

    Features (first + N, C, x, y, z), finest first -> (first + N (1 + rates), C, x, y, z), to be decoded at once.
    """
    again = [with_dropout(tuple(z[first:] for z in features), rate, "channel") for rate in rates]
    return tuple(torch.cat([z, *lost]) for z, *lost in zip(features, *again, strict=True))
