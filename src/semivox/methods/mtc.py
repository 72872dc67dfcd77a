"""MTC: a second decoder reconstructs the image class by class, as the network's own segmentation divides it.

Chen, Bortsova, Garcia-Uceda Juarez, van Tulder & de Bruijne, "Multi-task attention-based semi-supervised learning for
medical image segmentation", MICCAI 2019, arXiv:1907.12303, there called MASSL; "MTC" in Xie et al., MIDL 2024.
Defaults: the authors' code and poster; where they are silent, or do not fit other networks, the fields say so.

Departures: K classes and any number of channels; cross-entropy beside Dice (``segmentation`` gives the authors'); one
optimizer, where the authors' two share the encoder (``optimizers``); the rebuilding decoder up-samples by transposed
convolutions, theirs by the nearest voxel, with leaky ReLUs; and the rebuilt image is compared with the patch that it
was rebuilt from, while the code's unlabeled turn takes it from the labeled patch before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import Segmentation, segmentation_loss
from semivox.functional.partial_labels import known
from semivox.functional.perturb import noisy, value_range
from semivox.methods.method import Losses, Method, MethodConfig, OptimizerConfig
from semivox.networks.blueprint import Blueprint


class MTCConfig(MethodConfig):
    """Numbers of MTC."""

    strategy: Literal["alternating", "joint"] = "alternating"
    """Segmentation and reconstruction in turns, the paper's best; or one sum of both, on all patches."""
    reconstruction: float = Field(1.0, ge=0)
    """Weight of the reconstruction."""
    alpha: float = Field(0.9, gt=0, lt=1)
    """Joint strategy: share of the segmentation; the reconstruction has the rest, times its weight."""
    attention: Literal["prediction", "none"] = "prediction"
    """What splits the image: the predicted probabilities, or nothing, so that the whole image is rebuilt (MSSL)."""
    volume_weights: bool = True
    """Let each class's part count by its predicted volume, or all alike."""
    detach_attention: bool = False
    """Let the reconstruction not move the network through what splits the image. The authors let it."""
    detach_weights: bool = True
    """The same for the volumes by which parts count; off in the authors' code. On by default, as the loss could else
    fall by calling everything the class that is easiest to rebuild."""
    activation: Literal["sigmoid", "linear"] = "sigmoid"
    """Rebuilt values lie in 0 to 1 and are compared with the patch scaled to it (our default: the authors compare them
    with normalized intensities, negative ones included), or are unbounded and compared with the patch as it is."""
    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone with
    plain denominators (the authors' code)."""
    optimizers: Literal["one", "two"] = "one"
    """Both turns move the network by one optimizer (our default), or each by its own, so that the encoder has two
    momenta (the authors' code). Alternating strategy only."""
    rebuilding: OptimizerConfig = OptimizerConfig(
        kind="adam", rate=1e-3, betas=(0.9, 0.999), decay=0.0, schedule="steps", drop_every=500, drop_to=0.5
    )
    """``two``: the optimizer of the reconstruction; the authors', whose other one differs by a rate of 0.01."""
    noise: float = Field(0.02, ge=0)
    """Standard deviation of the noise on the input, in units of the normalized image; the target is without. Our
    default, after the port of MIDL 2024; the authors have none."""


class MTC(Method):
    """Segmentation of labeled patches, and attention-split reconstruction of unlabeled ones."""

    Config = MTCConfig
    config: MTCConfig
    ablations = {
        "no reconstruction": {"reconstruction": 0.0},
        "MSSL": {"attention": "none"},
        "joint": {"strategy": "joint"},
        "equal weights": {"volume_weights": False},
        "moving weights": {"detach_weights": False},
        "fixed attention": {"detach_attention": True},
        "authors' loss": {"segmentation": "dice"},
        "two optimizers": {"optimizers": "two"},
    }

    def __init__(self, config: MTCConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.rebuilder(blueprint.classes * blueprint.channels)
        if config.optimizers == "two" and config.strategy == "alternating":
            self.further_optimizers = {"rebuilding": "network"}

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """Alternating: a turn on labeled patches, which spares the rebuilding decoder, and one on unlabeled patches,
        which spares the segmenting one. Joint: one turn on all."""
        c = self.config
        if c.strategy == "joint":
            yield self._jointly(batch, progress)
            return
        image_l, image_u = batch.split(batch.image)
        logits_l = self.network(noisy(image_l, c.noise)).logits

        yield Losses({"supervised": self._supervised(logits_l, batch.label, progress)})

        if c.reconstruction:
            still = c.detach_attention or c.attention == "none"
            output = self.network(noisy(image_u, c.noise), rebuild="constant" if still else "held")
            attention = self._attention(output.logits)

            yield Losses(
                {"reconstruction": self._rebuilding(output.extra["rebuilt"], image_u, attention)},
                {"reconstruction": c.reconstruction},
                optimizer="rebuilding" if self.further_optimizers else None,
                log={"foreground": foreground(attention)},  # falls to 0 if the attention collapses
            )

    def _jointly(self, batch: Batch, progress: Progress) -> Losses:
        """The labels split labeled patches, predictions the others, and voxels without a known label."""
        c = self.config
        output = self.network(noisy(batch.image, c.noise), rebuild="yes")
        attention_l, attention_u = batch.split(self._attention(output.logits))
        if c.attention == "prediction":
            told = known(batch.label)
            labeled = F.one_hot(torch.where(told, batch.label, 0), self.blueprint.classes).movedim(-1, 1).float()
            attention_l = torch.where(told.unsqueeze(1), labeled, attention_l)
        attention = torch.cat([attention_l, attention_u])
        return Losses(
            {
                "supervised": self._supervised(batch.split(output.logits)[0], batch.label, progress),
                "reconstruction": self._rebuilding(output.extra["rebuilt"], batch.image, attention),
            },
            {"supervised": c.alpha, "reconstruction": (1 - c.alpha) * c.reconstruction},
            log={"foreground": foreground(attention_u)},
        )

    def _attention(self, logits: Tensor) -> Tensor:
        """(B, K, X, Y, Z) -> the same shape: how much of each voxel belongs to each class."""
        if self.config.attention == "none":  # all to the first class, whose part is then the whole image
            return F.one_hot(torch.zeros_like(logits[:, 0], dtype=torch.long), logits.shape[1]).movedim(-1, 1).float()
        probabilities = logits.float().softmax(1)
        return probabilities.detach() if self.config.detach_attention else probabilities

    def _rebuilding(self, rebuilt: Tensor, image: Tensor, attention: Tensor) -> Tensor:
        """(B, K * C, ...), (B, C, ...), (B, K, ...) -> a scalar."""
        c = self.config
        parts = rebuilt.float().unflatten(1, (attention.shape[1], -1))  # (B, K, C, X, Y, Z)
        if c.activation == "sigmoid":
            parts, image = parts.sigmoid(), unit_range(image)
        shares = None
        if c.volume_weights:
            shares = attention.mean((0, 2, 3, 4))  # (K,), sums to 1
            shares = shares.detach() if c.detach_weights else shares
        return split_error(parts, image, attention, shares)

    def _supervised(self, logits_l: Tensor, label: Tensor, progress: Progress) -> Tensor:
        kind, balance = self.config.segmentation, self.balance(progress)
        return segmentation_loss(logits_l, label, kind, epsilon=1e-4, power=1, balance=balance)


def split_error(parts: Tensor, image: Tensor, attention: Tensor, shares: Tensor | None) -> Tensor:
    """Rebuilt parts (B, K, C, X, Y, Z), image (B, C, ...), attention (B, K, ...), class shares (K,) -> a scalar.

    The mean squared error of each class's part to attention times image, averaged over classes by their shares.
    """
    target = attention.unsqueeze(2) * image.unsqueeze(1)  # (B, K, C, X, Y, Z)
    errors = (parts - target).square().mean((0, 2, 3, 4, 5))  # (K,)
    return errors.mean() if shares is None else (shares * errors).sum()


def foreground(attention: Tensor) -> Tensor:
    """(B, K, X, Y, Z) -> the mean share of all classes but the first, for the log."""
    return attention[:, 1:].detach().sum(1).mean()


def unit_range(image: Tensor) -> Tensor:
    """(B, C, X, Y, Z) -> the same, each channel of each patch scaled to 0 to 1; a constant one becomes 0."""
    low, span = value_range(image)
    return (image - low) / span
