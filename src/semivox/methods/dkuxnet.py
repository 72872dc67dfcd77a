"""DKUXNet: two networks that assign voxels to learned cluster centers must agree, by class and by group.

Wu, Li & Zhang, "Semi-supervised medical image segmentation via query distribution consistency", ISBI 2024,
arXiv:2311.12364. The centers (queries) stand for background, organ or tumor. Two branches see the same patches, one
with changed intensities. Both learn from labels what a voxel's class is and which group of centers it belongs to; a
contrastive loss pulls the maps of the same class, and of the same group, together across branches.

The authors' public code has the network and a supervised script only, and the article leaves the contrastive loss
open: what is compared with what, its likeness, temperature and weights are fields, and their defaults ours. So is the
supervision of each update's assignment, without which most of the masks get no gradient at all.

Departures: any number of classes; the supervised loss of every method here in place of MONAI's (``segmentation``); the
loss on groups is a mean over voxels (the script sums, a million times as much); centers read any architecture's
decoder, not 3D UX-Net's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.clusters import group_loss, group_shares
from semivox.functional.contrast import Likeness, channel_contrast, view_contrast, voxel_contrast
from semivox.functional.losses import dice_ce, dice_ce_of_each_patch
from semivox.functional.partial_labels import filled
from semivox.functional.perturb import jittered, noisy_some
from semivox.functional.ramps import risen
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint
from semivox.networks.branches import Branches
from semivox.networks.kmax_options import KMaX
from semivox.networks.teacher import Teacher


class DKUXNetConfig(MethodConfig):
    """Numbers of DKUXNet."""

    clusters: KMaX = KMaX()
    """The cluster centers: how many, how wide, which decoder maps they read, what their groups stand for."""
    segmentation: Literal["dice_ce", "dice_ce_all"] = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or cross-entropy plus
    a Dice over all classes, background included, of each patch by itself (MONAI's, in the authors' script)."""
    branches: Literal["dual", "shared", "average"] = "dual"
    """Two networks, as in the paper's figure; one that sees both views; or one, whose moving average sees the patches
    as they are and only teaches (no text of the paper says so)."""
    decay: float = Field(0.99, ge=0, lt=1)
    """``average``: how much of itself it keeps at each step."""
    distribution: float = Field(0.1, ge=0)
    """Weight of the loss on the groups of the masks (L_qd); the authors' script."""
    deep: float = Field(0.1, ge=0)
    """Weight of the same loss on the assignments of each update. Ours; kMaX-DeepLab supervises them, too."""
    segmentation_contrast: float = Field(0.5, ge=0)
    """Largest weight of the contrast between class maps (L_segc). Ours."""
    distribution_contrast: float = Field(0.5, ge=0)
    """Largest weight of the contrast between group maps (L_qdc). Ours."""
    ramp: int | None = Field(None, ge=0)
    """Steps until these two weights are reached; None: the whole run."""
    contrast: Literal["channel", "voxel", "voxel_all", "view"] = "channel"
    """What is contrasted: the maps of classes, voxels with those of other classes or with all, or whole patches."""
    likeness: Likeness = "cosine"
    """Of two maps or voxels."""
    temperature: float = Field(0.5, gt=0)
    """Of the contrast. Ours; 0.1 suits voxels and whole patches."""
    smallest: float = Field(1e-3, ge=0, lt=1)
    """A map that holds a smaller share of a patch in both branches is not contrasted."""
    anchors: int = Field(1024, ge=2)
    """Voxels drawn per patch where voxels are contrasted."""
    detach: Literal["none", "weak"] = "none"
    """Whether the branch that sees the patches as they are is moved by the contrast."""
    consistency_on: Literal["all", "unlabeled"] = "all"
    """Patches that are contrasted; the paper's figure feeds both."""
    jitter: float = Field(0.5, ge=0, le=1)
    """Largest change of brightness and contrast that the strong branch sees, as a share."""
    jitter_share: float = Field(0.8, ge=0, le=1)
    """How many patches are changed so."""
    noise: tuple[float, float] = (0.1, 1.0)
    """Least and largest standard deviation of its noise, in units of the normalized image."""
    noise_share: float = Field(0.2, ge=0, le=1)
    """How many patches get noise."""
    predict_by: Literal["weak", "strong", "both"] = "weak"
    """The branch that predicts, or the mean of both at twice the cost."""


SMALL = {
    **{"queries": 16, "width": 32, "hidden": 64, "heads": 4, "layers": 1, "mask_level": 1, "recompute": False},
    "gain": 1.0,  # runs on a CPU are too short for masks to sharpen from the authors' 0.1
}


