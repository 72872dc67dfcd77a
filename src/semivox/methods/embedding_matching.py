"""Embedding matching: where the teacher is unsure, ask which labeled surface voxels look alike.

Xie, Willems, Lessmann, Gibbons & De Massari, "Semi-supervised segmentation via embedding matching", MIDL 2024,
PMLR 250:1741-1753, arXiv:2407.04638. Defaults: the paper where it speaks; where it is silent, the fields say so.

A voxel of an unlabeled patch is certain where the mean entropy of the teacher's dropout passes is below a rising
limit; it then takes the teacher's class (UA). Elsewhere it takes the class whose reference embeddings, drawn just
inside and outside the surfaces of the labeled patches, are most similar to its own (NN); that vote's entropy is reduced
as well (EN).

Departures: K classes in place of two; NN and EN are means over all voxels to which only uncertain ones contribute
(``least_uncertain`` 0 and ``en_region`` all give the paper's formulas). The uncertain set empties as their weight
peaks, and the votes of the few voxels left were right no more often than the teacher where we measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.depth import surface_depth
from semivox.functional.losses import dice_ce, masked_cross_entropy
from semivox.functional.perturb import noisy
from semivox.functional.ramps import gaussian_ramp
from semivox.functional.similarity import (
    Kernel,
    Reduction,
    band_references,
    class_similarities,
    draw_references,
    vote,
    vote_entropy,
)
from semivox.functional.uncertainty import entropy_limit, entropy_of_probabilities, monte_carlo
from semivox.methods.bases import TeacherConfig, TeacherMethod
from semivox.methods.method import Losses


class EmbeddingMatchingConfig(TeacherConfig):
    """Numbers of embedding matching."""

    passes: int = Field(5, ge=1)
    """Dropout passes of the teacher (M)."""
    uncertainty: Literal["expected", "predictive"] = "expected"
    """Mean of the passes' entropies (the paper), or entropy of their mean (UA-MT)."""
    label_source: Literal["mean", "single_pass"] = "mean"
    """The teacher's class: of the mean of the passes (our default), or of one further pass."""
    reliable: float = Field(0.25, ge=0)
    """Largest weight of the teacher's classes on certain voxels (UA)."""
    matching: float = Field(0.125, ge=0)
    """Largest weight, shared, of the matching terms (NN and EN)."""
    ramp: float = Field(1.0, gt=0, le=1)
    """Share of the run after which these weights are reached; the entropy limit rises until the end. The paper: 1, with
    a constant learning rate."""
    terms: tuple[Literal["nn", "en"], ...] = ("nn", "en")
    """Which matching terms are used."""
    kernel: Kernel = "cosine"
    """Similarity of two embeddings: cosine, or 1 / (1 + distance)."""
    reduce: Reduction = "mean"
    """Over the references of a run."""
    references: int = Field(16, ge=1)
    """References per class and run (k)."""
    runs: int = Field(5, ge=1)
    """Runs with other references, over which similarities are averaged (l)."""
    band_mm: float = Field(3.0, gt=0)
    """References lie within this distance of their surface, or next to it where voxels are larger. The paper says
    "near"; our default."""
    reference_scope: Literal["batch", "paired"] = "batch"
    """References from all labeled patches (our default), or for the i-th unlabeled patch from the i-th labeled one."""
    en_region: Literal["all", "uncertain"] = "uncertain"
    """Voxels whose vote entropy is reduced. The paper's formula has no mask, its appendix speaks of the less certain
    areas; ``uncertain`` is our default, since on all voxels EN cost accuracy where we measured."""
    least_uncertain: float = Field(1.0, ge=0, le=1)
    """NN, and EN on uncertain voxels, are divided by the number of these or by this share of all voxels, whichever is
    more. Our default; paper: 0."""
    noise_student: float = Field(0.02, ge=0)
    """Standard deviation of the noise on the student's input, in units of the normalized image."""
    noise_teacher: float = Field(0.01, ge=0)
    """The same for the teacher's input, drawn afresh for each pass."""


