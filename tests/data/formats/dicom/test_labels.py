"""Segmentations and structure sets are put on the grid of their scan, voxel by voxel, or refused."""

from __future__ import annotations

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from skimage.measure import points_in_poly

from semivox.core.plan import ClassInfo
from semivox.data.checks import check
from semivox.data.formats import volume
from semivox.data.formats.scan import ScanError
from semivox.data.layouts import find
from tests.data.formats.dicom import made_up
from tests.data.formats.dicom.structures import DIRECTIONS, SHAPE, boxes, scan, truth


def read(path, grid) -> np.ndarray:
    """(slices, rows, columns) on the grid of the scan."""
    return volume.read_label_scan(path, grid).array[0].transpose(2, 1, 0)


def named(path, grid) -> list[tuple[str, int]]:
    """Names and numbers of the structures."""
    return [(segment.name, segment.value) for segment in volume.read_label_scan(path, grid).header.segments]


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("order", [None, [3, 1, 6, 0, 2, 5, 4]])
def test_frames_of_a_segmentation_lie_where_they_say(tmp_path, name, order):
    positions, grid = scan(tmp_path, name)
    seg = made_up.segmentation(boxes(), positions, DIRECTIONS[name], order=order)
    path = made_up.write(seg, tmp_path / "seg.dcm")
    assert np.array_equal(read(path, grid), truth(boxes()))
    assert named(path, grid) == [("liver", 1), ("spleen", 2)]


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_segmentation_by_highdicom_is_read_voxel_by_voxel(tmp_path, name):
    scan(tmp_path, name)
    sources = [pydicom.dcmread(path) for path in sorted((tmp_path / "ct").iterdir())]
    code = CodedConcept("10200004", "SCT", "Liver")
    described = [
        hd.seg.SegmentDescription(
            number, label, code, code, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        ) for number, label in ((1, "liver"), (2, "spleen"))
    ]  # fmt: skip
    seg = hd.seg.Segmentation(
        sources, truth(boxes()).astype(np.uint8), hd.seg.SegmentationTypeValues.BINARY, described, "1.2.3.4",
        1, "1.2.3.4.5", 1, "x", "x", "1", "0",
    )  # fmt: skip
    path = made_up.write(seg, tmp_path / "labels" / "seg.dcm")
    grid = volume.read_grid(tmp_path / "ct")
    assert np.array_equal(read(path, grid), truth(boxes()))
    assert np.array_equal(read(tmp_path / "labels", grid), truth(boxes()))  # the folder, too


def test_cropped_and_turned_frames_are_put_in_place(tmp_path):
    positions, grid = scan(tmp_path)
    masks = boxes()
    cropped = {name: mask[:, 3:12, 1:11] for name, mask in masks.items()}
    moved = [[1.5, 4.5, z] for _, _, z in positions]
    path = made_up.write(made_up.segmentation(cropped, moved), tmp_path / "cropped.dcm")
    assert np.array_equal(read(path, grid), truth(masks))
    turned = {name: mask[:, ::-1].transpose(0, 2, 1) for name, mask in masks.items()}  # rows become columns
    corner = [[0, 1.5 * (SHAPE[1] - 1), z] for _, _, z in positions]
    path = made_up.write(made_up.segmentation(turned, corner, (0, -1, 0, 1, 0, 0)), tmp_path / "turned.dcm")
    assert np.array_equal(read(path, grid), truth(masks))


def test_a_fractional_segmentation_is_cut_at_half_with_a_note(tmp_path):
    positions, grid = scan(tmp_path)
    levels = {"liver": boxes()["liver"] * np.random.default_rng(0).integers(0, 256, SHAPE)}
    path = made_up.write(made_up.segmentation(levels, positions, kind="FRACTIONAL"), tmp_path / "seg.dcm")
    assert np.array_equal(read(path, grid), levels["liver"] >= 127.5)
    assert "fractional" in {remark.code for remark in volume.read_label_scan(path, grid).header.remarks}


def test_overlapping_segments_are_refused(tmp_path):
    positions, grid = scan(tmp_path)
    masks = boxes()
    masks["tumor"] = masks["liver"].copy()
    path = made_up.write(made_up.segmentation(masks, positions), tmp_path / "seg.dcm")
    with pytest.raises(ScanError, match="'liver' and 'tumor' overlap"):
        read(path, grid)


def test_a_segmentation_of_another_scan_is_refused(tmp_path):
    positions, grid = scan(tmp_path)
    for code, moved, spacing in (
        ("outside", [[x, y, z + 30] for x, y, z in positions], (1.5, 1.5)),
        ("geometry_mismatch", [[x + 0.7, y, z] for x, y, z in positions], (1.5, 1.5)),
        ("geometry_mismatch", positions, (1.4, 1.4)),
    ):
        path = made_up.write(made_up.segmentation(boxes(), moved, spacing=spacing), tmp_path / "seg.dcm")
        with pytest.raises(ScanError) as error:
            read(path, grid)
        assert error.value.finding == code