class DKUXNet(Method):
    """Labels for classes and groups of centers; contrast of classes and of groups across two branches."""

    Config = DKUXNetConfig
    config: DKUXNetConfig
    ablations = {
        "L_seg": {"segmentation_contrast": 0.0, "distribution_contrast": 0.0},
        "L_seg + L_qdc": {"segmentation_contrast": 0.0},
        "L_seg + L_segc": {"distribution_contrast": 0.0},
        "no deep supervision": {"deep": 0.0},
        "background, organ, tumor": {"clusters": {"sizes": (16, 4, 12)}},
        "small": {"clusters": SMALL},
        "authors' loss": {"segmentation": "dice_ce_all"},
        "moving average": {"branches": "average"},
    }

    def __init__(self, config: DKUXNetConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        count = 2 if config.branches == "dual" else 1
        self.network = Branches([blueprint.clustered(config.clusters) for _ in range(count)])
        self.average = Teacher(self.network, "own") if config.branches == "average" else None

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of both branches."""
        c = self.config
        ramp = risen(progress, c.ramp)
        changed = noisy_some(jittered(batch.image, c.jitter, c.jitter_share), c.noise, c.noise_share)
        if self.average is None:
            taught = strong, weak = self.network(changed, batch.image)
        else:
            taught = (strong,) = self.network(changed)
            (weak,) = self.average(batch.image)
        weights = {
            "distribution": c.distribution,
            "deep": c.deep,
            "segmentation_contrast": c.segmentation_contrast * ramp,
            "distribution_contrast": c.distribution_contrast * ramp,
        }
        deep = [m for o in taught for n, m in o.extra.items() if n != "groups"]
        terms: dict[str, Callable[[], Tensor]] = {
            "distribution": lambda: self._groups(batch, strong, [o.extra["groups"] for o in taught]),
            "deep": lambda: self._groups(batch, strong, deep),
            "segmentation_contrast": lambda: self._contrast(batch, _classes(strong), _classes(weak)),
            "distribution_contrast": lambda: self._contrast(
                batch, strong.extra["groups"].exp(), weak.extra["groups"].exp()
            ),
        }
        drawn = [batch.split(output.logits)[0] for output in taught]
        if c.segmentation == "dice_ce":
            losses = [dice_ce(logits_l, batch.label, balance=self.balance(progress)) for logits_l in drawn]
        else:
            losses = [dice_ce_of_each_patch(logits_l, batch.label) for logits_l in drawn]
        supervised = torch.stack(losses).mean()

        yield Losses(
            terms={"supervised": supervised} | {name: make() for name, make in terms.items() if weights[name]},
            weights={name: weight for name, weight in weights.items() if weight},
            # a common shrinking of a small object's maps hardly shows in a cosine, but here
            log={"foreground": 1 - _classes(weak).detach()[len(batch.label) :, 0].mean()},
        )

        if self.average is not None:
            self.average.follow(self.network, c.decay)

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the branch that predicts, or the mean of both."""
        who = self.config.predict_by
        if self.average is None:
            outputs = self.network(None if who == "weak" else image, None if who == "strong" else image)
        else:
            strong = () if who == "weak" else self.network(image)
            outputs = (*strong, *(() if who == "strong" else self.average(image)))
        return torch.stack([_classes(output) for output in outputs]).mean(0)

    def _groups(self, batch: Batch, strong: Output, maps: list[Tensor]) -> Tensor:
        """Mean over maps (B, G, ...) of ln of probabilities: the loss on the groups of the labeled patches.

        What a label leaves to several classes is of that which the strong branch predicts.
        """
        label = filled(batch.label, batch.split(strong.logits)[0])
        of_class, sizes = self.config.clusters.grouping(self.blueprint.classes)
        found = {m.shape[2:] for m in maps}
        shares = {size: group_shares(label, of_class, len(sizes), size) for size in found}
        return torch.stack([group_loss(batch.split(m)[0], shares[m.shape[2:]]) for m in maps]).mean()

    def _contrast(self, batch: Batch, strong: Tensor, weak: Tensor) -> Tensor:
        """Maps (B, R, ...) of both branches -> scalar."""
        c = self.config
        if c.detach == "weak":
            weak = weak.detach()
        if c.consistency_on == "unlabeled":
            strong, weak = batch.split(strong)[1], batch.split(weak)[1]
        match c.contrast:
            case "channel":
                return channel_contrast(strong, weak, c.temperature, c.likeness, c.smallest)
            case "view":
                return view_contrast(strong, weak, c.temperature, c.likeness)
        negatives: Literal["all", "other"] = "all" if c.contrast == "voxel_all" else "other"
        return voxel_contrast(strong, weak, c.temperature, c.likeness, c.anchors, negatives)


def _classes(output: Output) -> Tensor:
    """Probabilities (B, K, X, Y, Z) in float32."""
    return output.logits.float().softmax(1)
