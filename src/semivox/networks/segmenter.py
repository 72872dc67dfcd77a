"""Encoder, decoders and heads joined into one trainable network with one ``forward``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from semivox.networks.architecture import Architecture, Output
from semivox.networks.parts import Upsampling

DecoderKind = Upsampling | Literal["shallow"]
"""How a decoder up-samples, or that it reads the deepest features only."""
ClassHead = Literal["softmax", "sigmoid"]
"""Class logits: one a class, or one a foreground class beside a background of 0, a sigmoid where there are two."""


class Clean(NamedTuple):
    """What a perturbation may look at."""

    features: tuple[Tensor, ...]
    """Of the encoder, finest first."""
    logits: Tensor
    """(B, K, X, Y, Z) of the first decoder, detached."""
    decode: Callable[[tuple[Tensor, ...]], Tensor]
    """Features -> logits of the decoder that will read the perturbed ones."""


Reading = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]
"""Features of the encoder, finest first -> those that the decoder reads, of the same channels and sizes."""
Perturbation = Callable[[Clean], tuple[Tensor, ...]]
"""-> perturbed features of the same shapes, finest first; of fewer samples where a decoder should read fewer."""


class Segmenter(nn.Module):
    """One encoder and one or more decoders, each with its own heads: image -> one Output per decoder."""

    def __init__(
        self,
        architecture: Architecture,
        channels: int,
        classes: int,
        decoders: Sequence[DecoderKind],
        heads: Mapping[str, int],
        head: ClassHead = "softmax",
    ) -> None:
        super().__init__()
        self.encoder = architecture.encoder(channels)
        self.decoders = nn.ModuleList(
            Shallow(architecture) if kind == "shallow" else architecture.decoder(kind) for kind in decoders
        )
        self.free_background = head == "softmax"
        own = classes if self.free_background else classes - 1
        self.heads = nn.ModuleList(Heads(architecture, {"logits": own, **heads}) for _ in decoders)
        coarser = [0 if kind == "shallow" else architecture.coarse_logits for kind in decoders]
        self.coarse = nn.ModuleList(CoarseLogits(architecture, own, number) for number in coarser if any(coarser))

    def forward(
        self, image: Tensor, perturb: Sequence[Perturbation] = (), first: int | None = None
    ) -> tuple[Output, ...]:
        """(B, C, X, Y, Z) -> one Output per decoder; decoder i reads the features that perturb[i - 1] returns.

        The first decoder always reads clean features. ``first``: run so many decoders only, the others stay idle.
        """
        features = self.encoder(image)
        outputs: list[Output] = []
        for index in range(len(self.decoders))[:first]:
            read = features
            if 0 < index <= len(perturb):
                clean = Clean(features, outputs[0].logits.detach(), partial(self._decode, index))
                read = perturb[index - 1](clean)
            outputs.append(self._read(index, read))
        return tuple(outputs)

    def _read(self, index: int, features: tuple[Tensor, ...]) -> Output:
        """What decoder ``index`` and its heads make of features, finest first."""
        scales = self.decoders[index](features)
        extra, read = self.heads[index](scales[0])
        logits = extra.pop("logits")
        if self.coarse:
            logits = self.coarse[index](logits, scales[1:])
        if not self.free_background:
            logits = F.pad(logits, (0, 0, 0, 0, 0, 0, 1, 0))  # (B, K - 1, ...) -> (B, K, ...)
        return Output(logits, scales[0], features, scales, extra, read=read)

    def _decode(self, index: int, features: tuple[Tensor, ...]) -> Tensor:
        return self._read(index, features).logits


class Single(Segmenter):
    """A segmenter with one decoder: image -> its Output."""

    def __init__(
        self,
        architecture: Architecture,
        channels: int,
        classes: int,
        heads: Mapping[str, int],
        deep: int = 0,
        head: ClassHead = "softmax",
    ) -> None:
        """``deep``: how many of the coarser decoder maps, from the finest on, have class logits of their own."""
        super().__init__(architecture, channels, classes, ("transposed",), heads, head)
        coarser = architecture.widths[1:]
        if deep > len(coarser):
            raise ValueError(f"{deep} deep heads, but only {len(coarser)} coarser decoder maps")
        self.deep = nn.ModuleList(nn.Conv3d(width, classes, 1) for width in coarser[:deep])
        architecture.initialize(self.deep)

    def forward(self, image: Tensor, read: Reading | None = None) -> Output:  # type: ignore[override]
        """(B, C, X, Y, Z) -> Output; ``read``: what the decoder reads in place of the encoder's features.

        It may read of more samples or fewer: each set of features that it is to decode, one behind the other.
        """
        features = self.encoder(image)
        output = self._read(0, features if read is None else read(features))
        pairs = zip(self.deep, output.scales[1:], strict=False)
        return output._replace(deep=tuple(head(map_) for head, map_ in pairs))


class Shallow(nn.Module):
    """A decoder that costs next to nothing: a 1x1x1 convolution of the deepest features, interpolated to the finest.

    Feature maps, finest first -> one decoder map (B, E, X, Y, Z). It can tell where an organ is, not where it ends.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.project = nn.Conv3d(architecture.widths[-1], architecture.embedding, 1)
        architecture.initialize(self.project)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See the class."""
        # convolution and interpolation commute; this order is the cheap one
        return (F.interpolate(self.project(features[-1]), features[0].shape[2:], mode="trilinear"),)


class CoarseLogits(nn.Module):
    """1x1x1 convolutions of the coarser decoder maps, interpolated and added to the class logits of the finest."""

    def __init__(self, architecture: Architecture, classes: int, number: int) -> None:
        super().__init__()
        widths = architecture.widths[1 : number + 1]
        self.heads = nn.ModuleList(nn.Conv3d(width, classes, 1) for width in widths)
        architecture.initialize(self.heads)

    def forward(self, logits: Tensor, scales: Sequence[Tensor]) -> Tensor:
        """(B, K, X, Y, Z) and maps (B, W, ...), finest first -> (B, K, X, Y, Z); unchanged without maps."""
        maps = [logits, *(head(map_) for head, map_ in zip(self.heads, scales, strict=False))]
        total = maps.pop()
        while maps:  # from the coarsest on, so that each is interpolated over one level only
            finer = maps.pop()
            total = finer + F.interpolate(total, finer.shape[2:], mode="trilinear")
        return total


class Heads(nn.Module):
    """1x1x1 convolutions on the finest decoder map, behind the architecture's head dropout.

    (B, E, ...) -> maps by name, and what they were read from.
    """

    def __init__(self, architecture: Architecture, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.dropout = nn.Dropout3d(architecture.head_dropout)
        self.heads = nn.ModuleDict()
        for name, maps in heads.items():
            self.heads[name] = nn.Conv3d(architecture.embedding, maps, 1)
            architecture.initialize(self.heads[name])

    def forward(self, embedding: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(B, E, X, Y, Z) -> name -> (B, maps, X, Y, Z), and (B, E, X, Y, Z) behind the dropout."""
        read = self.dropout(embedding)
        return {name: head(read) for name, head in self.heads.items()}, read
