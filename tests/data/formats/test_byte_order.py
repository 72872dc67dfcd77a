"""A header that names the wrong byte order is found by what the voxels look like; scans in the right one pass."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.cli import exit_code
from semivox.data.formats.scan import ScanError
from semivox.data.formats.volume import read_scan

SIZE = 40
AXES = np.mgrid[:SIZE, :SIZE, :SIZE]


def anatomy(low: float, high: float, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """A bright ellipsoid and its shading in noise, from about ``low`` to ``high``."""
    ball = sum((axis - SIZE / 2) ** 2 / (SIZE / radius) ** 2 for axis, radius in zip(AXES, (3, 4, 5), strict=True))
    values = 0.15 + 0.6 * (ball < 1) + 0.2 * AXES[0] / SIZE
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.asarray(low + (high - low) * values.clip(0, 1))


SCANS = {
    "MR of few hundreds": anatomy(0, 400).astype(np.int16),
    "MR of many thousands": anatomy(0, 20000).astype(np.uint16),
    "CT": anatomy(-1024, 2000).astype(np.int16),
    "noisy MR": anatomy(0, 300, noise=0.12).astype(np.int16),
    "32 bits": anatomy(0, 400).astype(np.int32),
    "float": anatomy(0, 400).astype(np.float32),
    "float of a tiny unit": (anatomy(0, 4) * 1e-8).astype(np.float32),
    "double": anatomy(-1, 4).astype(np.float64),
}


def put(path, array: np.ndarray) -> None:
    """Write voxels as they are in memory, below a header that says so."""
    if path.suffix == ".nrrd":
        order = {"<": "little", "=": "little", ">": "big"}[array.dtype.byteorder]
        kind = {"i2": "short", "u2": "ushort", "i4": "int", "f4": "float", "f8": "double"}[array.dtype.str[1:]]
        head = f"NRRD0004\ntype: {kind}\ndimension: 3\nspace: LPS\nsizes: {SIZE} {SIZE} {SIZE}\nendian: {order}\n"
        head += "space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\nspace origin: (0,0,0)\n\n"
        path.write_bytes(head.encode() + array.tobytes("F"))
    elif path.suffix == ".mha":
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(array.dtype.newbyteorder("=")).T), str(path))
    else:
        nib.save(nib.Nifti1Image(array, np.eye(4), dtype=array.dtype), path)


def mistake(path, array: np.ndarray) -> None:
    """The same file with the voxels' bytes the other way round, and the header as it was."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        content = file.read()
    voxels = content[-array.nbytes :]
    with opened(path, "wb") as file:
        file.write(content[: -array.nbytes] + np.frombuffer(voxels, array.dtype).byteswap().tobytes())


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii", ".nii.gz"])
def test_scans_in_the_wrong_byte_order_are_refused_and_others_read(tmp_path, name, ending):
    array, path = SCANS[name], tmp_path / f"a{ending}"
    put(path, array)
    right = read_scan(path)
    assert not [remark for remark in right.header.remarks if remark.code == "byte_order"]
    assert np.array_equal(right.array[0], array)
    mistake(path, array)
    with pytest.raises(ScanError, match="the other order fits") as error:
        read_scan(path)
    assert error.value.finding == "byte_order"


def test_a_big_endian_scan_that_says_so_is_read(tmp_path):
    array = SCANS["CT"].astype(">i2")
    put(tmp_path / "a.nrrd", array)
    assert np.array_equal(read_scan(tmp_path / "a.nrrd").array[0], array)
    nib.save(nib.Nifti1Image(array, np.eye(4), nib.Nifti1Header(endianness=">")), tmp_path / "a.nii")
    assert np.array_equal(read_scan(tmp_path / "a.nii").array[0], array)


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).integers(-32768, 32767, (SIZE,) * 3).astype(np.int16),
        np.random.default_rng(0).integers(0, 200, (SIZE,) * 3).astype(np.int16),
        (SCANS["MR of few hundreds"] // 8 * 8 * 16).astype(np.uint16),  # coarse steps, left-aligned bits
        np.zeros((SIZE,) * 3, np.int16),
        np.where(AXES[0] > 20, 700.0, 0).astype(np.float32),
        np.exp(anatomy(0, 12)).astype(np.float32),
    ],
    ids=["white noise", "noise", "left-aligned", "constant", "two values", "many decades"],
)
def test_odd_scans_in_the_right_byte_order_are_read(tmp_path, array):
    put(tmp_path / "a.nrrd", array)
    assert not [r for r in read_scan(tmp_path / "a.nrrd").header.remarks if r.code == "byte_order"]


def test_a_label_in_the_wrong_byte_order_is_an_error_of_the_check(tmp_path, capsys):
    label = np.digitize(anatomy(0, 3, noise=0), [1, 2]).astype(np.int16)
    for name, order in (("a", "<"), ("b", "<"), ("c", ">")):
        for folder in ("images", "labels"):
            (tmp_path / folder).mkdir(exist_ok=True)
        put(tmp_path / "images" / f"{name}.nrrd", anatomy(0, 400, seed=ord(name)).astype(np.int16))
        put(tmp_path / "labels" / f"{name}.nrrd", label)
        if order == ">":
            mistake(tmp_path / "labels" / f"{name}.nrrd", label)
    assert exit_code(["check", str(tmp_path), "--workers", "0"]) == 2
    assert "error byte_order, c" in capsys.readouterr().out
