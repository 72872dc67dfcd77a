"""UA-MT: a mean teacher that counts only where it is certain.

Yu et al., "Uncertainty-aware self-ensembling model for semi-supervised 3D left atrium segmentation", MICCAI 2019,
arXiv:1907.07034. Defaults: the authors' code.

Departures from that code: ln K in place of ln 2 and a mean over K classes; the ramps end with the run (``ramp`` gives
the authors' 6000 steps) and rise smoothly (``staircase``); Monte-Carlo passes run one by one, so that batch statistics
are those of the batch, where the code doubles the batch (``monte_carlo``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce, squared_difference
from semivox.functional.perturb import noisy
from semivox.functional.ramps import risen
from semivox.functional.uncertainty import entropy_limit, entropy_of_probabilities, monte_carlo
from semivox.methods.bases import TeacherConfig, TeacherMethod
from semivox.methods.method import Losses


class UAMTConfig(TeacherConfig):
    """Numbers of UA-MT."""

    consistency: float = Field(0.1, ge=0)
    """Largest weight of the consistency term."""
    ramp: int | None = Field(None, ge=0)
    """Steps until weight and entropy limit are reached; None: the whole run. The authors have 6000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    passes: int = Field(8, ge=1)
    """Monte-Carlo passes of the teacher, from which its uncertainty is estimated."""
    monte_carlo: Literal["single", "doubled"] = "single"
    """Passes run one by one, so that batch statistics are those of the batch (our default), or two at once, on the
    batch beside a copy of itself (the authors' code; ``passes`` must then be even)."""
    target: Literal["separate", "mean"] = "separate"
    """What the student should agree with: one further pass (the authors), or the mean of the passes (cheaper)."""
    noise_student: float = Field(0.0, ge=0)
    """Standard deviation of the noise on the student's input, in units of the normalized image."""
    noise_teacher: float = Field(0.1, ge=0)
    """The same for the teacher's input, drawn afresh for each pass."""
    noise_clip: float | None = Field(0.2, gt=0)
    """Noise beyond this is clipped; None: it is not."""

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if self.monte_carlo == "doubled" and self.passes % 2:
            raise ValueError(f"passes {self.passes} must be even where they run two at once (monte_carlo doubled)")
        return self


class UAMT(TeacherMethod):
    """Mean squared difference to the teacher over the voxels whose predictive entropy is below a rising limit."""

    Config = UAMTConfig
    config: UAMTConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "one pass": {"passes": 1},
        "mean of passes as target": {"target": "mean"},
        "doubled batch": {"monte_carlo": "doubled"},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student, then the teacher follows."""
        c = self.config
        logits_l, logits_u = batch.split(self.network(noisy(batch.image, c.noise_student, c.noise_clip)).logits)
        _, image_u = batch.split(batch.image)
        mean, _ = monte_carlo(self._passes(image_u))  # (U, K, X, Y, Z)
        target = mean if c.target == "mean" else self._teach(image_u).float().softmax(1)
        limit = entropy_limit(progress.step, progress.steps if c.ramp is None else c.ramp, classes=mean.shape[1])
        certain = (entropy_of_probabilities(mean) < limit).float()  # (U, X, Y, Z)
        difference = squared_difference(logits_u.float().softmax(1), target)

        yield Losses(
            terms={
                "supervised": dice_ce(logits_l, batch.label, balance=self.balance(progress)),
                # an empty mask makes 0, as in the authors' code; one certain voxel has the full weight
                "consistency": (certain * difference).sum() / certain.sum().clamp_min(1),
            },
            weights={"consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
            log={"certain": certain.mean()},
        )

        self.teacher.follow(self.network, c.decay)

    def _passes(self, image: Tensor) -> Iterator[Tensor]:
        """Logits (U, K, X, Y, Z) of each Monte-Carlo pass."""
        c = self.config
        if c.monte_carlo == "single":
            yield from (self._teach(image) for _ in range(c.passes))
        else:
            for _ in range(c.passes // 2):
                yield from self._teach(torch.cat([image, image])).chunk(2)

    def _teach(self, image: Tensor) -> Tensor:
        return self.teacher(noisy(image, self.config.noise_teacher, self.config.noise_clip)).logits
