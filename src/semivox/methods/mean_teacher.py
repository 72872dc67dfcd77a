"""Mean teacher: on unlabeled patches, the network must agree with a moving average of itself.

Tarvainen & Valpola, "Mean teachers are better role models", NeurIPS 2017, arXiv:1703.01780.
Defaults: the 3D baseline of Yu et al. (UA-MT), MICCAI 2019, arXiv:1907.07034.

Departures from that code: the ramp ends with the run (``ramp`` gives the authors' 6000 steps) and rises smoothly, not
in steps of 150 (``staircase``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce, squared_difference
from semivox.functional.perturb import noisy
from semivox.functional.ramps import risen
from semivox.methods.bases import TeacherConfig, TeacherMethod
from semivox.methods.method import Losses


class MeanTeacherConfig(TeacherConfig):
    """Numbers of the mean teacher."""

    consistency: float = Field(0.1, ge=0)
    """Largest weight of the consistency term."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run. The authors' 40 units of 150 steps are 6000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    consistency_on: Literal["unlabeled", "all"] = "unlabeled"
    """Patches on which student and teacher should agree."""
    noise_student: float = Field(0.0, ge=0)
    """Standard deviation of the noise on the student's input, in units of the normalized image."""
    noise_teacher: float = Field(0.1, ge=0)
    """The same for the teacher's input."""
    noise_clip: float | None = Field(0.2, gt=0)
    """Noise beyond this is clipped; None: it is not."""


class MeanTeacher(TeacherMethod):
    """Mean squared difference between the student's and the teacher's probabilities."""

    Config = MeanTeacherConfig
    config: MeanTeacherConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no noise": {"noise_teacher": 0.0},
        "no averaging": {"decay": 0.0},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student, then the teacher follows."""
        c = self.config
        logits = self.network(noisy(batch.image, c.noise_student, c.noise_clip)).logits  # (B, K, X, Y, Z)
        logits_l, logits_u = batch.split(logits)
        _, image_u = batch.split(batch.image)
        image, student = (batch.image, logits) if c.consistency_on == "all" else (image_u, logits_u)
        teacher = self.teacher(noisy(image, c.noise_teacher, c.noise_clip)).logits
        difference = squared_difference(student.float().softmax(1), teacher.float().softmax(1))

        yield Losses(
            terms={
                "supervised": dice_ce(logits_l, batch.label, balance=self.balance(progress)),
                "consistency": difference.mean(),
            },
            weights={"consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
        )

        self.teacher.follow(self.network, c.decay)
