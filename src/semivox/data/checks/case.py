"""One case, read once: everything that can be said about it without looking at the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.plan import ClassInfo
from semivox.data.checks.arrangement import class_traits
from semivox.data.checks.drawing import drawing_findings
from semivox.data.checks.edges import edge_fit
from semivox.data.checks.examined import Examined
from semivox.data.checks.findings import Finding
from semivox.data.checks.image import channel_findings, header_findings, intensity_findings
from semivox.data.checks.label import place_findings, strange_findings, value_findings
from semivox.data.checks.likeness import signature
from semivox.data.checks.units import intensities
from semivox.data.dataset import CaseFiles
from semivox.data.formats.orientation import axis_codes, canonical_grid, to_canonical
from semivox.data.formats.scan import Scan, ScanError, Segment
from semivox.data.formats.segments import drawn_of, is_unnamed
from semivox.data.formats.volume import assemble, fill, read_label_scan, read_scan
from semivox.data.measurements import facts


@dataclass(frozen=True)
class CheckTask:
    """What a worker needs to examine one case."""

    entry: CaseFiles
    """Its label is None where the label must stay closed."""
    measure: bool
    """Whether its facts may enter the plan: training cases only."""
    channels: tuple[str, ...] | None
    values: tuple[int, ...] | None
    """The label values that the data set declares."""
    ignore: int | None
    classes: tuple[ClassInfo, ...] | None = None
    """The classes that the data set declares; a label that names its own is read by the names."""


def examine(task: CheckTask) -> Examined:
    """Read the case's files once and judge them."""
    entry = task.entry
    if not entry.images:
        label = entry.label or Path(entry.name)
        text, fix = f"{label.name} has no image", "Add the image under the same name, or remove the label."
        return Examined(entry.name, (Finding.of("error", "missing_image", text, fix, label),))
    scans, findings = _read(entry.images)
    if scans is None:
        return Examined(entry.name, tuple(findings))
    try:
        volume = assemble(entry.images, scans)
    except ScanError as error:
        return Examined(
            entry.name, (*findings, Finding.of("error", error.finding, error.message, error.fix, entry.images[0]))
        )
    axes = axis_codes(volume.source)
    del scans
    array, filled = fill(volume.array)
    volume = Volume(array, volume.grid, volume.source)
    names, file = task.channels or (), str(entry.images[0])
    expected = None if task.channels is None else len(task.channels)
    findings += channel_findings(entry.images, len(array), expected)
    findings += intensity_findings(volume, filled, names, file)
    drawn, more, segments = _examine_label(task, volume)
    findings += more
    if drawn is not None:
        findings += drawing_findings(entry.label or Path(file), drawn, volume, task.ignore)
    sound = not any(finding.level == "error" for finding in findings)
    measured = facts(entry.name, volume, drawn, task.ignore) if task.measure and sound else None
    if measured is not None and drawn is not None:
        measured = measured.model_copy(update={"annotated": entry.annotated})
    seen = tuple(intensities(channel) for channel in array)
    return Examined(
        entry.name,
        tuple(findings),
        measured,
        digest(array),
        axes,
        len(array),
        volume.spacing,
        segments,
        volume.shape,
        tuple(float(value) for value in volume.grid.affine[:3, 3]),
        volume.source.frame_of_reference,
        seen,
        signature(array[0]),
        "" if drawn is None or not drawn.any() else digest(drawn[None]),
        {} if drawn is None else class_traits(drawn, volume, seen[0]),
        () if drawn is None else edge_fit(volume.array[0], drawn, volume.spacing),
    )


def digest(array: np.ndarray) -> str:
    """A hash of the voxels (C, X, Y, Z) in RAS+ orientation, equal for copies in any format and number type."""
    result = hashlib.blake2b(repr(array.shape).encode(), digest_size=16)
    for channel in array:
        for slab in channel:  # slab by slab, so that the float32 copy stays small
            with np.errstate(over="ignore"):  # what is beyond single precision becomes infinite
                result.update((slab.astype(np.float32) + np.float32(0)).tobytes())  # + 0: -0.0 becomes 0.0
    return result.hexdigest()


def _read(
    paths: tuple[Path, ...], reader: Callable[[Path], Scan] = read_scan
) -> tuple[list[Scan] | None, list[Finding]]:
    """All files of an image with the findings on their headers; None if one cannot be read."""
    scans, findings, failed = [], [], False
    for path in paths:
        try:
            scan = reader(path)
        except ScanError as error:
            findings.append(Finding.of("error", error.finding, error.message, error.fix, path))
            failed = True
        except OSError as error:
            text = f"{path.name} cannot be read: {error.strerror or error}"
            findings.append(Finding.of("error", "unreadable", text, "Check the disk and the permissions.", path))
            failed = True
        except MemoryError:
            findings.append(
                Finding.of("error", "too_large", f"{path.name} does not fit in memory", "Use fewer workers.", path)
            )
            failed = True
        else:
            scans.append(scan)
            findings += header_findings(path, scan.header)
    return None if failed else scans, findings


def _examine_label(task: CheckTask, volume: Volume) -> tuple[np.ndarray | None, list[Finding], tuple[Segment, ...]]:
    """The label (X, Y, Z) in RAS+ orientation if it is sound, what was found on it, and its own names of classes.

    No names are told where the data set's decide already.
    """
    path = task.entry.label
    if path is None:
        return None, [], ()
    scans, findings = _read((path,), lambda label: read_label_scan(label, volume.source, task.classes))
    if scans is None:
        return None, findings, ()
    (scan,) = scans
    if len(scan.array) > 1:
        text = f"{path.name} has {len(scan.array)} numbers a voxel; a label has one"
        return (
            None,
            [*findings, Finding.of("error", "label_channels", text, "Save one volume of class numbers.", path)],
            (),
        )
    findings = [
        finding for finding in findings if finding.code not in ("spacing", "field_of_view")
    ]  # said of the image
    findings = [_graver(finding) for finding in findings]
    source = scan.header.grid
    findings += place_findings(path, canonical_grid(source), volume.grid)
    more, whole = value_findings(path, to_canonical(scan.array, source)[0], task.values, task.ignore)
    more += strange_findings(path, whole, task.classes, task.entry.annotated)
    placed = not any(finding.level == "error" for finding in findings)
    settled = any(not is_unnamed(info.name) for info in (task.classes or ())[1:])
    segments = () if settled or whole is None else drawn_of(scan.header.segments, whole)
    return whole if placed else None, findings + more, segments


def _graver(finding: Finding) -> Finding:
    """A label's numbers are classes: what may be a scale of an image is an error there."""
    return finding.model_copy(update={"level": "error"}) if finding.code == "byte_order" else finding
