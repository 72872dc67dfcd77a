"""Surfaces lie where the mask ends, and their colors are the signed distance in mm from the reference."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from semivox.reports import figures
from semivox.reports.surface_pictures import kept
from semivox.reports.surfaces import SurfaceRow, surface, surface_figure

SPACING = (1.0, 0.8, 2.0)


def ball(radius, shape=(48, 60, 26), value=1):
    """A ball of ``radius`` mm in the middle."""
    places = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")).reshape(3, -1).T
    middle = (np.array(shape) - 1) / 2
    inside = np.linalg.norm((places - middle) * SPACING, axis=1) <= radius
    return (inside.reshape(shape) * value).astype(np.uint8), middle * SPACING


@pytest.mark.parametrize(("ours", "theirs"), [(14, 11), (9, 12), (12, 12)])
def test_the_distance_between_two_balls_is_the_difference_of_their_radii(ours, theirs):
    (label, middle), (reference, _) = ball(ours), ball(theirs)
    found = surface(label, 1, SPACING, reference)
    assert np.linalg.norm(found.corners - middle, axis=1).mean() == pytest.approx(ours, abs=0.5)
    assert found.distance.mean() == pytest.approx(ours - theirs, abs=0.4)
    assert np.abs(found.distance - (ours - theirs)).max() < 1.6  # voxels are 2 mm high


def test_a_class_that_is_missing_has_no_surface_and_one_that_the_reference_lacks_no_distance():
    label, _ = ball(9, value=2)
    assert surface(label, 1, SPACING) is None
    assert surface(label, 2, SPACING, np.zeros_like(label)).distance is None


def test_a_structure_of_one_voxel_and_one_at_the_border_are_drawn():
    label = np.zeros((5, 5, 5), np.uint8)
    label[2, 2, 2] = 1
    label[:, :, 0] = 2
    assert len(surface(label, 1, SPACING).triangles) > 3
    assert surface(label, 2, SPACING).corners[:, 2].min() <= 0


def test_the_figure_has_a_row_a_case_and_a_column_a_label_map(tmp_path):
    (reference, _), (label, _) = ball(10), ball(12)
    rows = [
        SurfaceRow(name, {"reference": reference, "ua_mt": label}, reference, SPACING, {"ua_mt": "Dice 0.8"})
        for name in ("a", "b")
    ]
    drawn = surface_figure(rows, ("background", "organ $x$"))
    assert len([axes for axes in drawn.axes if axes.name == "3d"]) == 4
    words = [text.get_text() for text in drawn.texts]
    assert {"reference", "UA-MT", "a", "b", "Dice 0.8", r"organ \$x\$"} <= set(words)
    assert to_rgb(next(text for text in drawn.texts if text.get_text().startswith("organ")).get_color()) == (0, 0, 0)
    kept(drawn, tmp_path / "figures", "surfaces")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["surfaces.png", "surfaces.svg"]
    assert figures.png(drawn) == figures.png(drawn)
