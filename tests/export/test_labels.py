"""Exported labels are read back voxel by voxel; what is wrong is a sentence, and nothing is written."""

import csv
from xml.etree import ElementTree

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest

from semivox.core.errors import InputError
from semivox.data.formats import volume
from semivox.data.formats.itksnap import described
from semivox.data.formats.scan import Header, Scan
from semivox.data.origins import Origin, path_of, recorder
from semivox.export.dicom_seg import write_seg
from semivox.export.rtstruct import write_rtstruct
from semivox.export.terms import TERMS, term_of
from tests.data.formats.dicom import made_up
from tests.data.formats.dicom.structures import DIRECTIONS, SHAPE, boxes, scan, truth
from tests.export.made import NAMES, label_of, run


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


@pytest.mark.parametrize(
    ("name", "meaning", "side"),
    [
        ("RightParotid", "Parotid gland", "Right"),
        ("SpinalCord", "Spinal cord", None),
        ("Brainstem", "Brain Stem", None),
        ("kidney_left", "Kidney", "Left"),
        ("LIVER", "Liver", None),
    ],
)
def test_names_are_found_however_they_are_written(name, meaning, side):
    _, kind, modifier = term_of(name, 1)
    assert (kind.meaning, kind.scheme_designator) == (meaning, "SCT")
    assert (modifier and modifier.meaning) == side


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_structure_set_is_read_back_voxel_by_voxel(tmp_path, name):
    _, grid = scan(tmp_path, name)
    array = np.random.default_rng(5).choice(np.array([0, 1, 4], np.uint8), size=grid.shape)  # holes, islands, corners
    label = tmp_path / "labels" / "ct.seg.nrrd"
    volume.write_segmentation(label, array, grid, NAMES[:2])
    assert run(label, "-o", tmp_path / "out", "--to", "rtstruct", "--source", tmp_path / "ct") == 0
    (path,) = (tmp_path / "out").iterdir()
    back = volume.read_label_scan(path, grid)
    assert np.array_equal(back.array[0], np.select([array == 1, array == 4], [1, 2]))
    theirs = pydicom.dcmread(path)
    sources = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, (tmp_path / "ct").iterdir())}
    first = next(iter(sources.values()))
    assert (theirs.PatientID, theirs.StudyInstanceUID) == (first.PatientID, first.StudyInstanceUID)
    assert [one.ROIName for one in theirs.StructureSetROISequence] == ["liver", "left kidney"]
    assert theirs.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID == first.FrameOfReferenceUID
    for drawn in theirs.ROIContourSequence:
        for contour in drawn.ContourSequence:
            slice_of = sources[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            row, column = np.array(slice_of.ImageOrientationPatient, float).reshape(2, 3)
            corner = np.array(contour.ContourData[:3], float) - np.array(slice_of.ImagePositionPatient, float)
            assert abs(corner @ np.cross(row, column)) < 1e-3  # it lies in the slice that it names


def test_a_dicom_segmentation_becomes_a_structure_set_of_its_series_and_of_no_other(tmp_path, capsys):
    """It has only the slices that show something; those of another frame of reference are refused."""
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "seg", "--to", "dicom-seg", "--source", tmp_path / "ct") == 0
    words = (tmp_path / "seg" / "ct_seg.dcm", "-o", tmp_path / "rt", "--to", "rtstruct", "--source")
    made_up.series(tmp_path / "other", made_up.noise(SHAPE), FrameOfReferenceUID="1.2.3.99")
    capsys.readouterr()
    assert run(*words, tmp_path / "other") == 2
    assert "different frames of reference" in capsys.readouterr().err
    assert not (tmp_path / "rt").exists()
    assert run(*words, tmp_path / "ct") == 0
    (path,) = (tmp_path / "rt").iterdir()
    back = volume.read_label_scan(path, grid)
    assert np.array_equal(back.array[0], np.select([array == 1, array == 4], [1, 2]))


def test_class_names_stand_in_the_nifti_file(tmp_path):
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "nifti") == 0
    found = nib.load(tmp_path / "out" / "ct.nii.gz")
    back = volume.read_label_scan(tmp_path / "out" / "ct.nii.gz")
    assert np.array_equal(back.array[0], array)
    assert [one.get_code() for one in found.header.extensions] == [0, 30]
    for extension in found.header.extensions:
        table = ElementTree.fromstring(extension.content.decode().rstrip("\0"))
        named = {int(one.get("Key")): one.text for one in table.iter("Label")}
        assert named == {0: "???", **{one.value: one.name for one in NAMES}}


def test_several_labels_find_their_series_by_name(tmp_path, capsys):
    for name in ("anna", "ben"):
        _, grid = scan(tmp_path)
        (tmp_path / "ct").rename((tmp_path / "series").mkdir(exist_ok=True) or tmp_path / "series" / name)
        volume.write_label(tmp_path / "labels" / f"{name}.nii.gz", truth(boxes()).transpose(2, 1, 0), grid)
    words = (tmp_path / "labels", "-o", tmp_path / "out", "--to", "dicom-seg", "--source")
    assert run(*words, tmp_path / "series" / "anna") == 2
    assert "one by one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(*words, tmp_path / "series") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["anna_seg.dcm", "ben_seg.dcm"]


def test_a_series_in_another_frame_of_reference_is_refused(tmp_path):
    """The place is compared too: a NIfTI label names no frame of reference, so only where it lies can tell."""
    scan(tmp_path)
    other = made_up.series(tmp_path / "other", made_up.noise(SHAPE), FrameOfReferenceUID="1.2.3.99")
    label = tmp_path / "labels" / "ct.dcm"
    label.parent.mkdir()
    own = volume.read_grid(tmp_path / "ct")
    named = Scan(np.ones((1, *own.shape), np.uint8), Header(own, 1, (), NAMES[:1]))
    for write in (write_rtstruct, write_seg):
        with pytest.raises(InputError, match="different frames of reference"):
            write(tmp_path / "out" / "x.dcm", label, named, NAMES[:1], tmp_path / "other")
    assert not (tmp_path / "out").exists(), other


def test_maps_beside_labels_are_not_taken_for_labels(tmp_path):
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid, ".nii.gz")
    entropy = label.with_name("ct_entropy.nii.gz")
    volume.write_map(entropy, np.zeros(array.shape, np.float32), grid)
    wanted = Origin(case="ct", scan="0", source=(), model="0", options={})
    recorder(wanted, path_of(label, "ct"), label, [entropy])(label)
    assert run(label.parent, "-o", tmp_path / "out", "--to", "seg-nrrd") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ct.seg.nrrd"]
