"""Embedding matching: where the teacher is uncertain, labeled surface voxels that look alike decide.

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

import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.depth import surface_depth
from semivox.functional.losses import dice_ce, masked_cross_entropy, masked_mean
from semivox.functional.partial_labels import filled
from semivox.functional.perturb import noisy
from semivox.functional.ramps import gaussian_ramp
from semivox.functional.references import Drawing, references_of
from semivox.functional.similarity import class_similarities, vote, vote_entropy
from semivox.functional.uncertainty import entropy_limit, entropy_of_probabilities, monte_carlo
from semivox.methods.bases import TeacherMethod
from semivox.methods.embedding_matching_config import EmbeddingMatchingConfig
from semivox.methods.method import Losses
from semivox.networks.architecture import Output
from semivox.networks.freezing import fixed


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
        "sums of each patch": {"mask_sums": "patch"},
        "EN of each run": {"en_runs": "each"},
        "nearest references": {"near": "nearest"},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student, then the teacher follows."""
        c = self.config
        output = self.network(self._noisy_for_student(batch))
        logits_l, logits_u = batch.split(output.logits)
        classes_u, entropy_u = self._teach(batch.split(batch.image)[1])  # (U, X, Y, Z) each
        certain = entropy_u < entropy_limit(progress.step, progress.steps, logits_u.shape[1])
        terms = {
            "supervised": dice_ce(logits_l, batch.label, shares=c.supervised_shares, balance=self.balance(progress)),
            "reliable": masked_cross_entropy(logits_u, classes_u, certain, sums=c.mask_sums),
        }
        if c.terms and c.matching:
            similarities = self._similarities(batch, batch.split(output.embedding)[1])
            terms |= self._matching(logits_u, similarities, ~certain, classes_u)

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
        mean, expected = monte_carlo(self._told(image).logits for _ in range(c.passes))
        entropy = expected if c.uncertainty == "expected" else entropy_of_probabilities(mean)
        source = mean if c.label_source == "mean" else self._told(image).logits
        return most_probable(source), entropy

    def _noisy_for_student(self, batch: Batch) -> Tensor:
        c = self.config
        if c.noise_on == "all":
            return noisy(batch.image, c.noise_student, self._clip(c.noise_student))
        image_l, image_u = batch.split(batch.image)
        return torch.cat([image_l, noisy(image_u, c.noise_student, self._clip(c.noise_student))])

    def _told(self, image: Tensor) -> Output:
        """What the teacher says of noisy patches."""
        c = self.config
        return self.teacher(noisy(image, c.noise_teacher, self._clip(c.noise_teacher)))

    def _clip(self, deviation: float) -> float | None:
        return None if self.config.noise_clip is None else self.config.noise_clip * deviation

    def _similarities(self, batch: Batch, embedding_u: Tensor) -> list[Tensor]:
        """(U, E, X, Y, Z) -> (U, K, X, Y, Z) averaged over runs, or of each run; -inf for a class that the labeled
        patches do not show."""
        c = self.config
        image_l, _ = batch.split(batch.image)
        if c.reference_pass == "evaluation":
            with fixed(self.teacher):
                told = self._told(image_l)
        else:
            told = self._told(image_l)
        embedding_l, label = told.embedding, filled(batch.label, told.logits)  # (L, E, X, Y, Z), (L, X, Y, Z)
        everyone = torch.arange(len(batch.label), device=embedding_u.device)
        how = Drawing(c.references, c.runs, c.band_mm, c.near)
        maps = []
        groups = [embedding_u] if c.reference_scope == "batch" else embedding_u.split(1)
        for index, group in enumerate(groups):
            of = everyone if c.reference_scope == "batch" else everyone[[index % len(everyone)]]
            drawn = references_of(embedding_l[of], label[of], batch.targets["depth"][of], self.blueprint.classes, how)
            runs = (
                [drawn]
                if c.en_runs == "averaged"
                else [[None if r is None else r[[run]] for r in drawn] for run in range(c.runs)]
            )
            maps.append([class_similarities(group, references, c.kernel, c.reduce) for references in runs])
        return [torch.cat(of_run) for of_run in zip(*maps, strict=True)]

    def _matching(
        self, logits_u: Tensor, runs: list[Tensor], uncertain: Tensor, classes_u: Tensor
    ) -> dict[str, Tensor]:
        """The NN and EN losses. A patch whose references show fewer than two classes takes no part in them."""
        c = self.config
        votes = runs[0] if len(runs) == 1 else torch.stack(runs).mean(0)
        shown = ~votes.isneginf()  # (U, K, X, Y, Z)
        patch = shown.sum(1) > 1  # (U, X, Y, Z), constant in a patch
        # a voxel of a class without references could only be voted into a wrong one
        matched = uncertain & patch & shown.gather(1, classes_u.unsqueeze(1)).squeeze(1)
        among = uncertain if c.mask_sums == "batch" else uncertain[0]
        floor = max(1.0, c.least_uncertain * among.numel())
        terms = {}
        if "nn" in c.terms:
            terms["nn"] = masked_cross_entropy(logits_u, vote(votes.detach()), matched, floor, c.mask_sums)
        if "en" in c.terms:
            region, fewest = (patch, 1.0) if c.en_region == "all" else (patch & uncertain, floor)
            entropies = [vote_entropy(of_run) for of_run in runs]
            entropy = entropies[0] if len(runs) == 1 else torch.stack(entropies).mean(0)
            terms["en"] = masked_mean(entropy, region, fewest, c.mask_sums)
        return terms
