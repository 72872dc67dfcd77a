"""The methods, one paper a file. The table is lazy: listing names imports no torch."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from typing import TYPE_CHECKING

from semivox.core.errors import InputError
from semivox.core.spelling import suggestion

if TYPE_CHECKING:
    from semivox.methods.method import Method

DEFAULT = "embedding_matching"
"""The method that is taken where none is named."""

METHODS: dict[str, str] = {
    "supervised": "semivox.methods.supervised:Supervised",
    "mean_teacher": "semivox.methods.mean_teacher:MeanTeacher",
    "ua_mt": "semivox.methods.ua_mt:UAMT",
    "tcse": "semivox.methods.tcse:TCSE",
    "embedding_matching": "semivox.methods.embedding_matching:EmbeddingMatching",
    "cct": "semivox.methods.cct:CCT",
    "urpc": "semivox.methods.urpc:URPC",
    "mc_net": "semivox.methods.mc_net:MCNet",
    "mc_net_plus": "semivox.methods.mc_net_plus:MCNetPlus",
    "mtc": "semivox.methods.mtc:MTC",
    "dtc": "semivox.methods.dtc:DTC",
    "sassnet": "semivox.methods.sassnet:SASSNet",
    "asdnet": "semivox.methods.asdnet:ASDNet",
    "dap": "semivox.methods.dap:DAP",
    "ss_net": "semivox.methods.ss_net:SSNet",
    "caml": "semivox.methods.caml:CAML",
    "dkuxnet": "semivox.methods.dkuxnet:DKUXNet",
    "cps": "semivox.methods.cps:CPS",
    "bcp": "semivox.methods.bcp:BCP",
    "unimatch_v2": "semivox.methods.unimatch_v2:UniMatchV2",
    "ad_mt": "semivox.methods.ad_mt:ADMT",
    "crossmatch": "semivox.methods.crossmatch:CrossMatch",
    "tracoco": "semivox.methods.tracoco:TraCoCo",
}

REBUILT, INVENTED = "masked_autoencoder", "invented_shapes"
PRETRAININGS: dict[str, str] = {
    REBUILT: "semivox.methods.masked_autoencoder:MaskedAutoencoder",
    INVENTED: "semivox.methods.invented_shapes:InventedShapes",
}
"""What segments nothing itself, but gives methods weights to start from (``semivox pretrain``)."""


def names() -> tuple[str, ...]:
    """The methods that can be asked for: ours, and those of installed packages (entry points ``semivox.methods``)."""
    return tuple(METHODS) + tuple(point.name for point in _installed())


def canonical(name: str) -> str:
    """The name as it stands in tables, files and folders: ``UA-MT`` -> ``ua_mt``, ``MC-Net+`` -> ``mc_net_plus``."""
    plain = "_".join(name.replace("+", "-plus").replace("-", " ").split())
    return plain.lower() if plain not in METHODS and plain.lower() in METHODS else plain


def find(name: str) -> type[Method]:
    """The method's class. Hyphens may stand for underscores. Raises InputError listing the names there are."""
    return _class(place_of(name))


def place_of(name: str) -> str:
    """``module:Class`` of a method, nothing loaded. Raises InputError listing the names there are."""
    name = canonical(name)
    if name in PRETRAININGS:
        return PRETRAININGS[name]
    places = METHODS if name in METHODS else METHODS | {point.name: point.value for point in _installed()}
    if name not in places:
        raise InputError(f"there is no method {name!r}{suggestion(name, places)}; choose from {', '.join(places)}")
    return places[name]


def _class(place: str) -> type[Method]:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def _installed() -> EntryPoints:
    """Methods of other packages. Looking for them takes some 50 ms."""
    return entry_points(group="semivox.methods")
