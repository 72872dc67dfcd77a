"""Labels of 3D Slicer and ITK-SNAP: names decide which number is which class, and voxels lie where they were drawn."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.data.checks import run as checks
from semivox.data.formats import volume
from semivox.data.formats.scan import Segment
from semivox.data.formats.segments import segments_of
from semivox.data.layouts.names import scans
from semivox.data.layouts.recognize import find
from tests.data.formats.text_files import nrrd

SHAPE = (10, 9, 8)
AFFINE = np.array([[0, -3.0, 0, 20], [4.0, 0, 0, -30], [0, 0, 5.0, 7], [0, 0, 0, 1]])
GRID = Grid(SHAPE, AFFINE)
CLASSES = tuple(ClassInfo(name=name, value=value) for value, name in enumerate(("background", "Liver", "spleen")))
LABEL = np.zeros(SHAPE, np.uint8)
LABEL[2:6, 3:7, 2:5] = 1
LABEL[6:9, 3:7, 2:5] = 2
SWAPPED = np.array([0, 2, 1], np.uint8)[LABEL]


def slicer(path: Path, layers: list[np.ndarray], told: list[tuple[str, int, int]], start=(0, 0, 0)) -> Path:
    """As 3D Slicer writes: layers (X, Y, Z) as a list, the cropped extent beginning at voxel ``start``."""
    affine = np.diag([-1, -1, 1, 1]) @ AFFINE
    origin = affine[:3, :3] @ start + affine[:3, 3]
    axes = " ".join(f"({','.join(map(str, column))})" for column in affine[:3, :3].T)
    sizes = " ".join(map(str, layers[0].shape))
    fields = {
        "type": "unsigned char", "endian": None, "encoding": "gzip", "sizes": sizes, "space directions": axes,
        "space origin": f"({','.join(map(str, origin))})",
    }  # fmt: skip
    data = layers[0].tobytes("F")
    if len(layers) > 1:
        fields |= {"dimension": "4", "kinds": "list domain domain domain", "space directions": f"none {axes}",
                   "sizes": f"{len(layers)} {sizes}"}  # fmt: skip
        data = np.stack(layers).tobytes("F")
    keys = [
        f"Segment{number}_{key}:={value}"
        for number, (name, label, layer) in enumerate(told)
        for key, value in {"ID": f"Segment_{number + 1}", "Name": name, "LabelValue": label, "Layer": layer,
                           "Color": "0.5 0.25 1", "Extent": "0 9 0 8 0 7"}.items()
    ]  # fmt: skip
    keys.append("Segmentation_ContainedRepresentationNames:=Binary labelmap|")
    return nrrd(path, fields, gzip.compress(data), keys="\n".join(keys))


def read(path: Path, classes=CLASSES) -> np.ndarray:
    """The label on the scan's voxels."""
    found = volume.read_label(path, GRID, classes)
    assert found.source.shape == SHAPE
    assert np.allclose(found.source.affine, AFFINE)
    return volume.to_source(found.array, found)[0]


def test_names_and_colors_are_read(tmp_path):
    path = slicer(tmp_path / "a.seg.nrrd", [LABEL], [("liver", 1, 0), ("spleen", 2, 0)])
    first, second = segments_of(path)
    assert (first.name, first.value, first.color) == ("liver", 1, (0.5, 0.25, 1.0))
    assert (second.name, second.value) == ("spleen", 2)
    assert np.array_equal(read(path), LABEL)


@pytest.mark.parametrize("names", [("spleen", "liver"), ("SPLEEN", "Liver "), ("spleen", "LIVER")])
def test_names_decide_which_number_is_which_class(tmp_path, names):
    path = slicer(tmp_path / "a.seg.nrrd", [SWAPPED], [(names[0], 1, 0), (names[1], 2, 0)])
    assert np.array_equal(read(path), LABEL)
    assert np.array_equal(read(path, None), SWAPPED)  # without declared classes there is nothing to follow


@pytest.mark.parametrize(("first", "last"), [((2, 3, 2), (9, 7, 5)), ((0, 0, 1), (10, 9, 8)), ((1, 1, 1), (9, 8, 7))])
def test_a_cropped_extent_is_put_back_onto_the_scan(tmp_path, first, last):
    box = tuple(slice(start, stop) for start, stop in zip(first, last))
    path = slicer(tmp_path / "a.seg.nrrd", [LABEL[box]], [("liver", 1, 0), ("spleen", 2, 0)], start=first)
    assert np.array_equal(read(path), LABEL)


def test_an_extent_beyond_the_scan_is_cut_unless_something_is_drawn_there(tmp_path):
    large = np.pad(LABEL, 2)
    told = [("liver", 1, 0), ("spleen", 2, 0)]
    assert np.array_equal(read(slicer(tmp_path / "a.seg.nrrd", [large], told, start=(-2, -2, -2))), LABEL)
    large[0, 0, 0] = 1
    with pytest.raises(InputError, match="1 segment voxel lies outside of the scan"):
        read(slicer(tmp_path / "b.seg.nrrd", [large], told, start=(-2, -2, -2)))


def test_a_segmentation_between_the_voxels_of_the_scan_is_left_where_it_is(tmp_path):
    path = slicer(tmp_path / "a.seg.nrrd", [LABEL], [("liver", 1, 0)], start=(0.5, 0, 0))
    found = volume.read_label(path, GRID)
    assert not np.allclose(found.source.affine, AFFINE)


