"""Slices that make no volume are refused by name; what only looks odd is said."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom.dataset import Dataset

from semivox.data.formats import volume
from semivox.data.formats.scan import ScanError
from tests.data.formats.dicom import made_up
from tests.data.formats.itk_oracle import affine_from_itk

COS, SIN = np.cos(np.radians(20)), np.sin(np.radians(20))
DIRECTIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "feet up": (1, 0, 0, 0, -1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (COS, SIN, 0, -SIN * 0.8, COS * 0.8, 0.6),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_grid_is_that_of_itk(tmp_path, name):
    turn = np.array(DIRECTIONS[name], float)
    step = 2.5 * np.cross(turn[:3], turn[3:])
    array = made_up.noise((6, 7, 9))
    tags = {"ImageOrientationPatient": [f"{value:.12g}" for value in turn], "PixelSpacing": [0.8, 1.1]}
    for index in range(6):  # files are named in an order of their own
        position = [f"{value:.12g}" for value in np.array([5, -7, 11]) + step * index]
        made_up.write(
            made_up.slice_of(array[index], index, position, **tags), tmp_path / "d" / f"{(5 * index) % 6}.dcm"
        )
    scan = volume.read_scan(tmp_path / "d")
    theirs = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "d")))
    affine = affine_from_itk(theirs.GetOrigin(), theirs.GetSpacing(), theirs.GetDirection())
    np.testing.assert_allclose(scan.header.grid.affine, affine, atol=1e-6)
    assert np.array_equal(scan.array[0], sitk.GetArrayFromImage(theirs).transpose(2, 1, 0))


def turned(*directions: float, slices=range(4, 8)) -> dict:
    return {index: {"ImageOrientationPatient": list(directions)} for index in slices}


def placed(*heights: float) -> dict:
    return {index: {"ImagePositionPatient": [0, 0, height]} for index, height in enumerate(heights)}


def rotating(angle: float) -> dict:
    """Each slice turned by that many radians against the last."""
    found = {}
    for n in range(8):
        cos, sin = float(np.cos(n * angle)), float(np.sin(n * angle))
        found |= turned(cos, sin, 0, -sin, cos, 0, slices=[n])
    return found


LAST = "IM007.dcm"
HALF = r"IM004\.dcm, IM005\.dcm, IM006\.dcm, IM007\.dcm"
ODD = {
    "last of another pixel size": ({7: {"PixelSpacing": [0.75, 0.75]}}, "mixed_spacing", LAST),
    "half of another pixel size": ({n: {"PixelSpacing": [0.75, 1.5]} for n in range(4, 8)}, "mixed_spacing", HALF),
    "half turned": (turned(0, 1, 0, -1, 0, 0), "mixed_orientation", HALF),
    "half prone": (turned(-1, 0, 0, 0, -1, 0), "mixed_orientation", HALF),
    "one mirrored": (turned(1, 0, 0, 0, -1, 0, slices=[7]), "mixed_orientation", LAST),
    "each turned a little more": (rotating(0.05), "mixed_orientation", "IM00"),
    "each turned very little more": (rotating(0.002), "mixed_orientation", "IM00"),
    "one of another frame of reference": ({7: {"FrameOfReferenceUID": "1.2.3"}}, "mixed_frames_of_reference", LAST),
    "one inverted": ({7: {"PhotometricInterpretation": "MONOCHROME1"}}, "mixed_values", LAST),
    "one without a place": ({7: {"ImagePositionPatient": None}}, "missing_geometry", LAST),
    "one without directions": ({7: {"ImageOrientationPatient": None}}, "missing_geometry", LAST),
    "one without a pixel size": ({7: {"PixelSpacing": None}}, "missing_geometry", LAST),
    "directions that are none": ({7: {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}}, "bad_affine", LAST),
    "a pixel size of nothing": ({7: {"PixelSpacing": [0, 1.5]}}, "bad_header", LAST),
    "one doubled": ({7: {"ImagePositionPatient": [0, 0, 18]}}, "uneven_slices", LAST),
    "one missing": (
        placed(0, 3, 6, 9, 12, 18, 21, 24),
        "uneven_slices",
        "1 missing slice between IM004.dcm and IM005",
    ),
    "uneven": ({7: {"ImagePositionPatient": [0, 0, 22]}}, "uneven_slices", LAST),
    "one beside the others": ({7: {"ImagePositionPatient": [2, 0, 21]}}, "uneven_slices", LAST),
    "all in one place": (placed(*[0] * 8), "uneven_slices", "one place"),
    "two times": (placed(0, 3, 6, 9, 0, 3, 6, 9), "several_volumes", "2 slices at each"),
}


@pytest.mark.parametrize("name", ODD)
def test_slices_that_make_no_volume_are_refused_by_name(tmp_path, name):
    each, code, words = ODD[name]
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each=each)
    with pytest.raises(ScanError, match=words) as error:
        volume.read_header(tmp_path / "d")
    assert error.value.finding == code


def test_slices_of_another_size_are_named(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((6, 8, 8)))
    made_up.write(made_up.slice_of(made_up.noise((4, 8)), 6, (0, 0, 18)), tmp_path / "d" / "odd")
    with pytest.raises(ScanError, match=r"rows x columns: 4 x 8 in odd, 8 x 8 elsewhere"):
        volume.read_header(tmp_path / "d")


def test_positions_rounded_to_hundredths_are_even(tmp_path):
    each = {n: {"ImagePositionPatient": [0, 0, round(0.625 * n, 2)]} for n in range(8)}
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each=each)
    assert volume.read_grid(tmp_path / "d").spacing[2] == pytest.approx(0.625, abs=0.002)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"SpacingBetweenSlices": "1"}, "slice_distance"),
        ({"GantryDetectorTilt": "12"}, "gantry_tilt"),
        ({"ImagesInAcquisition": "20"}, "incomplete_series"),
        ({"PatientPosition": "HFP"}, "patient_position"),
    ],
)
def test_tags_that_contradict_the_positions_are_said(tmp_path, tags, code):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), **tags)
    assert code in {remark.code for remark in volume.read_header(tmp_path / "d").remarks}


def test_a_plain_series_has_no_remarks(tmp_path):
    tags = {
        "SpacingBetweenSlices": "3",
        "GantryDetectorTilt": "0",
        "ImagesInAcquisition": "8",
        "PatientPosition": "HFS",
    }
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), **tags)
    assert not volume.read_header(tmp_path / "d").remarks


def test_a_tilted_gantry_shows_as_shear_and_is_read_as_it_lies(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), step=(0, 0.5, 3), GantryDetectorTilt="9.5")
    grid = volume.read_grid(tmp_path / "d")
    np.testing.assert_allclose(grid.affine[:3, 2], [0, -0.5, 3], atol=1e-9)
    assert not volume.read_header(tmp_path / "d").remarks


OF_ANOTHER = {
    "patient": ({7: {"PatientID": "1"}}, "mixed_patients"),
    "modality": ({7: {"Modality": "PT"}}, "mixed_images"),
    "localizer": ({7: {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}}, "mixed_images"),
    "phase": (
        {n: {"ImageType": ["ORIGINAL", "PRIMARY", "P" if n % 2 else "M"], "Modality": "MR"} for n in range(8)},
        "mixed_images",
    ),
    "sign": ({7: {"PixelRepresentation": 1}}, "mixed_values"),
    "unit": ({7: {"RescaleType": "US"}}, "mixed_values"),
}


@pytest.mark.parametrize("name", OF_ANOTHER)
def test_a_slice_of_another_kind_or_patient_is_refused(tmp_path, name):
    each, code = OF_ANOTHER[name]
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each=each)
    with pytest.raises(ScanError, match=LAST if name != "phase" else "IM001") as error:
        volume.read_header(tmp_path / "d")
    assert error.value.finding == code


def test_no_patient_is_named_in_the_words(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each={7: {"PatientID": "SMITH-77"}})
    with pytest.raises(ScanError) as error:
        volume.read_header(tmp_path / "d")
    assert "SMITH" not in str(error.value)


def test_slices_that_lost_their_patient_are_no_other_patients(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each={7: {"PatientID": ""}})
    assert not volume.read_header(tmp_path / "d").remarks


@pytest.mark.parametrize(
    ("tags", "keyword"),
    [
        ({"BitsStored": 12, "HighBit": 11}, "BitsStored"),
        ({"PixelRepresentation": 1, "RescaleIntercept": "0"}, "PixelRepresentation"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "ImageType"),
        ({"StudyInstanceUID": "1.2.3"}, "StudyInstanceUID"),
        ({"EchoTime": "7"}, "EchoTime"),
        ({"SliceThickness": "9"}, "SliceThickness"),
        ({"ConvolutionKernel": "B70f"}, "ConvolutionKernel"),
    ],
)
def test_what_rarely_differs_within_a_scan_is_said(tmp_path, tags, keyword):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), each={7: tags})
    (remark,) = (remark for remark in volume.read_header(tmp_path / "d").remarks if remark.code == "mixed_slices")
    assert keyword in remark.message
    assert LAST in remark.message
    assert "1.2.3" not in remark.message


SEVERAL = {
    "EchoTime": [{"EchoTime": "10"}, {"EchoTime": "2.5"}],
    "DiffusionBValue": [{"DiffusionBValue": 1000.0}, {"DiffusionBValue": 0.0}],
    "AcquisitionNumber": [{"AcquisitionNumber": 2}, {"AcquisitionNumber": 1}],
    "ImageType": [{"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}],
    "InstanceNumber from": [{}, {}],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_one_of_several_volumes_in_a_series_is_chosen_by_its_number(tmp_path, name):
    """The first half of the files is one volume, the second the other; they are numbered by what tells them apart."""
    array, places = made_up.noise((8, 6, 6)), placed(0, 3, 6, 9, 0, 3, 6, 9)
    made_up.series(tmp_path / "d", array, each={n: {**places[n], **SEVERAL[name][n // 4]} for n in range(8)})
    with pytest.raises(ScanError, match=rf"2 volumes in one series, 1 \({name}.*d#1\.2\.826\.0\.1\.1\.5#1") as error:
        volume.read_header(tmp_path / "d")
    assert error.value.finding == "several_volumes"
    halves = [array[:4], array[4:]] if name == "InstanceNumber from" else [array[4:], array[:4]]
    for path, half in zip(("d##1", "d#1.1.5#2"), halves, strict=True):
        assert np.array_equal(volume.read_scan(tmp_path / path).array[0].transpose(2, 1, 0), half - 1024.0)
    for number in ("3", "0", "x"):
        with pytest.raises(ScanError, match=f"has no volume '{number}'; there are 1"):
            volume.read_header(tmp_path / f"d##{number}")


def test_one_of_two_enhanced_files_in_a_series_is_chosen(tmp_path):
    """Nothing in their headers tells them apart but that they are two files."""
    array = made_up.noise((8, 6, 6))
    for name, half in (("a", array[:4]), ("b", array[4:])):
        data = made_up.enhanced(half)
        data.SOPInstanceUID = f"1.2.3.{ord(name)}"
        made_up.write(data, tmp_path / "d" / f"{name}.dcm")
    with pytest.raises(ScanError, match=r"2 volumes in one series, 1 \(file a\.dcm\); 2 \(file b\.dcm\)"):
        volume.read_header(tmp_path / "d")
    for number, half in ((1, array[:4]), (2, array[4:])):
        read = volume.read_scan(tmp_path / f"d##{number}").array[0].transpose(2, 1, 0)
        assert np.array_equal(read, half - 1024.0)


IN_ONE_FILE = {
    "EffectiveEchoTime": lambda time: made_up.group("MREchoSequence", EffectiveEchoTime=90.0 - 80 * time),
    "DiffusionBValue": lambda time: made_up.group("MRDiffusionSequence", DiffusionBValue=1000.0 - 1000 * time),
    "TemporalPositionIndex": lambda time: made_up.group("FrameContentSequence", TemporalPositionIndex=2 - time),
    "frames from": lambda time: Dataset(),
}


@pytest.mark.parametrize("name", IN_ONE_FILE)
def test_one_of_several_volumes_in_an_enhanced_file_is_chosen(tmp_path, name):
    """Frames 1 to 4 are one volume, 5 to 8 the other."""
    array = made_up.noise((8, 6, 6))
    data = made_up.enhanced(array)
    for index, frame in enumerate(data.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 3 * (index % 4)]
        frame.update(IN_ONE_FILE[name](index // 4))
    made_up.write(data, tmp_path / "d" / "x.dcm")
    with pytest.raises(ScanError, match=rf"2 volumes in one series, 1 \({name}"):
        volume.read_header(tmp_path / "d")
    halves = [array[:4], array[4:]] if name == "frames from" else [array[4:], array[:4]]
    for number, half in enumerate(halves, 1):
        read = volume.read_scan(tmp_path / f"d##{number}").array[0].transpose(2, 1, 0)
        assert np.array_equal(read, half - 1024.0)


def test_a_series_of_one_volume_has_no_second_one(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)))
    with pytest.raises(ScanError, match="its series is one volume"):
        volume.read_header(tmp_path / "d##2")


def test_a_folder_may_have_a_number_sign_in_its_name(tmp_path):
    made_up.series(tmp_path / "p#1", made_up.noise((8, 6, 6)))
    assert volume.read_grid(tmp_path / "p#1#1.5").shape == (6, 6, 8)


def test_a_missing_pixel_size_is_called_that(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((8, 6, 6)), PixelSpacing=None)
    with pytest.raises(ScanError, match="does not say how large its pixels are: PixelSpacing is missing"):
        volume.read_header(tmp_path / "d")


@pytest.mark.parametrize(
    ("step", "thickness", "said"),
    [(2, "3", "1 of 2 slices seem to be missing"), (3, "2", "2 of 3 slices"), (2, "6", ""), (1, "3", ""), (2, "", "")],
)
def test_slices_left_out_at_a_regular_step_are_told(tmp_path, step, thickness, said):
    """Thick slices may be numbered with a step (two echoes a place); thin ones that lie apart and are, are not all."""
    places = placed(*(6.0 * n for n in range(6)))
    each = {n: {**places[n], "InstanceNumber": 1 + step * n, "SliceThickness": thickness} for n in range(6)}
    made_up.series(tmp_path / "d", made_up.noise((6, 6, 6)), each=each)
    found = [remark for remark in volume.read_header(tmp_path / "d").remarks if remark.code == "incomplete_series"]
    assert [said in remark.message for remark in found] == [True] * bool(said)
