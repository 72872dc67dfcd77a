"""How unsure a distribution over classes is, in nats, voxel by voxel."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import Tensor

from semivox.functional.ramps import gaussian_ramp


def entropy_of_probabilities(probabilities: Tensor, epsilon: float = 1e-6) -> Tensor:
    """(B, K, X, Y, Z) -> (B, X, Y, Z): ``- sum p ln(p + epsilon)``; UA-MT's form, with its 1e-6."""
    probabilities = probabilities.float()
    return -(probabilities * (probabilities + epsilon).log()).sum(1)


def sharper_of_two(one: Tensor, other: Tensor) -> Tensor:
    """Probabilities (B, K, X, Y, Z) of two teachers -> their mean, in which the less unsure one counts more.

    The weights are those of a softmax of minus the entropies, in bits: AD-MT, Zhao et al., ECCV 2024, arXiv:2311.17325.
    """
    entropies = [entropy_of_probabilities(p, 1e-10) / math.log(2) for p in (one, other)]
    weight = (entropies[1] - entropies[0]).sigmoid().unsqueeze(1)
    return weight * one + (1 - weight) * other


def monte_carlo(passes: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Logits (B, K, X, Y, Z) of each stochastic pass -> mean probabilities (B, K, X, Y, Z), and the mean over passes
    of the entropy of each (B, X, Y, Z). Only running sums are held, never all passes."""
    count, mean, entropy = 0, None, None
    for logits in passes:
        log_probabilities = logits.float().log_softmax(1)
        probabilities = log_probabilities.exp()
        of_pass = -(probabilities * log_probabilities).sum(1)
        mean = probabilities if mean is None else mean.add_(probabilities)
        entropy = of_pass if entropy is None else entropy.add_(of_pass)
        count += 1
    if mean is None or entropy is None:
        raise ValueError("at least one pass is needed")
    return mean / count, entropy / count


def entropy_limit(step: int, steps: int, classes: int) -> float:
    """The entropy below which a voxel counts as certain: from 0.75 ln K at the start up to ln K at the end.

    ``(0.75 + 0.25 ramp) ln K``: Yu et al. (UA-MT), MICCAI 2019, with ln K in place of its ln 2.
    """
    return (0.75 + 0.25 * gaussian_ramp(step, steps)) * math.log(classes)
