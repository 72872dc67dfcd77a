"""Which small disturbance changes the answer most? Power iteration finds its direction.

Miyato, Maeda, Koyama & Ishii, "Virtual adversarial training", TPAMI 2019, arXiv:1704.03976. A divergence has its
minimum at no disturbance, so that its gradient there is zero; at a short distance along a random direction the gradient
is the Hessian times that direction, and normalizing it is one step of power iteration towards the Hessian's first
eigenvector.

The distance must be long enough for float32: the authors' 1e-6 is below the rounding of feature maps, and the direction
found with it is noise. 1e-3 of the length of what is disturbed is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Displacement = tuple[Tensor, ...]
"""One tensor for each map that is disturbed, shaped as that map."""


def direction(
    divergence: Callable[[Displacement], Tensor], maps: Sequence[Tensor], probe: float, iterations: int = 1
) -> Displacement:
    """The displacements of ``maps``, (B, ...) each, that raise ``divergence`` fastest, of length 1 for each sample.

    ``divergence`` takes displacements and returns a scalar in which samples do not compete (a mean or sum over them);
    it is asked at distance ``probe``, in float32 under any autocast. Should one map be disturbed more than another, let
    ``divergence`` scale what it is given. Only displacements get a gradient: parameters are left alone. A sample, or a
    map, to which the divergence does not react keeps its random direction. No iterations: random directions.
    """
    found = tuple(of_length_one(torch.rand_like(m, dtype=torch.float32) - 0.5) for m in maps)
    for _ in range(iterations):
        asked = tuple((probe * d).requires_grad_() for d in found)
        with torch.enable_grad(), torch.autocast(asked[0].device.type, enabled=False):
            gradients = torch.autograd.grad(divergence(asked), asked, allow_unused=True, materialize_grads=True)
        found = tuple(of_length_one(g, otherwise=d) for g, d in zip(gradients, found, strict=True))
    return found


def of_length_one(vectors: Tensor, otherwise: Tensor | None = None) -> Tensor:
    """(B, ...) -> the same divided by each sample's Euclidean length; a sample of zeros becomes ``otherwise``'s."""
    largest = vectors.abs().flatten(1).amax(1).view(-1, *[1] * (vectors.ndim - 1))
    # first by the largest entry, since squares of gradients may fall below the smallest float32
    scaled = vectors / torch.where(largest > 0, largest, 1)
    unit = scaled / length(scaled).clamp_min(1)  # nothing is shorter than 1 now, except zeros
    return unit if otherwise is None else torch.where(largest > 0, unit, otherwise)


def length(vectors: Tensor) -> Tensor:
    """(B, ...) -> the Euclidean length of each sample over all that follows, (B, 1, ..., 1)."""
    return torch.linalg.vector_norm(vectors.float(), dim=tuple(range(1, vectors.ndim)), keepdim=True)
