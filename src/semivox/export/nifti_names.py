"""NIfTI labels that carry names and colors of their classes in a header extension, as Connectome Workbench has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nibabel as nib
import numpy as np

from semivox.core.files import beside, put, writing
from semivox.data.formats.scan import Scan, Segment
from semivox.data.formats.volume import write_label

CODES = (0, 30)
"""Written twice: 30 is the register's code of this kind (Connectome Workbench reads it); programs that go by nibabel,
as TotalSegmentator does, read the first one as text and stumble over 30."""


def write_named_nifti(target: Path, scan: Scan, segments: Sequence[Segment]) -> None:
    """Write the label (1, X, Y, Z) on its grid with a table of its classes. Raises SemivoxError, InputError."""
    temporary = beside(target, ".nii.gz")
    try:
        write_label(temporary, scan.array[0], scan.header.grid)
        with writing(target):
            plain: Any = nib.load(temporary)
            values = np.asanyarray(plain.dataobj)
            for code in CODES:
                plain.header.extensions.append(nib.nifti1.Nifti1Extension(code, label_table(segments).encode()))
            nib.save(type(plain)(values, None, plain.header), temporary)
            put(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def label_table(segments: Sequence[Segment]) -> str:
    """The table as XML: key, color and name of each class, the background first."""
    whole = ElementTree.Element("CaretExtension")
    volume = ElementTree.SubElement(whole, "VolumeInformation", Index="0")
    table = ElementTree.SubElement(volume, "LabelTable")
    entries = [
        ("???", 0, (1.0, 1.0, 1.0), 0),
        *((one.name, one.value, one.color or (1.0, 0.0, 0.0), 1) for one in segments),
    ]
    for name, value, (red, green, blue), alpha in entries:
        ink = {"Red": f"{red:.3f}", "Green": f"{green:.3f}", "Blue": f"{blue:.3f}", "Alpha": str(alpha)}
        ElementTree.SubElement(table, "Label", {"Key": str(value), **ink}).text = name
    ElementTree.SubElement(volume, "VolumeType").text = "Label"
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=False)
