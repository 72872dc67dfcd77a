"""Which files of a folder are read: series to choose from, what lies beside, multi-frame and compressed files."""

from __future__ import annotations

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.uid import UID, ImplicitVRLittleEndian, RLELossless

from semivox.data.formats import volume
from semivox.data.formats.scan import ScanError
from tests.data.formats.dicom import made_up

OTHERS = {
    "RTPLAN": "1.2.840.10008.5.1.4.1.1.481.5",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "SR": "1.2.840.10008.5.1.4.1.1.88.22",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
    "REG": "1.2.840.10008.5.1.4.1.1.66.1",
    "KO": "1.2.840.10008.5.1.4.1.1.88.59",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
}


def read(path) -> np.ndarray:
    """(slices, rows, columns)."""
    return volume.read_scan(path).array[0].transpose(2, 1, 0)


@pytest.mark.parametrize("modality", OTHERS)
def test_non_images_are_passed_over_with_a_note(tmp_path, modality):
    array = made_up.noise((4, 6, 6))
    made_up.series(tmp_path / "d", array)
    other = made_up.new(OTHERS[modality], "1.2.9", series="1.2.8", Modality=modality)
    if modality == "RTDOSE":
        made_up.pixels(other, made_up.noise((3, 3, 3)))
    made_up.write(other, tmp_path / "d" / "other")
    (remark,) = volume.read_scan(tmp_path / "d").header.remarks
    assert remark.code == "passed_over"
    assert np.array_equal(read(tmp_path / "d"), array.astype(int) - 1024)


def test_a_folder_of_non_images_is_no_scan(tmp_path):
    made_up.write(made_up.new(OTHERS["SR"], "1.2.9", Modality="SR"), tmp_path / "d" / "x.dcm")
    with pytest.raises(ScanError, match="no DICOM image, only: Enhanced SR"):
        volume.read_header(tmp_path / "d")


@pytest.mark.parametrize("tags", [{"SOPClassUID": OTHERS["RTDOSE"]}, {"Modality": "RTDOSE"}], ids=["class", "modality"])
def test_voxels_of_a_dose_are_no_scan(tmp_path, tags):
    made_up.series(tmp_path / "d", made_up.noise((4, 6, 6)), **tags)
    with pytest.raises(ScanError, match="no DICOM image, only"):
        volume.read_header(tmp_path / "d")


def test_several_series_are_listed_with_a_choice(tmp_path):
    first, second = made_up.noise((4, 6, 6), 1), made_up.noise((5, 6, 6), 2)
    made_up.series(tmp_path / "d", first, SeriesInstanceUID="1.2.3.41", SeriesDescription="thin")
    made_up.series(tmp_path / "e", second, SeriesInstanceUID="1.2.3.52", SeriesDescription="thick")
    for path in (tmp_path / "e").iterdir():
        path.rename(tmp_path / "d" / f"b{path.name}")
    with pytest.raises(ScanError, match=r"1\.2\.3\.41 \(CT, 'thin', 4 image.*1\.2\.3\.52 \(CT, 'thick', 5.*d#41"):
        volume.read_header(tmp_path / "d")
    assert np.array_equal(read(tmp_path / "d#41"), first.astype(int) - 1024)
    assert np.array_equal(read(tmp_path / "d#1.2.3.52"), second.astype(int) - 1024)
    with pytest.raises(ScanError, match="0 series whose UID ends with '7'"):
        volume.read_header(tmp_path / "d#7")


def test_a_screen_shot_beside_a_series_is_passed_over(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((4, 6, 6)))
    picture = made_up.slice_of(made_up.noise((6, 6)), 9, ImagePositionPatient=None, SeriesInstanceUID="1.2.99")
    made_up.write(picture, tmp_path / "d" / "shot.dcm")
    (remark,) = volume.read_header(tmp_path / "d").remarks
    assert "1.2.99" in remark.message


def test_a_damaged_file_beside_the_slices_is_named(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((4, 6, 6)))
    (tmp_path / "d" / "IM004.dcm").write_bytes(b"\0" * 50)
    (remark,) = volume.read_header(tmp_path / "d").remarks
    assert (remark.code, "IM004.dcm" in remark.message) == ("not_dicom", True)


