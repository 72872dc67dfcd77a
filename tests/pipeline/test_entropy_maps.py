"""Where a run was undecided, kept in a byte a voxel."""

import math

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.volume import read_label
from semivox.pipeline.entropy_maps import entropy_of, entropy_path, write_entropy


def test_a_map_keeps_its_place_and_a_255th_of_what_can_be(tmp_path):
    values = np.random.default_rng(0).uniform(0, math.log(3), (4, 5, 6))
    affine = np.diag([-2.0, 3.0, -1.0, 1.0])  # left and down: the page reads it turned to right and up
    write_entropy(tmp_path, "a/b", values, 3, Grid((4, 5, 6), affine))
    assert np.allclose(read_label(entropy_path(tmp_path, "a/b")).source.affine, affine)
    found = entropy_of(tmp_path, "a/b")
    assert np.abs(found - (values / math.log(3))[::-1, :, ::-1]).max() <= 0.5 / 255 + 1e-6
    assert entropy_of(tmp_path, "other") is None
