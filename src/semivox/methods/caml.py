"""CAML: two networks teach each other, one with attention between patches; both are compared with labeled ones.

Gao et al., "Correlation-aware mutual learning for semi-supervised medical image segmentation", MICCAI 2023,
arXiv:2307.06312. Defaults: the authors' code. Their paper compares by cosines, their code by plain dot products.

Departures from that code: cross-entropy beside Dice (``segmentation``); K classes under a softmax; the ramp ends with
the run (``ramp``), rises smoothly (``staircase``) and counts from 0 (``ramp_first``); embeddings are compared as they
are before the head's dropout (``embedding_read``); labeled voxels are projected after the heads' own passes
(``remember``); the number of compared voxels follows the size of the patches (``voxels``); classes of which little is
remembered take part (``fewest``); the memory keeps a uniform sample of each scan's voxels in place of all, from which a
step's draw has the same law.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.correlation import most_confident, sample_places, share_cross_entropy, similarity_shares
from semivox.functional.losses import Segmentation, segmentation_loss
from semivox.functional.mutual import mutual_consistency
from semivox.functional.partial_labels import filled
from semivox.functional.ramps import risen
from semivox.functional.sharpen import sharpened
from semivox.methods.bases import LikenessConfig
from semivox.methods.method import Losses, Method
from semivox.networks.blueprint import Blueprint
from semivox.networks.cross_sample import Attention, MutualPair, Views
from semivox.networks.memory import Memory
from semivox.networks.voxel_heads import Remembering, Statistics, read_by, settled, statistics_of

COMPARED = 2 * 12_800 / (2 * 112 * 112 * 80)  # of both classes, in the two unlabeled patches of the authors


class CAMLConfig(LikenessConfig):
    """Numbers of CAML."""

    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone with
    plain denominators (the authors' code)."""
    supervised: float = Field(0.5, gt=0)
    """Weight of the supervised loss, which is summed over the two networks."""
    consistency: float = Field(1.0, ge=0)
    """Largest weight of the agreement of each network with the other's sharpened answer."""
    correlation: float = Field(0.05, ge=0)
    """Largest weight of the agreement on which labeled voxels an unlabeled one resembles."""
    ramp: int | None = Field(None, ge=0)
    """Steps until these weights are reached; None: the whole run. The authors have 6000, in their logs with 8 and 16
    labels 3000 and 2250."""
    staircase: int = Field(1, ge=1)
    """The weights rise every so many steps; 150 in the authors' code."""
    ramp_first: Literal[0, 1] = 0
    """The number of the first step in the ramp: 0, as for every method here (our default), or 1 (the authors' code)."""
    sharpening: float = Field(0.1, gt=0, le=1)
    """Temperature of the answers that serve as targets."""
    temperature: float = Field(0.1, gt=0)
    """Divides the similarities before their softmax."""
    normalize: bool = False
    """Compare by cosine, as the paper says, in place of the code's dot product."""
    detach_target: bool = False
    """Let no gradient into targets. In the authors' code both sides move."""
    attention: Attention = "both"
    """Who attends to whom in the second network while it learns: places of a patch (``intra``), patches (``inter``)."""
    attention_level: int | None = Field(None, ge=0)
    """Level of the encoder, 0 the finest; None: the one whose voxels are nearest to 8 x 8 x 8 of the patch's."""
    bank: int = Field(256, ge=1)
    """Remembered labeled voxels per class with which a step compares."""
    fewest: int = Field(1, ge=1)
    """A class with fewer remembered voxels than this is left out. In the authors' code 256, all that are asked for: a
    small structure in small patches might never take part."""
    slots: int = Field(32, ge=1)
    """Labeled scans that are remembered; of more, the latest seen. The authors remember all of theirs (4 to 16)."""
    voxels: int | None = Field(None, ge=1)
    """Unlabeled voxels per class that are compared, the surest first; None: 1.28 % of the unlabeled patches' voxels
    over the number of classes, which gives the authors' 12,800 for their two classes and patches."""
    remember: Remembering = "after"
    """Whether labeled voxels are projected with the statistics that this step's voxels left in the heads, or with those
    of the steps before (the authors' order)."""