def test_an_export_in_nested_folders_with_files_of_no_ending_is_read(tmp_path):
    array = made_up.noise((4, 6, 6))
    made_up.series(tmp_path / "p" / "STUDY0" / "SERIES1", array, ending="")
    directory = made_up.new("1.2.840.10008.1.3.10", "1.2.77")
    made_up.write(directory, tmp_path / "p" / "DICOMDIR")
    assert np.array_equal(read(tmp_path / "p"), array.astype(int) - 1024)


def test_old_files_without_a_preamble_are_read(tmp_path):
    array = made_up.noise((4, 6, 6))
    made_up.series(tmp_path / "d", array, ending="")
    for path in (tmp_path / "d").iterdir():
        data = pydicom.dcmread(path)
        pydicom.dcmwrite(path, pydicom.Dataset(data), implicit_vr=True, little_endian=True)
        assert path.read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read(tmp_path / "d"), array.astype(int) - 1024)


@pytest.mark.parametrize("order", [None, [4, 2, 0, 1, 3, 5]])
def test_an_enhanced_image_is_one_scan(tmp_path, order):
    array = made_up.noise((6, 7, 9))
    path = made_up.write(made_up.enhanced(array, order=order), tmp_path / "x.dcm")
    assert np.array_equal(read(path), array.astype(int) - 1024)
    assert volume.read_grid(path).spacing == pytest.approx((1.5, 1.5, 3))


def test_an_enhanced_image_in_two_files_is_one_scan(tmp_path):
    array = made_up.noise((6, 7, 9))
    made_up.write(made_up.enhanced(array[:3]), tmp_path / "d" / "a.dcm")
    second = made_up.enhanced(array[3:])
    for index, frame in enumerate(second.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 3.0 * (index + 3)]
    made_up.write(second, tmp_path / "d" / "b.dcm")
    assert np.array_equal(read(tmp_path / "d"), array.astype(int) - 1024)


SYNTAXES = {
    "JPEG lossless": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG lossless, process 14": gdcm.TransferSyntax.JPEGLosslessProcess14,
    "JPEG-LS": gdcm.TransferSyntax.JPEGLSLossless,
    "JPEG 2000": gdcm.TransferSyntax.JPEG2000Lossless,
    "RLE": gdcm.TransferSyntax.RLELossless,
    "big endian": gdcm.TransferSyntax.ExplicitVRBigEndian,
    "implicit": gdcm.TransferSyntax.ImplicitVRLittleEndian,
    "deflated": gdcm.TransferSyntax.DeflatedExplicitVRLittleEndian,
}


def transcoded(path, syntax) -> None:
    """Rewrite a file in another transfer syntax, by GDCM."""
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.PixmapToPixmap() if hasattr(change, "PixmapToPixmap") else change.GetOutput())
    assert writer.Write()


@pytest.mark.parametrize("name", SYNTAXES)
@pytest.mark.parametrize("signed", [False, True])
def test_every_transfer_syntax_gives_the_same_values(tmp_path, name, signed):
    array = made_up.noise((3, 16, 12), dtype=np.int16 if signed else np.uint16) - (1000 if signed else 0)
    made_up.series(tmp_path / "d", array)
    before = read(tmp_path / "d")
    for path in (tmp_path / "d").iterdir():
        transcoded(path, SYNTAXES[name])
    written = pydicom.dcmread(path).file_meta.TransferSyntaxUID
    assert (written == UID("1.2.840.10008.1.2.1")) is False
    assert np.array_equal(read(tmp_path / "d"), before)


def test_compressed_frames_of_one_file_are_read_in_their_order(tmp_path):
    array = made_up.noise((6, 16, 12))
    data = made_up.enhanced(array, order=[5, 3, 1, 0, 2, 4])
    data.compress(RLELossless)
    path = made_up.write(data, tmp_path / "x.dcm")
    assert np.array_equal(read(path), array.astype(int) - 1024)


def test_without_a_named_syntax_it_is_told_from_the_bytes(tmp_path):
    array = made_up.noise((3, 6, 6))
    made_up.series(tmp_path / "d", array)
    for path in (tmp_path / "d").iterdir():
        data = pydicom.dcmread(path)
        del data.file_meta.TransferSyntaxUID
        pydicom.dcmwrite(path, data, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert np.array_equal(read(tmp_path / "d"), array.astype(int) - 1024)
    assert ImplicitVRLittleEndian.is_implicit_VR
