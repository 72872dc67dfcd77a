"""A DICOM label says by the names of its structures what was looked for; what it does not name is unlabeled."""

import json

import numpy as np
import pytest

from semivox.data import layouts
from tests.data.formats.dicom import made_up
from tests.data.formats.dicom.structures import DIRECTIONS, SHAPE, boxes, scan

SQUARE = np.array([(3.0, 3, 6), (9, 3, 6), (9, 9, 6), (3, 9, 6)])


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT"])
def test_what_a_dicom_label_does_not_name_was_not_looked_for(tmp_path, kind):
    positions, _ = scan(tmp_path)
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "ct").rename(tmp_path / "set" / "images" / "a")
    if kind == "SEG":
        masks = {"spleen": boxes()["spleen"], "kidney": np.zeros(SHAPE, bool)}  # looked for, and not there
        label = made_up.segmentation(masks, positions, DIRECTIONS["axial"])
    else:
        label = made_up.structures({"spleen": [SQUARE], "kidney": [], "couch": [SQUARE]})
    made_up.write(label, tmp_path / "set" / "labels" / "a.dcm")
    names = ("liver", "spleen", "kidney")
    told = {"labels": {"background": 0} | {name: value for value, name in enumerate(names, 1)}, "annotated": "segments"}
    (tmp_path / "set" / "dataset.json").write_text(json.dumps(told))
    (entry,) = layouts.find(tmp_path / "set").entries
    assert entry.label is not None
    assert entry.annotated == ("spleen", "kidney")
