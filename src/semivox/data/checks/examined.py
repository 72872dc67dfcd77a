"""What one read of a case told: its findings, its facts for the plan, and what is compared with the other cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semivox.core.plan import CaseFacts
from semivox.data.checks.findings import Finding
from semivox.data.checks.units import Intensities
from semivox.data.formats.scan import Segment


@dataclass(frozen=True)
class ClassTraits:
    """What a class of a label is like in its scan."""

    center: tuple[float, float, float]
    """mm from the first voxel, RAS+."""
    volume: float
    """mm3."""
    brightness: float
    """Its mean in the first channel, as a part of the scan's range above the scan's median."""


@dataclass(frozen=True)
class Examined:
    """What one read of a case told."""

    name: str
    findings: tuple[Finding, ...]
    facts: CaseFacts | None = None
    digest: str = ""
    axes: str = ""
    """Directions of the file's axes, such as ``LPS``."""
    channels: int = 0
    spacing: tuple[float, ...] = ()
    segments: tuple[Segment, ...] = ()
    """Names and numbers of the label's classes, where its file tells them."""
    shape: tuple[int, ...] = ()
    origin: tuple[float, ...] = ()
    """World position of the first voxel in mm, RAS+."""
    world: str = ""
    """DICOM's frame of reference: scans that share one were made in one session of one patient."""
    intensities: tuple[Intensities, ...] = ()
    """Per channel; for comparing scans, not kept."""
    signature: tuple[float, ...] = ()
    """Voxels at fixed places of the first channel: alike in scans that are copies but for the unit."""
    drawn: str = ""
    """Hash of its label's voxels, empty where nothing is drawn; not kept."""
    classes: Mapping[int, ClassTraits] = field(default_factory=dict)
    """Value of its label, without background -> what that class is like; not kept."""
    edges: tuple[float, ...] = ()
    """How well the edges of its label follow the scan's (``edges.edge_fit``); not kept."""
