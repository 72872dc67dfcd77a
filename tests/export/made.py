"""Labels on made-up series, and the command that exports them."""

import numpy as np

from semivox.cli import exit_code
from semivox.data.formats import volume
from semivox.data.formats.scan import Segment
from tests.data.formats.dicom.structures import boxes, truth

NAMES = (Segment("liver", 1), Segment("left kidney", 4), Segment("odd thing", 7))


def label_of(tmp_path, grid, suffix=".seg.nrrd"):
    """A label with the values 1 and 4, and a class 7 of no voxel, on the grid of a series."""
    array = np.where(truth(boxes()) == 2, 4, truth(boxes())).transpose(2, 1, 0)
    path = tmp_path / "labels" / f"ct{suffix}"
    if suffix == ".seg.nrrd":
        volume.write_segmentation(path, array, grid, NAMES)
    else:
        volume.write_label(path, array, grid)
    return path, array


def run(*words):
    return exit_code(["export", *map(str, words)])
