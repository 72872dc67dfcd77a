"""Where a NIfTI scan lies: both forms, their codes and the unit, read as nifti1.h says and written again word for word.

The s-form counts if its code is above 0, else the q-form. With both codes 0 the file has no geometry: only the voxel
size (pixdim) is used, and the axes are taken as RAS+ from the origin. Lengths are turned into mm.
"""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from semivox.core.geometry import Forms, Grid, Shape
from semivox.data.formats.orientation import corner_distance, is_usable
from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark

DESCRIPTION = b"Semivox"
DISAGREEMENT = 0.1
"""mm between q-form and s-form at a corner above which viewers will show the scan in different places."""
UNIT_MM = {1: 1000.0, 3: 0.001}
"""NIfTI's codes of meters and micrometers -> mm; all others are taken as mm."""
UNIT_NAMES = {1: "meters", 3: "micrometers"}
SMALL = 1e-7
"""Below this, the first part of the quaternion is taken as 0 (nifti1.h's own reader does the same)."""
MOST_OFF = 0.1
"""How far the squared length of b, c, d may exceed 1; more is no rounding but damage."""
MOST_SHORT = 32767
"""The longest axis of a NIfTI-1 file."""


def read(path: Path, raw: nib.Nifti1Header, shape: Shape) -> tuple[Grid, tuple[Remark, ...]]:
    """The geometry that counts, and what is odd about it. Raises ScanError ``bad_affine``."""
    forms = _forms(raw)
    scale = UNIT_MM.get(forms.unit, 1.0)
    remarks = []
    if forms.unit in UNIT_NAMES:
        text = f"the header gives lengths in {UNIT_NAMES[forms.unit]}; they are read as such and written back"
        remarks.append(Remark("units", text, "No action if the voxel size in mm is right.", "note"))
    qcode, scode = forms.codes
    if qcode <= 0 and scode <= 0:
        return _lost(path, forms, shape, scale, remarks)
    found = ([_in_mm(_sform(forms), scale)] if scode > 0 else []) + (
        [_in_mm(_qform(forms), scale)] if qcode > 0 else []
    )
    usable = [affine for affine in found if is_usable(affine)]
    if not usable:
        raise ScanError(
            "bad_affine",
            f"{path}: the header's geometry is unusable (an axis of length 0, parallel axes, a quaternion that is no "
            "rotation, or not finite numbers).",
            "Copy the geometry of the original scan into it.",
        )
    grid = Grid(shape, usable[0], forms)
    if scode <= 0 or len(usable) < len(found):
        remarks += _oddities(forms)
    if len(usable) < len(found):
        lost = "q" if scode > 0 and is_usable(found[0]) else "s"
        text = f"the {lost}-form is no geometry (not finite, or axes of length 0); the other form is used"
        remarks.append(Remark("forms_disagree", text, "Set both to the same geometry: other programs may use it."))
    if len(usable) == 2 and (distance := corner_distance(grid, Grid(shape, usable[1]))) > DISAGREEMENT:
        text = f"q-form and s-form differ by {distance:.2f} mm at a corner; the s-form is used"
        remarks.append(Remark("forms_disagree", text, "Set both to the same geometry: viewers will differ."))
    return grid, tuple(remarks)


def header_of(array: np.ndarray, grid: Grid) -> nib.Nifti1Header:
    """A fresh header for (X, Y, Z) or (X, Y, Z, K) on a grid; the geometry of the grid's file where it has one."""
    forms = grid.forms
    long = max(array.shape) > MOST_SHORT
    header = (nib.Nifti2Header if long or (forms is not None and forms.version == 2) else nib.Nifti1Header)()
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header["vox_offset"] = header.single_vox_offset
    header["magic"] = header.single_magic
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["descrip"] = DESCRIPTION
    if forms is None:
        header.set_xyzt_units("mm")
        header.set_zooms((*grid.spacing, *(1.0 for _ in array.shape[3:])))
        header.set_qform(grid.affine, 1)
        header.set_sform(grid.affine, 1)
        return header
    header["xyzt_units"] = forms.unit
    header["pixdim"][:4] = forms.pixdim
    header["qform_code"], header["sform_code"] = forms.codes
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = forms.quaternion
    header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = forms.offset
    header["srow_x"], header["srow_y"], header["srow_z"] = np.reshape(forms.rows, (3, 4))
    return header


