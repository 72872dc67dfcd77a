"""Each slice's numbers become values by its own header, as pydicom computes them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.sequence import Sequence as Items

from semivox.data.formats import volume
from semivox.data.formats.scan import ScanError
from tests.data.formats.dicom import made_up

SCALES = {
    "all real": [(0.00131 * (1 + 0.1 * n), 0) for n in range(5)],
    "first whole, others not": [(1, 0)] + [(0.00131 * (1 + 0.1 * n), 0) for n in range(4)],
    "first whole and others small": [(2, 0)] + [(1.02609e-08, 0)] * 4,
    "intercepts differ": [(1, -1024), (1, -1024), (1, -2047), (1, 0), (1, 7)],
    "last intercept is no whole number": [(1, -1024)] * 4 + [(1, -1024.5)],
    "negative slopes": [(-1, 100), (-0.5, 3), (-2, 0), (1, 0), (1, 0)],
    "large whole slopes": [(40000, 0)] * 5,
}


def by_pydicom(folder) -> np.ndarray:
    """(slices, rows, columns) by pydicom's own arithmetic."""
    data = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    return np.stack([apply_modality_lut(one.pixel_array, one) for one in data])


def read(path) -> np.ndarray:
    """(slices, rows, columns) as the file orders them."""
    return volume.read_scan(path).array[0].transpose(2, 1, 0)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint16, 16), (np.int16, 16), (np.uint16, 12), (np.uint8, 8)])
def test_values_are_those_of_pydicom(tmp_path, name, dtype, bits):
    high = min(1 << bits, 1 << 15) if dtype != np.uint8 else 256
    array = made_up.noise((5, 8, 6), dtype=dtype, high=high)
    if dtype == np.int16:
        array -= 1000
    each = {n: {"RescaleSlope": f"{s:.10g}", "RescaleIntercept": f"{i:g}"} for n, (s, i) in enumerate(SCALES[name])}
    made_up.series(tmp_path / "d", array, each=each, BitsStored=bits, HighBit=bits - 1)
    truth, got = by_pydicom(tmp_path / "d"), read(tmp_path / "d")
    assert np.array_equal(got, truth.astype(np.float32) if got.dtype.kind == "f" else truth)


def test_whole_values_stay_whole_and_small(tmp_path):
    made_up.series(tmp_path / "ct", made_up.noise((3, 8, 8)), BitsStored=12, HighBit=11)
    assert read(tmp_path / "ct").dtype == np.int16
    made_up.series(tmp_path / "wide", made_up.noise((3, 8, 8), high=65536))
    assert read(tmp_path / "wide").dtype == np.int32
    made_up.series(tmp_path / "plain", made_up.noise((3, 8, 8), high=65536), RescaleIntercept="0")
    assert read(tmp_path / "plain").dtype == np.uint16


def test_bits_above_the_stored_ones_are_no_part_of_the_number(tmp_path):
    array = made_up.noise((3, 8, 8), high=4096) | 0xF000
    made_up.series(tmp_path / "d", array, BitsStored=12, HighBit=11)
    assert np.array_equal(read(tmp_path / "d"), (array & 0x0FFF).astype(int) - 1024)
    assert np.array_equal(read(tmp_path / "d"), by_pydicom(tmp_path / "d"))
    made_up.series(tmp_path / "s", array.astype(np.int16), BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert np.array_equal(read(tmp_path / "s"), by_pydicom(tmp_path / "s"))


def test_a_lookup_table_takes_the_place_of_slope_and_intercept(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [300, 10, 16], np.array([7 * n for n in range(300)], "<u2").tobytes()
    table.ModalityLUTType = "US"
    tags = {"ModalityLUTSequence": Items([table]), "RescaleSlope": None, "RescaleIntercept": None}
    made_up.series(tmp_path / "d", made_up.noise((3, 8, 8), high=400), **tags)
    assert np.array_equal(read(tmp_path / "d"), by_pydicom(tmp_path / "d"))


def test_frames_of_one_file_have_their_own_scale(tmp_path):
    array, slopes = made_up.noise((6, 8, 10)), [0.1 + 0.01 * n for n in range(6)]
    path = made_up.write(made_up.enhanced(array, order=[3, 0, 5, 1, 2, 4], slopes=slopes), tmp_path / "x.dcm")
    truth = array * np.array(slopes)[:, None, None] + 0.5
    np.testing.assert_allclose(read(path), truth, rtol=1e-7)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, "monochrome1"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "no_rescale"),
        ({"RescaleIntercept": None}, "no_rescale"),
        ({"LossyImageCompression": "01"}, "lossy"),
        ({"PixelPaddingValue": 5}, "padding"),
    ],
)
def test_what_is_odd_about_the_values_is_said(tmp_path, tags, code):
    array = made_up.noise((3, 8, 8), high=20)
    made_up.series(tmp_path / "d", array, **tags)
    scan = volume.read_scan(tmp_path / "d")
    assert code in {remark.code for remark in scan.header.remarks}
    offset = 0 if "RescaleIntercept" in tags else 1024
    assert np.array_equal(scan.array[0].transpose(2, 1, 0), array.astype(int) - offset)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"RescaleSlope": "0"}, "RescaleSlope is 0"),
        ({"HighBit": 15, "BitsStored": 12}, "bits stored"),
        ({"BitsAllocated": 12}, "bits stored"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}, "color image"),
    ],
)
def test_pixels_that_are_no_scan_are_refused(tmp_path, tags, words):
    made_up.series(tmp_path / "d", made_up.noise((3, 8, 8)), **tags)
    with pytest.raises(ScanError, match=words):
        volume.read_scan(tmp_path / "d")


def test_slices_in_different_units_are_refused(tmp_path):
    made_up.series(tmp_path / "d", made_up.noise((4, 8, 8)), each={2: {"RescaleType": "US"}}, RescaleType="HU")
    with pytest.raises(ScanError, match=r"unit of values: US in IM002.dcm, HU elsewhere"):
        volume.read_header(tmp_path / "d")
