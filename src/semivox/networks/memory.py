"""What a method remembers of labeled voxels from one step to the next: embeddings, kept in buffers.

Buffers are saved with the weights, so a resumed run remembers the same to the last bit. In a distributed run every
process writes its own patches during a step, and the loop then gives all of them the buffers of the first: they start
each step alike, and what is kept for later are the patches of the first process. Nothing here waits for a device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

NOBODY = -1


class Memory(nn.Module):
    """Embeddings of each labeled scan, from the latest patch of it; the scan that was seen longest ago makes room.

    A slot holds, per class, how many voxels the patch offered and a uniform sample of them, no larger than what is
    ever drawn at once. One draw from all slots has therefore the law of a draw from all voxels that were offered.
    """

    vectors: Tensor
    counts: Tensor
    owners: Tensor
    written: Tensor

    def __init__(self, slots: int, classes: int, sample: int, width: int) -> None:
        """Room for ``slots`` scans, ``sample`` vectors of ``width`` numbers for each of ``classes`` classes."""
        super().__init__()
        self.register_buffer("vectors", torch.zeros(slots, classes, sample, width))
        self.register_buffer("counts", torch.zeros(slots, classes, dtype=torch.int64))
        self.register_buffer("owners", torch.full((slots,), NOBODY))
        self.register_buffer("written", torch.full((slots,), NOBODY))

    @torch.no_grad()
    def remember(self, cases: Sequence[str], vectors: Tensor, counts: Tensor) -> None:
        """Overwrite the slots of these scans, one after the other.

        ``vectors`` (L, K, S, E): a uniform sample, in random order, of the ``counts`` (L, K) that there were; only the
        first min(S, count) of a row count.
        """
        for case, kept, count in zip(cases, vectors.float(), counts, strict=True):
            owner = torch.tensor(identity(case), device=self.owners.device)
            mine = self.owners == owner
            slot = torch.where(mine.any(), mine.int().argmax(), self.written.argmin())[None]
            self.vectors.index_copy_(0, slot, kept[None])
            self.counts.index_copy_(0, slot, count[None])
            self.owners.index_copy_(0, slot, owner[None])
            self.written.index_copy_(0, slot, self.written.max()[None] + 1)

    @torch.no_grad()
    def draw(self, number: int) -> tuple[Tensor, Tensor]:
        """Vectors (K, number, E), drawn without replacement from all scans, and which of them (K, number) there are.

        Each of N voxels is given a waiting time from the same exponential law; the first ``number`` of all are drawn.
        Of a slot only its first S can be among them, and those times follow from sums of X / (N - k) for k = 0, 1, ...
        with X exponential (Renyi, 1953): no list of all voxels is needed. Of a class that holds fewer, all are drawn.
        """
        sample = self.vectors.shape[2]
        if number > sample:
            raise ValueError(f"{number} vectors asked of a memory that holds {sample} of a class and scan")
        rank = torch.arange(sample, device=self.counts.device)
        left = self.counts.unsqueeze(-1) - rank  # (slots, K, S): voxels that have not come yet
        time = torch.empty(left.shape, device=left.device).exponential_() / left.clamp_min(1)
        time = time.cumsum(-1).masked_fill(left < 1, torch.inf)
        # the sample's own order is that of an earlier step; shuffled, the same vectors are not always the first
        order = torch.rand(left.shape, device=left.device).masked_fill(left < 1, torch.inf).argsort(-1)
        vectors = self.vectors.take_along_dim(order.unsqueeze(-1), 2)
        first = time.transpose(0, 1).flatten(1).topk(number, largest=False)  # (K, number)
        drawn = vectors.transpose(0, 1).flatten(1, 2).take_along_dim(first.indices.unsqueeze(-1), 1)
        return drawn, first.values.isfinite()


class Prototypes(nn.Module):
    """A few embeddings per class, replaced whenever a class offers any: forward gives them and how many there are."""

    vectors: Tensor
    counts: Tensor

    def __init__(self, classes: int, most: int, width: int) -> None:
        """Room for ``most`` vectors of ``width`` numbers for each of ``classes`` classes."""
        super().__init__()
        self.register_buffer("vectors", torch.zeros(classes, most, width))
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int64))

    @torch.no_grad()
    def replace(self, vectors: Tensor, counts: Tensor) -> None:
        """``vectors`` (K, most, E), the first ``counts`` (K,) of them filled; a class without any keeps its own."""
        offered = counts > 0
        self.vectors.copy_(torch.where(offered[:, None, None], vectors.float(), self.vectors))
        self.counts.copy_(torch.where(offered, counts, self.counts))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Vectors (K, most, E), zero beyond what there is, and their numbers (K,)."""
        rank = torch.arange(self.vectors.shape[1], device=self.counts.device)
        there = rank < self.counts[:, None]  # (K, most)
        return self.vectors.masked_fill(~there.unsqueeze(-1), 0.0), self.counts


def identity(case: str) -> int:
    """A number for a case name, the same in every process and run: names do not fit into a buffer."""
    return int.from_bytes(hashlib.blake2b(case.encode(), digest_size=8).digest(), "big") >> 1
