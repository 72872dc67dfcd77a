"""How the numbers of a family of papers were made: what must be said beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from semivox.core.frozen import Frozen


class Protocol(Frozen):
    """How the numbers of a family of papers were made."""

    data: str
    network: str
    steps: str
    weights: Literal["last", "validation", "best on test"]
    scored: int
    """Test cases."""
    files: str = ""
    """Digest of the released files, as a study of them keeps it in ``study.json``; empty: not public."""
    conditions: tuple[str, ...] = ()
    """What else makes the numbers what they are, whoever repeats them."""


RELEASED = "160f3fe1ed09"
"""The 100 files ``mri_norm2.h5`` of github.com/yulequan/UA-MT, commit 88ed29ad794f, with their lists."""
LEFT_ATRIUM = (
    "their scans are cropped around the reference, test scans too: finding the atrium is not tested",
    "their HD95 and ASD are in voxels of 0.625 mm, and ASD is from prediction to reference only",
    "theirs is one draw of the labeled scans and one seed",
)
PROTOCOLS: Mapping[str, Protocol] = {
    "midl-hip": Protocol(
        data="hip CT of 950 subjects (private), fixed patches as cases",
        network="unet3d",
        steps="40 epochs",
        weights="validation",
        scored=1200,
        conditions=("theirs is one draw of the labeled patches and one seed", "it is not said which HD95 was used"),
    ),
    "la-6000-last": Protocol(
        data="left atrium, 80 training scans", network="vnet", steps="6000", weights="last", scored=20,
        files=RELEASED, conditions=LEFT_ATRIUM,
    ),
    "la-15000-last": Protocol(
        data="left atrium, 80 training scans", network="vnet", steps="15000", weights="last", scored=20,
        files=RELEASED, conditions=LEFT_ATRIUM,
    ),
    "la-15000-best-on-test": Protocol(
        data="left atrium, 80 training scans", network="vnet", steps="15000", weights="best on test", scored=20,
        files=RELEASED,
        conditions=(*LEFT_ATRIUM, "their weights were chosen on the scans that are scored, which flatters them"),
    ),
}  # fmt: skip
"""By the name that a study file gives."""