def test_layers_become_one_label_and_overlaps_are_refused(tmp_path):
    liver, spleen = (LABEL == 1).astype(np.uint8), (LABEL == 2).astype(np.uint8)
    told = [("spleen", 1, 0), ("liver", 1, 1)]
    assert np.array_equal(read(slicer(tmp_path / "a.seg.nrrd", [spleen, liver], told)), LABEL)
    spleen[LABEL == 1] = 1
    with pytest.raises(InputError, match="'spleen' and 'liver' overlap in 48 voxels"):
        read(slicer(tmp_path / "b.seg.nrrd", [spleen, liver], told))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([("liver", 1, 0), ("kidney", 2, 0)], "'kidney' .* is not among the classes"),
        ([("liver", 1, 0), ("LIVER", 2, 0)], "would be one class"),
        ([("spleen", 1, 0)], "the value 2 has no name"),
        ([("liver", 1, 0), ("spleen", 1, 0)], "the same number"),
    ],
)
def test_names_that_are_not_clear_are_refused(tmp_path, told, words):
    with pytest.raises(InputError, match=words) as caught:
        read(slicer(tmp_path / "a.seg.nrrd", [LABEL], told))
    assert "a.seg.nrrd" in str(caught.value)


def test_names_that_programs_give_say_nothing(tmp_path):
    path = slicer(tmp_path / "a.seg.nrrd", [LABEL], [("Segment_1", 1, 0), ("Segment_2", 2, 0)])
    assert np.array_equal(read(path), LABEL)


SNAP = """################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "spleen"
    2     0  255    0        1  1  1    "liver"
"""


@pytest.mark.parametrize("name", ["a.label", "a.txt", "labels.txt"])
def test_itk_snap_descriptions_beside_a_label_name_its_numbers(tmp_path, name):
    nib.save(nib.Nifti1Image(SWAPPED, AFFINE), tmp_path / "a.nii.gz")
    assert np.array_equal(read(tmp_path / "a.nii.gz"), SWAPPED)
    (tmp_path / name).write_text(SNAP)
    assert [one.name for one in segments_of(tmp_path / "a.nii.gz")] == ["Clear Label", "spleen", "liver"]
    assert np.array_equal(read(tmp_path / "a.nii.gz"), LABEL)


def test_a_description_is_not_said_to_be_unused(tmp_path):
    nib.save(nib.Nifti1Image(SWAPPED, AFFINE), tmp_path / "a.nii.gz")
    (tmp_path / "a.txt").write_text(SNAP)
    (tmp_path / "notes.txt").write_text("to do")
    skipped = []
    assert scans(tmp_path, skipped) == [tmp_path / "a.nii.gz"]
    assert [line.partition(":")[0] for line in skipped] == [f"{tmp_path.name}/notes.txt"]


def test_a_description_of_another_label_or_no_description_does_not_count(tmp_path):
    for name in "ab":
        nib.save(nib.Nifti1Image(SWAPPED, AFFINE), tmp_path / f"{name}.nii.gz")
    (tmp_path / "b.txt").write_text(SNAP)
    (tmp_path / "notes.txt").write_text('1 2 3 4 1 1 1 "liver"')
    assert np.array_equal(read(tmp_path / "a.nii.gz"), SWAPPED)
    for name in ("one.txt", "two.label"):
        (tmp_path / name).write_text(SNAP)
    with pytest.raises(InputError, match=r"several label descriptions could be meant: one\.txt, two\.label"):
        read(tmp_path / "a.nii.gz")


def data_set(folder: Path, names: dict[str, tuple[str, str]]) -> Path:
    chance = np.random.default_rng(0)
    for case, told in names.items():
        for place in ("images", "labels"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(chance.random(SHAPE), AFFINE), folder / "images" / f"{case}.nii.gz")
        label = LABEL if told[0] == "liver" else SWAPPED
        slicer(folder / "labels" / f"{case}.seg.nrrd", [label], [(told[0], 1, 0), (told[1], 2, 0)])
    return folder


def test_swapped_names_across_scans_are_found_and_declaring_the_classes_settles_them(tmp_path):
    folder = data_set(
        tmp_path, {"a": ("liver", "spleen"), "b": ("spleen", "liver"), "c": ("liver", "spleen"), "d": ("liver", "x")}
    )
    report = checks.check(find(folder))
    found = {case.case: [one for one in case.findings if one.code == "segment_names"] for case in report.cases}
    assert {case for case, findings in found.items() if findings} == {"b", "d"}
    assert "'spleen' has the number 1 here; in most labels 'spleen' is 2" in found["b"][0].message
    shown = json.loads(found["b"][0].fix.partition("as ")[2].partition(": then")[0])
    assert shown == {"labels": {"background": 0, "liver": 1, "spleen": 2}}
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MR"}, **shown}))
    report = checks.check(find(folder))
    assert {case.case for case in report.cases if case.verdict == "error"} == {"d"}  # "x" is no declared class


def test_what_is_written_for_slicer_has_its_names_and_keys(tmp_path):
    told = [Segment("liver", 1, (0.5, 0.25, 1)), Segment("spleen", 2)]
    volume.write_segmentation(tmp_path / "a.seg.nrrd", LABEL.astype(int), GRID, told)
    assert [(one.name, one.value, one.color) for one in segments_of(tmp_path / "a.seg.nrrd")] == [
        (one.name, one.value, one.color) for one in told
    ]
    assert np.array_equal(read(tmp_path / "a.seg.nrrd"), LABEL)
    image = sitk.ReadImage(str(tmp_path / "a.seg.nrrd"))
    assert image.GetMetaData("Segment1_LabelValue") == "2"
    assert image.GetMetaData("Segmentation_ContainedRepresentationNames") == "Binary labelmap|"
    with pytest.raises(InputError, match=r"must be named \.seg\.nrrd"):
        volume.write_segmentation(tmp_path / "a.nrrd", LABEL, GRID, told)