def test_a_segmentation_alone_stands_on_its_own_frames(tmp_path):
    positions, _ = scan(tmp_path)
    path = made_up.write(made_up.segmentation({"spleen": boxes()["spleen"]}, positions), tmp_path / "seg.dcm")
    label = volume.read_label(path)
    assert label.array.sum() == boxes()["spleen"].sum()
    gap = boxes()["liver"].copy()
    gap[3] = False
    path = made_up.write(made_up.segmentation({"liver": gap}, positions), tmp_path / "gap.dcm")
    with pytest.raises(ScanError, match="together with its scan"):
        volume.read_label(path)


def rings() -> dict[str, list[np.ndarray]]:
    """An ellipse with a hole on three slices, and two triangles on one of them; LPS+ mm."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    outlines: dict[str, list[np.ndarray]] = {"Bladder": [], "Bone": []}
    for z in (3.0, 6.0, 9.0):
        for radius in (5.3, 2.2):
            x, y = 6.1 + radius * np.cos(angles), 8.2 + 1.3 * radius * np.sin(angles)
            outlines["Bladder"].append(np.stack([x, y, np.full_like(x, z)], axis=1))
    for corner in (0.2, 12.3):
        outlines["Bone"].append(np.array([[corner, 15.1, 6], [corner + 2.9, 15.4, 6], [corner + 1, 19, 6]]))
    return outlines


def drawn(contours, shape, spacing=1.5, step=3.0) -> np.ndarray:
    """(slices, rows, columns) by another implementation: scikit-image's point in polygon, contours by exclusive or."""
    mask = np.zeros(shape, bool)
    y, x = np.meshgrid(np.arange(shape[1]) * spacing, np.arange(shape[2]) * spacing, indexing="ij")
    for contour in contours:
        inside = points_in_poly(np.stack([x.ravel(), y.ravel()], axis=1), contour[:, :2]).reshape(shape[1:])
        mask[round(contour[0, 2] / step)] ^= inside
    return mask


def test_a_structure_set_is_filled_as_another_implementation_fills_it(tmp_path):
    _, grid = scan(tmp_path)
    path = made_up.write(made_up.structures(rings()), tmp_path / "rs.dcm")
    expected = drawn(rings()["Bladder"], SHAPE) + 2 * drawn(rings()["Bone"], SHAPE)
    assert set(np.unique(expected)) == {0, 1, 2}
    assert np.array_equal(read(path, grid), expected)
    assert named(path, grid) == [("Bladder", 1), ("Bone", 2)]


@pytest.mark.parametrize("name", DIRECTIONS)
def test_contours_follow_the_directions_of_the_scan(tmp_path, name):
    _, grid = scan(tmp_path, name)
    turn = np.array(DIRECTIONS[name], float).reshape(2, 3)
    frame = np.vstack([turn, np.cross(*turn)])
    turned = {roi: [points @ frame for points in contours] for roi, contours in rings().items()}
    path = made_up.write(made_up.structures(turned), tmp_path / "rs.dcm")
    assert np.array_equal(read(path, grid), drawn(rings()["Bladder"], SHAPE) + 2 * drawn(rings()["Bone"], SHAPE))


def moved(offset) -> dict[str, list[np.ndarray]]:
    return {name: [points + np.array(offset) for points in contours] for name, contours in rings().items()}


@pytest.mark.parametrize(
    ("rois", "code"),
    [
        (moved([0, 0, 30]), "missing_slices"),
        (moved([0, 0, 1.4]), "missing_slices"),
        (moved([200, 0, 0]), "outside"),
        ({"A": [np.array([[2, 2, 3], [8, 2, 3], [8, 8, 7.0]])]}, "oblique_contours"),
        ({"A": [np.array([[2, 2, 3], [8, 2, 3.0]])]}, "bad_contours"),
        ({}, "no_segments"),
        ({"A": rings()["Bladder"], "B": rings()["Bladder"]}, "overlapping_segments"),
    ],
)
def test_contours_that_do_not_fit_the_scan_are_refused(tmp_path, rois, code):
    _, grid = scan(tmp_path)
    path = made_up.write(made_up.structures(rois), tmp_path / "rs.dcm")
    with pytest.raises(ScanError) as error:
        read(path, grid)
    assert error.value.finding == code


def test_a_structure_set_without_its_scan_is_refused(tmp_path):
    path = made_up.write(made_up.structures(rings()), tmp_path / "rs.dcm")
    with pytest.raises(ScanError, match="together with its scan"):
        volume.read_label(path)


def test_contours_that_are_there_twice_are_taken_once(tmp_path):
    _, grid = scan(tmp_path)
    path = made_up.write(made_up.structures({"A": [*rings()["Bone"], *rings()["Bone"]]}), tmp_path / "rs.dcm")
    assert np.array_equal(read(path, grid), drawn(rings()["Bone"], SHAPE))
    assert "doubled_contours" in {remark.code for remark in volume.read_label_scan(path, grid).header.remarks}


