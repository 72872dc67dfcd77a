"""NRRD and MetaImage headers in all their variants are read as SimpleITK reads them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.data.formats import volume
from tests.data.formats.itk_oracle import affine_from_itk, from_itk
from tests.data.formats.text_files import META, NRRD, NRRD_MORE, VOXELS, metaimage, nrrd

RAS = np.diag([-0.75, -1.25, 3, 1]) + np.pad([[-12.5], [40.25], [7.125]], ((0, 1), (3, 0)))


def agrees(path) -> None:
    image = sitk.ReadImage(str(path))
    scan = volume.read_scan(path)
    assert np.array_equal(scan.array, from_itk(image))
    assert scan.array.dtype.isnative
    affine = affine_from_itk(image.GetOrigin(), image.GetSpacing(), image.GetDirection())
    assert np.allclose(scan.header.grid.affine, affine, atol=1e-6)
    assert scan.header.grid.shape == scan.array.shape[1:]
    assert scan.header.channels == len(scan.array)
    assert np.array_equal(volume.read_header(path).grid.affine, scan.header.grid.affine)


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("variant", NRRD)
def test_nrrd_headers_are_read_as_itk_reads_them(tmp_path, variant, suffix):
    agrees(nrrd(tmp_path / f"a{suffix}", *NRRD[variant]))


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("variant", META)
def test_metaimage_headers_are_read_as_itk_reads_them(tmp_path, variant, suffix):
    agrees(metaimage(tmp_path / f"a{suffix}", *META[variant]))


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("variant", NRRD_MORE)
def test_nrrd_headers_that_itk_does_not_know_are_read_as_the_format_says(tmp_path, variant, suffix):
    scan = volume.read_scan(nrrd(tmp_path / f"a{suffix}", *NRRD_MORE[variant]))
    assert np.array_equal(scan.array[0], VOXELS)
    assert np.allclose(scan.header.grid.affine, RAS)


def test_lines_may_end_as_on_windows(tmp_path):
    agrees(nrrd(tmp_path / "a.nrrd", {}, end="\r\n"))
    agrees(metaimage(tmp_path / "a.mha", {}, end="\r\n"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sizes": "4 5"}, "2 sizes"),
        ({"sizes": None}, "no sizes"),
        ({"sizes": "4 5 x"}, "no numbers"),
        ({"sizes": "4 5 0"}, "no voxels"),
        ({"sizes": "40000 50000 60000"}, "claims"),
        ({"sizes": "4 5 7"}, "truncated"),
        ({"dimension": "4"}, "dimensions"),
        ({"dimension": "2", "sizes": "20 6", "kinds": None, "space directions": None}, "not a volume"),
        ({"type": "block"}, "voxel type"),
        ({"encoding": "zip"}, "encoding"),
        ({"endian": None}, "order"),
        ({"kinds": "domain"}, "kinds"),
        ({"space directions": "none none none"}, "no direction for 3 of 3 axes"),
        ({"space directions": "none (0,1,0) (0,0,1)"}, "no direction for 1 of 3 axes"),
        ({"space directions": "(1,0,0) (0,1,0)"}, "3 vectors"),
        ({"space directions": "(1,0,0) (0,1,0) (0,0,nan)"}, "numbers"),
        ({"space directions": "(1,0,0) (0,1,0) (0,1,0)"}, "do not span"),
        ({"space directions": "(1,0,0) (0,1,0) (0,0,0)"}, "do not span"),
        ({"space origin": "(1,2)"}, "numbers"),
        ({"byte skip": "-5"}, "byte skip"),
        ({"line skip": "99999999999"}, "out of range"),
        ({"spacings": "1 1", "space directions": None}, "spacings"),
        ({"Type": "short"}, "twice"),
        ({"no colon\nx": "y"}, "the line"),
    ],
)
def test_unfit_nrrd_headers_are_refused_by_name(tmp_path, fields, words):
    with pytest.raises(InputError, match=words) as caught:
        volume.read_scan(nrrd(tmp_path / "a.nrrd", fields))
    assert "a.nrrd" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"DimSize": "4 5"}, "NDims"),
        ({"DimSize": None}, "no voxels"),
        ({"DimSize": "4 5 7"}, "truncated"),
        ({"ElementType": "MET_STRING"}, "voxel type"),
        ({"ElementNumberOfChannels": "99999999999"}, "claims"),
        ({"Position": "1 2 3"}, "Offset and Position"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0"}, "9 numbers"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 1 0"}, "do not span"),
        ({"ElementSpacing": "1 nan 1"}, "3 numbers"),
    ],
)
def test_unfit_metaimage_headers_are_refused_by_name(tmp_path, fields, words):
    with pytest.raises(InputError, match=words) as caught:
        volume.read_scan(metaimage(tmp_path / "a.mha", fields))
    assert "a.mha" in str(caught.value)


def test_a_negative_edge_turns_an_axis_round_as_in_itk(tmp_path):
    """Its length alone, and the scan would be mirrored without a word."""
    agrees(metaimage(tmp_path / "a.mha", {"ElementSpacing": "-1 2 -3"}))


@pytest.mark.parametrize("fields", [{"space": "nowhere"}, {"space": ""}, {"kinds": "vector domain domain"}], ids=str)
def test_axes_that_the_format_does_not_know_are_refused(tmp_path, fields):
    with pytest.raises(InputError, match=r"no space|of the kind"):
        volume.read_scan(nrrd(tmp_path / "a.nrrd", fields))


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_header_that_names_itself_as_its_voxels_is_refused(tmp_path, suffix):
    path = (nrrd if suffix == ".nhdr" else metaimage)(tmp_path / f"a{suffix}", {})
    path.write_bytes(path.read_bytes().replace(b"a.bin", path.name.encode()))
    with pytest.raises(InputError, match="names itself"):
        volume.read_scan(path)
