"""What does not fit into the free memory is refused before any is taken, whatever the format."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.data.formats import integrity
from semivox.data.formats.scan import ScanError
from semivox.data.formats.volume import read_scan
from tests.data.formats.dicom import made_up

SHAPE = (40, 41, 42)
BYTES = 2 * 40 * 41 * 42


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".dcm"])
def test_a_scan_beyond_the_free_memory_is_a_sentence(tmp_path, monkeypatch, ending):
    array = np.random.default_rng(0).integers(0, 3000, SHAPE).astype(np.int16)
    path = tmp_path / f"a{ending}"
    if ending == ".dcm":
        path = made_up.series(tmp_path / "d", array.astype(np.uint16))
    elif ending.startswith(".nii"):
        nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    monkeypatch.setattr(integrity, "available", lambda: 2 * BYTES)
    assert read_scan(path).array[0].size == array.size
    monkeypatch.setattr(integrity, "available", lambda: BYTES // 2)
    with pytest.raises(ScanError, match=r"takes .* of memory, and .* are free") as error:
        read_scan(path)
    assert error.value.finding == "too_large"
