"""The numbers of embedding matching, and what its paper leaves open.

Xie et al., MIDL 2024, arXiv:2407.04638. Where the paper is silent, a field says whose its default is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from semivox.functional.losses import MaskSums
from semivox.functional.references import Near
from semivox.functional.similarity import Kernel, Reduction
from semivox.methods.bases import TeacherConfig

Share = Annotated[float, Field(ge=0)]


class EmbeddingMatchingConfig(TeacherConfig):
    """Numbers of embedding matching."""

    supervised_shares: tuple[Share, Share] = (0.5, 0.5)
    """Of cross-entropy and Dice in the supervised loss. The paper says "combination"; 1 and 1 halve the relative weight
    of the unlabeled patches."""
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
    near: Near = "uniform"
    """Which of a class's voxels they are: any within the band, equally likely (our default); of the nearest
    ``references`` times ``runs``, however far; or any, less likely by exp(-distance / ``band_mm``)."""
    reference_pass: Literal["training", "evaluation"] = "training"
    """How the teacher sees the labeled patches: with dropout and the batch's statistics (our default), or without."""
    reference_scope: Literal["batch", "paired"] = "batch"
    """References from all labeled patches (our default), or for the i-th unlabeled patch from the i-th labeled one."""
    en_region: Literal["all", "uncertain"] = "uncertain"
    """Voxels whose vote entropy is reduced. The paper's formula has no mask, its appendix speaks of the less certain
    areas; ``uncertain`` is our default, since on all voxels EN cost accuracy where we measured."""
    en_runs: Literal["averaged", "each"] = "averaged"
    """The vote entropy of the similarities averaged over runs (our default), or its mean over the runs."""
    mask_sums: MaskSums = "batch"
    """Means over certain or uncertain voxels pool the unlabeled patches (our default), or are taken of each patch."""
    least_uncertain: float = Field(1.0, ge=0, le=1)
    """NN, and EN on uncertain voxels, are divided by the number of these or by this share of all voxels, whichever is
    more. Our default; paper: 0."""
    noise_student: float = Field(0.02, ge=0)
    """Standard deviation of the noise on the student's input, in units of the normalized image."""
    noise_teacher: float = Field(0.01, ge=0)
    """The same for the teacher's input, drawn afresh for each pass."""
    noise_clip: float | None = Field(None, gt=0)
    """Noise beyond so many standard deviations is clipped; None: it is not (our default, the paper does not say)."""
    noise_on: Literal["all", "unlabeled"] = "all"
    """Patches on which the student sees noise (the paper does not say)."""
