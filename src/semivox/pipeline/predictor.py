"""A trained model as an object: an array with its spacing in, labels out, with no file between."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import cast

import numpy as np
import torch

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.geometry import Grid, Shape, Spacing
from semivox.core.plan import Plan
from semivox.data.formats.scan import require_sane, require_sane_grid
from semivox.data.formats.volume import from_array, read
from semivox.inference.predictor import Prediction
from semivox.pipeline.predict import predictor_of

AnyPath = str | PathLike[str]
NAME = "the array"
"""How an array is named in a sentence."""
CLOSE = 1e-3
"""Relative difference up to which a spacing is that of an affine."""


class Predictor:
    """Labels scans with the model of a run: ``Predictor("job/ua_mt")(array, (0.8, 0.8, 2.0)).label``.

    ``run``: a job, run or model folder. ``device``, ``precision``, ``blend``, ``overlap``, ``stride``, ``mirror`` and
    ``largest_component`` as in ``semivox.predict``. The model is loaded once. Raises InputError where there is none.
    """

    def __init__(  # noqa: PLR0913 - the options of the command
        self,
        run: AnyPath,
        *,
        device: str = "auto",
        precision: str | None = None,
        blend: str = "gaussian",
        overlap: float = 0.5,
        stride: Shape | None = None,
        mirror: bool = False,
        largest_component: bool = False,
    ) -> None:
        windows = {"blend": blend, "overlap": overlap, "stride": stride, "mirror": mirror}
        self._predictor = predictor_of(Path(run), device, precision, **windows, largest_component=largest_component)

    @property
    def plan(self) -> Plan:
        """What the model was trained by: ``plan.classes`` names the values of a label, ``plan.channels`` the input."""
        return self._predictor.plan

    def __call__(
        self,
        scan: np.ndarray | AnyPath | Sequence[AnyPath],
        spacing: Spacing | None = None,
        affine: np.ndarray | None = None,
        *,
        maps: Collection[str] = (),
    ) -> Prediction:
        """Label one scan; ``.label`` (X, Y, Z) has the data set's own values, voxel by voxel those of the scan.

        ``scan``: (X, Y, Z), or (C, X, Y, Z) for several channels, of any number type, x to the patient's right, y to
        the front, z up unless ``affine`` says otherwise; or a file, or a file per channel. ``spacing``: mm along x, y,
        z; ``affine``: (4, 4), voxel -> RAS+ mm, as nibabel has it; an array needs one of the two. ``maps``: further
        results, of "probabilities" (K, X, Y, Z), "entropy" (nats) and "disagreement". Raises InputError.
        """
        volume = _from_array(scan, spacing, affine) if isinstance(scan, np.ndarray) else _read(scan, spacing, affine)
        with torch.inference_mode():
            return self._predictor(volume, maps)


def _from_array(array: np.ndarray, spacing: Spacing | None, affine: np.ndarray | None) -> Volume:
    """The array as a scan. Raises InputError saying what about it is wrong."""
    if array.ndim not in (3, 4) or array.dtype.kind not in "biuf":
        raise InputError(
            f"a scan is an array of numbers (X, Y, Z), or (channels, X, Y, Z); received {array.dtype} of shape "
            f"{array.shape}"
        )
    channels = array[None] if array.ndim == 3 else array
    x, y, z = channels.shape[1:]
    require_sane(NAME, channels.shape)
    grid = Grid((x, y, z), _affine(spacing, affine))
    require_sane_grid(NAME, grid)
    return from_array(channels.astype(np.uint8) if channels.dtype.kind == "b" else channels, grid, NAME)


def _affine(spacing: Spacing | None, affine: np.ndarray | None) -> np.ndarray:
    """(4, 4) of whichever of the two is given; both must agree."""
    if affine is None and spacing is None:
        raise InputError("an array does not say how large its voxels are; give spacing=(x, y, z) in mm, or affine=")
    if spacing is not None and (np.shape(spacing) != (3,) or not all(0 < edge < np.inf for edge in spacing)):
        raise InputError(f"spacing is three positive numbers, mm along x, y and z; received {spacing}")
    if affine is None:
        return np.diag([*map(float, spacing or ()), 1.0])
    matrix = np.asarray(affine, np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-18:
        raise InputError(f"affine is a (4, 4) matrix that can be inverted, voxel -> RAS+ mm; received {affine!r:.200}")
    edges = np.linalg.norm(matrix[:3, :3], axis=0)
    if spacing is not None and not np.allclose(edges, spacing, rtol=CLOSE):
        raise InputError(f"spacing {spacing} is not that of the affine, {tuple(edges.round(4))}; give one of the two")
    return matrix


def _read(scan: AnyPath | Sequence[AnyPath], spacing: Spacing | None, affine: np.ndarray | None) -> Volume:
    """The files of a scan. Raises InputError."""
    if spacing is not None or affine is not None:
        raise InputError("a file says itself how large its voxels are; spacing and affine are for arrays")
    paths = [scan] if isinstance(scan, (str, PathLike)) else list(scan)
    if wrong := [path for path in cast(list[object], paths) if not isinstance(path, (str, PathLike))]:
        raise InputError(f"a scan is a NumPy array, a file, or a list of files; received {wrong[0]!r:.80}")
    return read([Path(path) for path in paths])