def test_points_are_no_outline(tmp_path):
    _, grid = scan(tmp_path)
    path = made_up.write(made_up.structures({"iso": [np.zeros((1, 3))]}, kind="POINT"), tmp_path / "rs.dcm")
    with pytest.raises(ScanError, match="no structure with an outline"):
        read(path, grid)


def test_several_structure_sets_in_a_folder_are_listed(tmp_path):
    _, grid = scan(tmp_path)
    for name in ("a.dcm", "b.dcm"):
        made_up.write(made_up.structures(rings()), tmp_path / "labels" / name)
    with pytest.raises(ScanError, match=r"holds 2 segmentations or structure sets: a\.dcm \(unnamed\); b\.dcm"):
        read(tmp_path / "labels", grid)


def test_only_declared_structures_are_drawn_and_take_their_declared_numbers(tmp_path):
    _, grid = scan(tmp_path)
    body = [np.array([[-0.4, -0.4, z], [15.2, -0.4, z], [15.2, 19, z], [-0.4, 19, z]]) for z in (3.0, 6.0, 9.0)]
    path = made_up.write(made_up.structures({"BODY": body, **rings()}), tmp_path / "rs.dcm")
    with pytest.raises(ScanError, match="'BODY' and 'Bladder' overlap"):
        volume.read_label_scan(path, grid)
    classes = [ClassInfo(name=name, value=value) for name, value in (("background", 0), ("bone", 1), ("bladder", 2))]
    label = volume.read_label_scan(path, grid, classes)
    expected = 2 * drawn(rings()["Bladder"], SHAPE) + drawn(rings()["Bone"], SHAPE)
    assert np.array_equal(label.array[0].transpose(2, 1, 0), expected)
    (remark,) = label.header.remarks
    assert "left out: BODY" in remark.message
    with pytest.raises(ScanError, match="none of the structures heart"):
        volume.read_label_scan(path, grid, [classes[0], ClassInfo(name="heart", value=1)])


@pytest.mark.parametrize("kind", ["contours", "segmentation"])
def test_a_label_of_another_frame_of_reference_is_said(tmp_path, kind):
    positions, grid = scan(tmp_path)
    label = made_up.structures(rings()) if kind == "contours" else made_up.segmentation(boxes(), positions)
    path = made_up.write(label, tmp_path / "label.dcm")
    assert not volume.read_label_scan(path, grid).header.remarks
    label.FrameOfReferenceUID = "1.2.3.4"
    (remark,) = volume.read_label_scan(made_up.write(label, path), grid).header.remarks
    assert remark.code == "other_frame_of_reference"


def test_one_of_several_labels_is_chosen_by_its_uid(tmp_path):
    positions, grid = scan(tmp_path)
    for number, name in enumerate(("a.dcm", "b.dcm"), 1):
        masks = {"x": boxes()[next(iter(boxes()))]} if number == 1 else boxes()
        label = made_up.segmentation(masks, positions)
        label.SOPInstanceUID = label.file_meta.MediaStorageSOPInstanceUID = f"1.2.77.{number}"
        made_up.write(label, tmp_path / "labels" / name)
    with pytest.raises(ScanError, match=r"labels#1\.2\.77\.1"):
        read(tmp_path / "labels", grid)
    assert [one.name for one in volume.read_label_scan(tmp_path / "labels#1.2.77.1", grid).header.segments] == ["x"]
    assert len(volume.read_label_scan(tmp_path / "labels#77.2", grid).header.segments) == len(boxes())


@pytest.mark.parametrize("kind", ["contours", "segmentation"])
def test_a_label_that_names_another_series_is_said(tmp_path, kind):
    positions, grid = scan(tmp_path)
    label = made_up.structures(rings()) if kind == "contours" else made_up.segmentation(boxes(), positions)
    for uid, codes in ((f"{made_up.STUDY}.5", []), ("1.2.3.4", ["other_series"])):
        inner, study, frame = Dataset(), Dataset(), Dataset()
        inner.SeriesInstanceUID = uid
        study.RTReferencedSeriesSequence, frame.RTReferencedStudySequence = Items([inner]), Items([study])
        if kind == "contours":
            label.ReferencedFrameOfReferenceSequence = Items([frame])
        else:
            label.ReferencedSeriesSequence = Items([inner])
        path = made_up.write(label, tmp_path / "label.dcm")
        assert [remark.code for remark in volume.read_label_scan(path, grid).header.remarks] == codes


@pytest.mark.parametrize("step", [2, 3])
def test_contours_on_some_slices_only_are_found(tmp_path, step):
    """As a label of every n-th slice in any format: the slices between would count as background."""
    root = tmp_path / "data"
    count = 15
    made_up.series(root / "images" / "p", made_up.noise((count, 20, 20)))
    square = 1.5 * np.array([[4.0, 4], [15, 4], [15, 15], [4, 15]])
    outlines = [np.column_stack([square, np.full(4, 3.0 * index)]) for index in range(0, count, step)]
    made_up.write(made_up.structures({"liver": outlines}), root / "labels" / "p.dcm")
    report = check(find(root))
    assert "sparse_slices" in {finding.code for case in report.cases for finding in case.findings}
