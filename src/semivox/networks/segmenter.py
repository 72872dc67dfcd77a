"""Encoder, decoders and heads joined into one trainable network with one ``forward``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from semivox.networks.architecture import Architecture, Output
from semivox.networks.parts import Upsampling

Perturbation = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]
"""Encoder features, finest first -> perturbed features of the same shapes."""


class Segmenter(nn.Module):
    """One encoder and one or more decoders, each with its own heads: image -> one Output per decoder."""

    def __init__(
        self,
        architecture: Architecture,
        channels: int,
        classes: int,
        decoders: Sequence[Upsampling],
        heads: Mapping[str, int],
    ) -> None:
        super().__init__()
        self.encoder = architecture.encoder(channels)
        self.decoders = nn.ModuleList(architecture.decoder(up) for up in decoders)
        self.heads = nn.ModuleList(Heads(architecture, {"logits": classes, **heads}) for _ in decoders)

    def forward(
        self, image: Tensor, perturb: Sequence[Perturbation] = (), first: int | None = None
    ) -> tuple[Output, ...]:
        """(B, C, X, Y, Z) -> one Output per decoder; decoder i reads the features that perturb[i - 1] returns.

        The first decoder always reads clean features. ``first``: run so many decoders only, the others stay idle.
        """
        features = self.encoder(image)
        outputs = []
        pairs = list(zip(self.decoders, self.heads, strict=True))
        for index, (decoder, heads) in enumerate(pairs[:first]):
            read = perturb[index - 1](features) if 0 < index <= len(perturb) else features
            scales = decoder(read)
            extra = heads(scales[0])
            outputs.append(Output(extra.pop("logits"), scales[0], read, scales, extra))
        return tuple(outputs)


class Single(Segmenter):
    """A segmenter with one decoder: image -> its Output."""

    def forward(self, image: Tensor) -> Output:  # type: ignore[override]
        """(B, C, X, Y, Z) -> Output."""
        return super().forward(image)[0]


class Heads(nn.Module):
    """1x1x1 convolutions on the finest decoder map, behind the architecture's head dropout: (B, E, ...) -> maps."""

    def __init__(self, architecture: Architecture, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.dropout = nn.Dropout3d(architecture.head_dropout)
        self.heads = nn.ModuleDict()
        for name, maps in heads.items():
            self.heads[name] = nn.Conv3d(architecture.embedding, maps, 1)
            architecture.initialize(self.heads[name])

    def forward(self, embedding: Tensor) -> dict[str, Tensor]:
        """(B, E, X, Y, Z) -> name -> (B, maps, X, Y, Z)."""
        read = self.dropout(embedding)
        return {name: head(read) for name, head in self.heads.items()}