class EmbeddingMatching(TeacherMethod):
    """Teacher's classes on certain voxels, nearest-neighbor votes on the others."""

    Config = EmbeddingMatchingConfig
    config: EmbeddingMatchingConfig
    targets = {"depth": surface_depth}
    ablations = {
        "UA": {"terms": ()},
        "UA + NN": {"terms": ("nn",)},
        "UA + EN": {"terms": ("en",)},
        "euclidean, mean": {"kernel": "euclidean", "reduce": "mean"},
        "euclidean, max": {"kernel": "euclidean", "reduce": "max"},
        "cosine, max": {"kernel": "cosine", "reduce": "max"},
        "paper's denominator": {"least_uncertain": 0.0},
        "EN on all voxels": {"en_region": "all"},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student, then the teacher follows."""
        c = self.config
        output = self.network(noisy(batch.image, c.noise_student))
        logits_l, logits_u = batch.split(output.logits)
        classes_u, entropy_u = self._teach(batch.split(batch.image)[1])  # (U, X, Y, Z) each
        certain = entropy_u < entropy_limit(progress.step, progress.steps, logits_u.shape[1])
        terms = {
            "supervised": dice_ce(logits_l, batch.label),
            "reliable": masked_cross_entropy(logits_u, classes_u, certain),
        }
        if c.terms and c.matching:
            votes = self._similarities(batch, batch.split(output.embedding)[1])
            terms |= self._matching(logits_u, votes, ~certain, classes_u)

        ramp = gaussian_ramp(progress.step, c.ramp * progress.steps)
        yield Losses(
            terms=terms,
            weights={"reliable": c.reliable * ramp} | {name: c.matching * ramp for name in c.terms if name in terms},
            log={"uncertain": (~certain).float().mean()},
        )

        self.teacher.follow(self.network, c.decay)

    def _teach(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(U, C, X, Y, Z) -> the teacher's class and its entropy, (U, X, Y, Z) each."""
        c = self.config
        mean, expected = monte_carlo(self.teacher(noisy(image, c.noise_teacher)).logits for _ in range(c.passes))
        entropy = expected if c.uncertainty == "expected" else entropy_of_probabilities(mean)
        source = mean if c.label_source == "mean" else self.teacher(noisy(image, c.noise_teacher)).logits
        return most_probable(source), entropy

    def _similarities(self, batch: Batch, embedding_u: Tensor) -> Tensor:
        """(U, E, X, Y, Z) -> (U, K, X, Y, Z), -inf for a class that the labeled patches do not show."""
        c = self.config
        image_l, _ = batch.split(batch.image)
        embedding_l = self.teacher(noisy(image_l, c.noise_teacher)).embedding  # (L, E, X, Y, Z)
        everyone = torch.arange(len(batch.label), device=embedding_u.device)
        maps = []
        groups = [embedding_u] if c.reference_scope == "batch" else embedding_u.split(1)
        for index, group in enumerate(groups):
            of = everyone if c.reference_scope == "batch" else everyone[[index % len(everyone)]]
            candidates = band_references(
                embedding_l[of], batch.label[of], batch.targets["depth"][of], c.band_mm, self.blueprint.classes
            )
            drawn = [draw_references(found, c.references, c.runs) if len(found) else None for found in candidates]
            maps.append(class_similarities(group, drawn, c.kernel, c.reduce))
        return torch.cat(maps)

    def _matching(self, logits_u: Tensor, votes: Tensor, uncertain: Tensor, classes_u: Tensor) -> dict[str, Tensor]:
        """The NN and EN losses. A patch whose references show fewer than two classes takes no part in them."""
        c = self.config
        shown = ~votes.isneginf()  # (U, K, X, Y, Z)
        patch = shown.sum(1) > 1  # (U, X, Y, Z), constant in a patch
        # a voxel of a class without references could only be voted into a wrong one
        matched = uncertain & patch & shown.gather(1, classes_u.unsqueeze(1)).squeeze(1)
        floor = max(1.0, c.least_uncertain * uncertain.numel())
        terms = {}
        if "nn" in c.terms:
            terms["nn"] = masked_cross_entropy(logits_u, vote(votes.detach()), matched, at_least=floor)
        if "en" in c.terms:
            region, fewest = (patch, 1.0) if c.en_region == "all" else (patch & uncertain, floor)
            terms["en"] = (vote_entropy(votes) * region).sum() / region.sum().clamp_min(fewest)
        return terms