class CAML(Method):
    """Mutual consistency of two networks, in probabilities and in resemblance to labeled voxels."""

    Config = CAMLConfig
    config: CAMLConfig
    network: MutualPair
    ablations = {
        "no attention": {"attention": "none"},
        "no correlation": {"correlation": 0.0},
        "mutual consistency alone": {"attention": "none", "correlation": 0.0},
        "within patches": {"attention": "intra"},
        "across patches": {"attention": "inter"},
        "cosine": {"normalize": True},
        "authors' loss": {"segmentation": "dice"},
        "authors' order": {"remember": "before"},
        "authors' dropout": {"embedding_read": "head"},
        "authors' ramp, 8 labels": {"ramp": 3000},
        "authors' ramp, 16 labels": {"ramp": 2250},
    }

    def __init__(self, config: CAMLConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = MutualPair(
            blueprint,
            config.attention,
            config.attention_level,
            config.width,
            config.embedding_dropout,
            config.embedding_read,
        )
        self.memory = Memory(config.slots, blueprint.classes, config.bank, config.width)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of both networks."""
        c = self.config
        found = [statistics_of(p) for p in self.network.projections] if c.remember == "before" else [None, None]
        views = self.network(batch.image, alone=len(batch.label if c.correlation else batch.image))
        logits = (views.plain.logits, views.mixing.logits)
        probabilities = [z.float().softmax(1) for z in logits]
        targets = [sharpened(z.detach() if c.detach_target else z, c.sharpening) for z in logits]
        parts = [batch.split(z)[0] for z in logits]
        balance = self.balance(progress)
        losses = [segmentation_loss(z, batch.label, c.segmentation, 1e-8, 1, balance) for z in parts]
        terms = {
            "supervised": torch.stack(losses).sum(),
            "consistency": mutual_consistency(probabilities, targets),
        }
        if c.correlation:
            self._remember(batch, views, found)
            terms["correlation"] = self._correlation(views, batch.split(probabilities[0].detach())[1])

        ramp = risen(progress, c.ramp, c.staircase, c.ramp_first)
        weights = {
            "supervised": c.supervised,
            "consistency": c.consistency * ramp,
            "correlation": c.correlation * ramp,
        }
        yield Losses(
            terms=terms,
            weights={name: weights[name] for name in terms},
            log={"agreed": views.agreed.float().mean()} if c.correlation else {},
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the plain network; the second serves training only."""
        return self.network.plain(image).logits.float().softmax(1)

    @torch.no_grad()
    def _remember(self, batch: Batch, views: Views, statistics: Sequence[Statistics | None]) -> None:
        """Keep the mean projection of labeled voxels that both networks recognize, background included."""
        outputs = (views.plain, views.mixing)
        first, second = (most_probable(batch.split(output.logits)[0]) for output in outputs)
        label = filled(batch.label, batch.split(views.plain.logits)[0])
        right = (first == label) & (second == label)  # (L, X, Y, Z); unknown voxels never are
        places, counts = sample_places(label, right, self.blueprint.classes, self.config.bank)
        kept = []
        for output, project, found in zip(outputs, self.network.projections, statistics, strict=True):
            embedding = batch.split(read_by(output, self.config.embedding_read))[0].flatten(2)  # (L, E, V)
            chosen = embedding.take_along_dim(places.flatten(1).unsqueeze(1), 2)  # (L, E, K S)
            kept.append(settled(project, self.network.as_rows(chosen).flatten(0, 1), found).float())
        vectors = torch.stack(kept).mean(0).reshape(*places.shape, -1)  # (L, K, S, W)
        self.memory.remember(batch.cases[: len(batch.label)], vectors, counts)

    def _correlation(self, views: Views, probabilities: Tensor) -> Tensor:
        """Mean cross-entropy of the plain network's resemblances against the other's; 0 with an empty memory."""
        c = self.config
        number = c.voxels or max(1, round(COMPARED * views.agreed.numel() / self.blueprint.classes))
        surest, counted = most_confident(probabilities.movedim(1, -1)[views.agreed], number)
        drawn, there = self.memory.draw(c.bank)
        present = there & (self.memory.counts.sum(0) >= c.fewest).unsqueeze(1)  # (K, M)
        with torch.autocast(drawn.device.type, enabled=False):
            shares, target = (
                similarity_shares(rows[surest].float(), drawn, present, c.temperature, c.normalize)
                for rows in views.rows
            )
            loss = share_cross_entropy(shares, target.detach() if c.detach_target else target)
        counted = counted & present.any()
        return (loss * counted).sum() / counted.sum().clamp_min(1)
