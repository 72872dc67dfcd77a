"""Exported labels are read back voxel by voxel; what is wrong is a sentence, and nothing is written."""

import csv
import re
import shlex
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from semivox.cli import exit_code
from semivox.data.formats import volume
from semivox.data.formats.itksnap import described
from semivox.data.formats.scan import Segment
from semivox.export.terms import TERMS, term_of
from tests.data.formats.dicom import made_up
from tests.data.formats.dicom.structures import DIRECTIONS, SHAPE, boxes, scan, truth

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-results-in-other-tools.md"
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


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_dicom_segmentation_is_read_back_voxel_by_voxel(tmp_path, name):
    _, grid = scan(tmp_path, name)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "dicom-seg", "--source", tmp_path / "ct") == 0
    (path,) = (tmp_path / "out").iterdir()
    back = volume.read_label_scan(path, grid)
    assert np.array_equal(back.array[0], np.select([array == 1, array == 4], [1, 2]))
    assert [(one.name, one.value) for one in back.header.segments] == [(s.name, n) for n, s in enumerate(NAMES, 1)]
    theirs = highdicom.seg.segread(path)
    sources = [pydicom.dcmread(one) for one in sorted((tmp_path / "ct").iterdir())]
    uids = [one.SOPInstanceUID for one in sources]
    masks = theirs.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    assert np.array_equal(masks[..., 0], boxes()["liver"])
    assert np.array_equal(masks[..., 1], boxes()["spleen"])
    assert (theirs.PatientID, theirs.FrameOfReferenceUID) == (sources[0].PatientID, sources[0].FrameOfReferenceUID)
    liver, kidney, odd = (one.SegmentedPropertyTypeCodeSequence[0] for one in theirs.SegmentSequence)
    assert (liver.CodeValue, liver.CodingSchemeDesignator) == ("10200004", "SCT")
    assert kidney.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert (odd.CodingSchemeDesignator, odd.CodeMeaning) == ("99SEMIVOX", "odd thing")


def test_frames_of_an_enhanced_image_are_met_in_their_stored_order(tmp_path):
    order = [3, 1, 6, 0, 2, 5, 4, 7]
    made_up.write(made_up.enhanced(made_up.noise(SHAPE), order=order), tmp_path / "ct" / "one.dcm")
    grid = volume.read_grid(tmp_path / "ct")
    label, array = label_of(tmp_path, grid, ".nii.gz")
    assert run(label, "-o", tmp_path / "out", "--to", "dicom-seg", "--source", tmp_path / "ct") == 0
    back = volume.read_label_scan(tmp_path / "out" / "ct_seg.dcm", grid)
    assert np.array_equal(back.array[0], np.select([array == 1, array == 4], [1, 2]))


def test_names_and_colors_reach_slicer_and_itksnap(tmp_path):
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "a", "--to", "seg.nrrd") == 0
    back = volume.read_label_scan(tmp_path / "a" / "ct.seg.nrrd")
    assert np.array_equal(back.array[0], array)
    assert [(one.name, one.value) for one in back.header.segments] == [(one.name, one.value) for one in NAMES]
    assert run(label, "-o", tmp_path / "b", "--to", "itksnap") == 0
    told = {one.value: one for one in described(tmp_path / "b" / "ct.label")}
    assert [told[one.value].name for one in NAMES] == [one.name for one in NAMES]
    for one in back.header.segments:
        assert told[one.value].color == pytest.approx(one.color, abs=1e-3)


def test_the_table_holds_volumes_boxes_and_means(tmp_path):
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "csv", "--images", tmp_path / "ct") == 2
    image = tmp_path / "ct.nii.gz"
    values = np.random.default_rng(0).normal(size=array.shape)
    volume.write_map(image, values, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "csv", "--images", image) == 0
    liver, kidney, odd = csv.DictReader((tmp_path / "out" / "classes.csv").open(encoding="utf-8"))
    assert float(kidney["volume_ml"]) == pytest.approx((array == 4).sum() * 1.5 * 1.5 * 3 / 1000)
    assert float(liver["mean_intensity"]) == pytest.approx(values[array == 1].mean(), rel=1e-5)
    assert (liver["class"], liver["first_z"], liver["last_z"]) == ("liver", "2", "5")
    assert (odd["voxels"], odd["first_x"], odd["mean_intensity"]) == ("0", "", "")


@pytest.mark.parametrize("fault", ["no source", "no series", "moved", "other size", "exists", "to", "two series"])
def test_what_is_wrong_is_a_sentence_and_nothing_is_written(tmp_path, capsys, fault):
    _, grid = scan(tmp_path)
    label, _ = label_of(tmp_path, grid)
    source, out, to = tmp_path / "ct", tmp_path / "out", "dicom-seg"
    if fault in ("moved", "other size"):
        source = tmp_path / "other"
        shape, step = (SHAPE, (0, 2, 3.0)) if fault == "moved" else ((9, 14, 11), (0, 0, 3.0))
        made_up.series(source, made_up.noise(shape), step=step)
    elif fault == "two series":
        made_up.series(source, made_up.noise(SHAPE), SeriesInstanceUID="1.2.3.4", ending=".ima")
    elif fault == "no series":
        source = tmp_path / "labels"
    elif fault == "exists":
        out.mkdir()
        (out / "ct_seg.dcm").write_text("mine")
    words = [label, "-o", out, "--to", "stl" if fault == "to" else to]
    assert run(*words, *([] if fault == "no source" else ["--source", source])) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) <= 3
    assert not out.exists() or [one.read_text() for one in out.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", TERMS)
def test_every_term_is_in_the_dictionary(name):
    assert term_of(name.title(), 1)[1].scheme_designator == "SCT"
    assert term_of(name.replace(" ", "_"), 1)[2] is None


def test_the_commands_of_the_page_work(tmp_path, monkeypatch):
    _, grid = scan(tmp_path)
    _, array = label_of(tmp_path, grid, ".nii.gz")
    volume.write_map(tmp_path / "new_scans" / "ct.nii.gz", array, grid)
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^semivox (export .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        assert exit_code(shlex.split(line.replace(" --model runs/em", ""))) == 0, line
    assert len(list(Path("dicom").iterdir())) == 1