def _forms(raw: nib.Nifti1Header) -> Forms:
    """The header's fields as plain numbers."""
    rows = np.concatenate([raw["srow_x"], raw["srow_y"], raw["srow_z"]])
    return Forms(
        codes=(int(raw["qform_code"]), int(raw["sform_code"])),
        unit=int(raw["xyzt_units"]) & 7,
        pixdim=tuple(float(value) for value in raw["pixdim"][:4]),
        quaternion=tuple(float(raw[name]) for name in ("quatern_b", "quatern_c", "quatern_d")),
        offset=tuple(float(raw[name]) for name in ("qoffset_x", "qoffset_y", "qoffset_z")),
        rows=tuple(float(value) for value in rows),
        version=2 if isinstance(raw, nib.Nifti2Header) else 1,
    )


def _sform(forms: Forms) -> np.ndarray:
    """(4, 4): voxel indices -> RAS+, in the file's unit."""
    return np.vstack([np.reshape(forms.rows, (3, 4)), [0, 0, 0, 1]])


def _qform(forms: Forms) -> np.ndarray:
    """(4, 4): voxel indices -> RAS+ in the file's unit (nifti1.h, method 2); zeros where the quaternion is no rotation.

    A first pixdim of 0 counts as 1, negative edges as positive, and a quaternion slightly too long is shortened.
    """
    affine = np.eye(4)
    vector = np.array(forms.quaternion)
    rest = 1 - float(vector @ vector)
    if not rest >= -MOST_OFF:  # also for what is not a number
        affine[:3, :3] = 0
        return affine
    if rest < SMALL:
        a, (b, c, d) = 0.0, vector / np.linalg.norm(vector)
    else:
        a, (b, c, d) = rest**0.5, vector
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    edges = np.abs(forms.pixdim[1:])
    edges[2] *= -1 if forms.pixdim[0] < 0 else 1
    affine[:3, :3] = rotation * edges
    affine[:3, 3] = forms.offset
    return affine


def _in_mm(affine: np.ndarray, scale: float) -> np.ndarray:
    result = affine.copy()
    result[:3] *= scale
    return result


def _oddities(forms: Forms) -> list[Remark]:
    """What is against the standard in a q-form that counts, and read all the same."""
    length = float(np.dot(forms.quaternion, forms.quaternion))
    odd = [
        text
        for text, wrong in (
            ("the first pixdim is neither 1 nor -1 (taken as 1)", abs(forms.pixdim[0]) != 1),
            ("edges of voxels are negative (their length is used)", min(forms.pixdim[1:]) < 0),
            ("the quaternion is slightly too long (it is shortened)", length > 1 + 1e-5),
        )
        if wrong
    ]
    fix = "Compare a picture with the original scan, or rewrite the header."
    return [Remark("odd_qform", f"the q-form is odd: {', '.join(odd)}", fix)] if odd else []


def _lost(
    path: Path, forms: Forms, shape: Shape, scale: float, remarks: list[Remark]
) -> tuple[Grid, tuple[Remark, ...]]:
    """A file without geometry: voxel size from pixdim, axes taken as RAS+."""
    spacing = np.abs(forms.pixdim[1:]) * scale
    affine = np.diag([*spacing, 1.0])
    if not is_usable(affine):
        raise ScanError(
            "bad_affine", f"{path}: no geometry, and the voxel size {tuple(map(float, spacing))} is no size.",
            "Rewrite the header.",
        )  # fmt: skip
    text = "the header gives no geometry (q-form and s-form codes are 0); the axes are taken as right, front, up"
    remark = Remark("no_geometry", text, "Export again with geometry, or check a picture.")
    return Grid(shape, affine, forms), (*remarks, remark)
