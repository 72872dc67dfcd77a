"""What several methods are built on, and none of them is: moving averages, adversaries, decoders that teach each other.

Methods do not import one another; what two papers share stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import Segmentation, segmentation_loss
from semivox.functional.ramps import risen
from semivox.functional.sharpen import Sharpening, sharpened
from semivox.methods.method import Method, MethodConfig, OptimizerConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.parts import Upsampling
from semivox.networks.teacher import Averaging, Buffers, Teacher
from semivox.networks.voxel_heads import Reading


class AdversaryConfig(OptimizerConfig):
    """The optimizer of a network that judges another: the one that SASSNet (Li et al., MICCAI 2020) and most after it
    used. Fields that are not given stay the adversary's, not the network's."""

    kind: Literal["sgd", "adam", "adamw"] = "adam"
    """As in the papers."""
    rate: float = Field(1e-4, gt=0)
    """Learning rate."""
    decay: float = Field(0.0, ge=0)
    """Weight decay."""
    schedule: Literal["constant", "poly", "steps"] = "constant"
    """As in the papers."""
    warmup: int = Field(0, ge=0)
    """Steps of linear rise to the learning rate; none, as in the papers."""


class LikenessConfig(MethodConfig):
    """What methods are configured with that compare embeddings of unlabeled voxels with remembered labeled ones."""

    width: int = Field(32, ge=1)
    """Channels of the compared embeddings."""
    embedding_dropout: float = Field(0.0, ge=0, lt=1)
    """Probability of the channel dropout on compared embeddings. In the authors' code 0.5, as the head's; none here,
    for it makes likeness depend on the draw (decision 0002)."""
    embedding_read: Reading = "embedding"
    """What is compared: the embedding, behind ``embedding_dropout``, or what the head reads of it, so that both miss
    the same channels (the authors' code)."""


class TeacherConfig(MethodConfig):
    """What every method with a moving average of its network is configured with."""

    decay: float = Field(0.99, ge=0, lt=1)
    """How much of itself the teacher keeps at each step."""
    averaging: Averaging = "rising"
    """``rising``: at step t the teacher keeps 1 - 1/(t + 1), ``decay`` at most, so that it forgets its initial weights
    (the authors' codes); ``constant``: ``decay`` from the first step on."""
    buffers: Buffers = "own"
    """Where the teacher's running statistics come from: its own passes, a copy of the student's, or their average."""
    predict_with: Literal["student", "teacher"] = "student"
    """Whose predictions count. The authors' codes evaluate the student."""


class TeacherMethod(Method):
    """A method whose network is followed by a moving average of itself."""

    Config: ClassVar[type[MethodConfig]] = TeacherConfig
    config: TeacherConfig

    def __init__(self, config: TeacherConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()
        self.teacher = Teacher(self.network, config.buffers, config.averaging)

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the student, or of the teacher on request."""
        network = self.teacher if self.config.predict_with == "teacher" else self.network
        return network(image).logits.float().softmax(1)


class MutualConfig(MethodConfig):
    """What MC-Net (arXiv:2103.02911) and its extension (arXiv:2109.09960) are configured with."""

    upsampling: tuple[Upsampling, ...] = Field(min_length=2)
    """How each decoder does it, so also how many there are; the first is the one that predicts."""
    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone with
    plain denominators (the authors' code)."""
    supervised: float = Field(0.5, gt=0)
    """Weight of the supervised loss, which the authors sum over the decoders."""
    consistency: float = Field(1.0, ge=0)
    """Largest weight of the mutual consistency."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run. The authors have 6000 of 15,000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    ramp_first: Literal[0, 1] = 0
    """The number of the first step in the ramp: 0, as for every method here (our default), or 1 (the authors' code)."""
    temperature: float = Field(0.1, gt=0, le=1)
    """Of the sharpening; 1: none."""
    sharpening: Sharpening = "softmax"
    """How classes compete in the sharpening; matters for three classes or more."""
    detach_target: bool = False
    """Let a decoder not be moved by what it offers as target. The authors move it."""


class MutualMethod(Method):
    """A method whose decoders read one encoder, up-sample differently, and teach each other."""

    config: MutualConfig

    def __init__(self, config: MutualConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenters(config.upsampling)

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the first decoder; the others stay idle."""
        return self.network(image, first=1)[0].logits.float().softmax(1)

    def supervised(self, batch: Batch, logits: Sequence[Tensor], progress: Progress) -> Tensor:
        """Logits (B, K, X, Y, Z) of each decoder -> the sum of their losses on the labeled patches."""
        kind, balance = self.config.segmentation, self.balance(progress)
        drawn = [batch.split(z)[0] for z in logits]
        losses = [segmentation_loss(z, batch.label, kind, 1e-8, 1, balance) for z in drawn]
        return torch.stack(losses).sum()

    def offered(self, logits: Sequence[Tensor]) -> list[Tensor]:
        """The same -> what each decoder offers the others as target: its sharpened probabilities (B, K, X, Y, Z)."""
        c = self.config
        return [sharpened(z.detach() if c.detach_target else z, c.temperature, c.sharpening) for z in logits]

    def weights(self, progress: Progress) -> dict[str, float]:
        """Of both terms at this step."""
        c = self.config
        return {
            "supervised": c.supervised,
            "consistency": c.consistency * risen(progress, c.ramp, c.staircase, c.ramp_first),
        }
