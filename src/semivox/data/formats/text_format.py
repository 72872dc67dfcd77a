"""What NRRD and MetaImage have in common: a text header, and voxels behind it or in a file beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, ScanError
from semivox.data.formats.voxels import Voxels, require_there, require_written

KNOWN_KEYS = {"itk_filternotes", "itk_inputfiltername", "itk_original_direction", "itk_original_spacing"}
"""Keys that say nothing of a patient, although they look so."""


class TextFormat(Format):
    """A format whose header is text."""

    @abstractmethod
    def parsed(self, path: Path) -> tuple[Header, Voxels]:
        """What the header says, judged, and where the voxels are. Raises ScanError."""

    def read_header(self, path: Path) -> Header:
        """Geometry, channels and segments without the voxels. Raises ScanError."""
        header, voxels = self.parsed(path)
        require_there(path, voxels)
        return header

    def write(self, path: Path, array: np.ndarray, grid: Grid, keys: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write (X, Y, Z) or (X, Y, Z, K), compressed, with keys beside. Raises OSError where it cannot be whole."""
        from semivox.data.formats import itk

        itk.write(path, array, grid, keys)
        require_written(path, self.parsed(path)[1])

    def files(self, path: Path) -> tuple[Path, ...]:
        """The header, and the file of its voxels where that is another one."""
        try:
            return tuple(dict.fromkeys((path, self.parsed(path)[1].file)))
        except (ScanError, OSError):  # an unfit header: whoever opens the scan says what is wrong with it
            return (path,)
