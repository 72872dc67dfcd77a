"""Whatever bytes a file holds, reading it gives a scan or an error for people: no crash, no flood of memory."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats import volume
from tests import corpus
from tests.data.mutated import mutated
from tests.training import tiny

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
MOST = 64 << 20
"""Bytes that reading a scan of some kilobytes may ever take."""


def small(folder: Path, suffix: str) -> Path:
    """A whole scan of 6 x 5 x 4 voxels."""
    folder.mkdir(exist_ok=True)
    path, array = folder / f"a{suffix}", np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    if suffix.startswith(".nii"):
        nib.save(nib.Nifti1Image(array, np.diag([1, 2, 3, 1.0])), path)
    else:
        sitk.WriteImage(corpus.itk_image(array), str(path), useCompression=suffix == ".nrrd")
    return path


def survives(read, *arguments) -> None:
    """The call returns, or raises what a user can act on."""
    tracemalloc.start()
    with contextlib.suppress(InputError, OSError):
        read(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST


def scans_survive(folder: Path, suffix: str, rounds: int, seed: int) -> None:
    path = small(folder, suffix)
    chance, content = random.Random(f"{suffix}{seed}"), path.read_bytes()
    inner = gzip.decompress(content) if suffix == ".nii.gz" else content
    for number in range(rounds):
        if suffix == ".nii.gz" and number % 4:
            path.write_bytes(gzip.compress(mutated(inner[:400], chance) + inner[400:], 1))
        elif len(content) > 400 and number % 2:
            path.write_bytes(mutated(content[:400], chance) + content[400:])
        else:
            path.write_bytes(mutated(content, chance))
        survives(volume.read_header, path)
        survives(volume.read, [path])
        survives(volume.read_label, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_scan_of_any_bytes_is_read_or_refused(tmp_path, suffix):
    scans_survive(tmp_path, suffix, rounds=60, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("seed", range(1, 5))
def test_a_scan_of_very_many_bytes_is_read_or_refused(tmp_path, suffix, seed):
    scans_survive(tmp_path, suffix, rounds=600, seed=seed)


def dicom_survives(folder: Path, rounds: int, seed: int) -> None:
    corpus.slices(folder, [1.5 * index for index in range(3)], size=8)
    path = folder / "1.2.3.4_001.dcm"
    chance, content = random.Random(seed), path.read_bytes()
    for _ in range(rounds):
        path.write_bytes(content[:132] + mutated(content[132:], chance))
        survives(volume.read, [folder])


def test_a_dicom_slice_of_any_bytes_is_read_or_refused(tmp_path):
    dicom_survives(tmp_path / "d", rounds=60, seed=0)


@pytest.mark.slow
def test_dicom_slices_of_very_many_bytes_are_read_or_refused(tmp_path):
    dicom_survives(tmp_path / "d", rounds=400, seed=1)


@pytest.mark.parametrize("name", ["dataset.json", "cases.csv"])
@pytest.mark.parametrize("seed", range(3))
def test_tables_and_descriptions_of_any_bytes_are_read_or_refused(tmp_path, name, seed):
    corpus.good(tmp_path)
    if name.endswith(".csv"):
        corpus.table(tmp_path, "case_id,image,label,split,group\na,images/a.nii.gz,labels/a.nii.gz,train,p1\n")
    chance, content = random.Random(seed), (tmp_path / name).read_bytes()
    for _ in range(60):
        (tmp_path / name).write_bytes(mutated(content, chance))
        survives(layouts.find, tmp_path)


@pytest.mark.parametrize(
    "value", [tiny.plan(), Split(labeled=("a",)), tiny.config("supervised")], ids=lambda v: type(v).__name__
)
def test_json_of_any_bytes_is_read_or_refused(tmp_path, value):
    path = tmp_path / "value.json"
    value.save(path)
    chance, content = random.Random(0), path.read_bytes()
    for _ in range(300):
        path.write_bytes(mutated(content, chance))
        survives(type(value).load, path)
    path.write_text("[" * 100_000)
    survives(type(value).load, path)
    path.write_text(json.dumps({**json.loads(content), "surplus": 1}))
    with pytest.raises(InputError, match="surplus"):
        type(value).load(path)
