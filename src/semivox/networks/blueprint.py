"""All that a method may not decide about its network: architecture, channels, classes. It builds segmenters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.plan import Plan
from semivox.core.spelling import suggestion
from semivox.networks.architecture import Architecture
from semivox.networks.kmax import KMaXSegmenter
from semivox.networks.kmax_options import KMaX
from semivox.networks.pyramid_unet import PyramidUNet
from semivox.networks.rebuilder import Rebuilder
from semivox.networks.segmenter import ClassHead, DecoderKind, Segmenter, Single
from semivox.networks.unet3d import UNet3D
from semivox.networks.uxnet import UXNet
from semivox.networks.vnet import VNet

ARCHITECTURES: dict[str, type[Architecture]] = {
    "vnet": VNet,
    "unet3d": UNet3D,
    "uxnet": UXNet,
    "pyramid_unet": PyramidUNet,
}


@dataclass(frozen=True)
class Blueprint:
    """What is fixed before a method is chosen. A further head or decoder is an argument here, not a new network."""

    architecture: Architecture
    channels: int
    classes: int
    """Background included."""
    mirror: tuple[bool, bool, bool] = (True, True, True)
    """Axes along which a method may reflect patches: not x where left and right are classes."""

    @classmethod
    def of(cls, plan: Plan) -> Blueprint:
        """The blueprint of a plan. Raises InputError for an unknown architecture or option."""
        network = architecture(plan.network.name, plan.network.options)
        return cls(network, len(plan.channels), len(plan.classes), plan.mirror)

    def segmenter(self, heads: Mapping[str, int] | None = None, deep: int = 0, head: ClassHead = "softmax") -> Single:
        """A network (B, C, X, Y, Z) -> Output, with further heads: name -> number of maps.

        ``deep`` coarser decoder maps, from the finest on, have class logits of their own (``Output.deep``). ``head``:
        a logit for each class, or for each foreground class beside a background of 0.
        """
        return Single(self.architecture, self.channels, self.classes, heads or {}, deep, head)

    def segmenters(self, decoders: Sequence[DecoderKind], heads: Mapping[str, int] | None = None) -> Segmenter:
        """A network with several decoders on one encoder: (B, C, X, Y, Z) -> one Output per decoder."""
        return Segmenter(self.architecture, self.channels, self.classes, decoders, heads or {})

    def rebuilder(self, maps: int) -> Rebuilder:
        """A network (B, C, X, Y, Z) -> Output with a second decoder, without skips, which rebuilds so many maps."""
        return Rebuilder(self.architecture, self.channels, self.classes, maps)

    def clustered(self, options: KMaX) -> KMaXSegmenter:
        """A network (B, C, X, Y, Z) -> Output whose logits are those of learned cluster centers."""
        return KMaXSegmenter(self.architecture, self.channels, self.classes, options)


def architecture(name: str, options: Mapping[str, Any]) -> Architecture:
    """The architecture of this name with these options. Raises InputError naming what is unknown or out of bounds."""
    if name not in ARCHITECTURES:
        raise InputError(
            f"there is no network {name!r}{suggestion(name, ARCHITECTURES)}; choose from "
            f"{', '.join(sorted(ARCHITECTURES))}"
        )
    try:
        return ARCHITECTURES[name].model_validate(dict(options))
    except ValidationError as error:
        raise InputError(f"options of network {name!r}:\n{explain(error, ARCHITECTURES[name])}") from error
