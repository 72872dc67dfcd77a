"""Whatever orientation, spacing, number type and label values: write, read, prepare, invert is the identity."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import volume
from semivox.data.prepared.prepare import prepare
from tests.data.formats.axes import orientations

NUMBERS = ("uint8", "int8", "int16", "uint16", "int32", "float32", "float64")
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
spacings = st.tuples(*[st.floats(0.3, 6.0, allow_nan=False).map(lambda value: round(value, 3))] * 3)
shapes = st.tuples(*[st.integers(2, 9)] * 3)
labels = st.lists(st.integers(1, 65535), min_size=1, max_size=4, unique=True).map(sorted)


def affine(codes: str, spacing: tuple[float, ...], origin: tuple[float, ...]) -> np.ndarray:
    result = np.zeros((4, 4))
    for axis, (target, flip) in enumerate(nib.orientations.axcodes2ornt(codes)):
        result[int(target), axis] = flip * spacing[axis]
    result[:3, 3], result[3, 3] = origin, 1
    return result


def plan_of(spacing: tuple[float, ...], values: list[int]) -> Plan:
    """A plan that leaves voxel size and intensities as they are."""
    classes = tuple(ClassInfo(name=f"class {value}", value=value) for value in (0, *values))
    fingerprint = Fingerprint(dataset="d", channels=("MR",), classes=classes, cases=())
    x, y, z = spacing
    return Plan(
        dataset="d", classes=classes, channels=("MR",), spacing=(x, y, z), patch=(8, 8, 8),
        intensity=(Intensity(scheme="none"),), network=NetworkChoice(name="vnet"), steps=1, fingerprint=fingerprint,
        reasons={},
    )  # fmt: skip


def way_and_back(folder: Path, codes, spacing, shape, kind, values, suffix, seed) -> None:
    random = np.random.default_rng(seed)
    grid = Grid(shape, affine(codes, spacing, (12.5, -40.25, 7.125)))
    label = random.choice([0, *values], shape).astype(np.uint16)
    info = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
    top = 2000 if info is None else min(2000, info.max)  # float16, in which scans are kept, is exact up to 2048
    image = random.integers(0 if info is not None and info.min == 0 else -min(top, 100), top, shape).astype(kind)
    nib.save(nib.Nifti1Image(image, grid.affine), folder / "a.nii.gz")
    volume.write_label(folder / f"l{suffix}", label, grid)

    entry = CaseFiles("a", (folder / "a.nii.gz",), folder / f"l{suffix}", "training", None)
    read = volume.read(entry.images)
    dataset = Dataset(folder, "CSV", (entry,), ("MR",), None, None, ())
    store = prepare(dataset, Split(labeled=("a",)), plan_of(read.spacing, values), folder / "prepared")
    case = store.case("a", label=True)
    assert np.array_equal(volume.to_source(np.asarray(case.image), read)[0].astype(kind), image)
    back = np.array([0, *values])[volume.to_source(np.asarray(case.label), read)]
    assert np.array_equal(back, label)
    assert np.allclose(read.source.affine, grid.affine, atol=1e-4)

    volume.write_label(folder / f"again{suffix}", back, read.source)
    again = volume.read_label(folder / f"again{suffix}")
    assert np.array_equal(volume.to_source(again.array, again)[0], label)
    assert np.abs(again.source.corners() - grid.corners()).max() < 1e-3


@pytest.mark.parametrize("codes", orientations())
def test_every_orientation_comes_back(tmp_path, codes):
    number = orientations().index(codes)
    way_and_back(
        tmp_path, codes, (0.7, 1.25, 3.0), (5, 6, 7), NUMBERS[number % 7], [1, 255, 256], SUFFIXES[number % 4], 0
    )


ANY = {
    "codes": st.sampled_from(orientations()), "spacing": spacings, "shape": shapes, "kind": st.sampled_from(NUMBERS),
    "values": labels, "suffix": st.sampled_from(SUFFIXES), "seed": st.integers(0, 2**32 - 1),
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(**ANY)
def test_any_scan_comes_back(codes, spacing, shape, kind, values, suffix, seed):
    with TemporaryDirectory() as folder:
        way_and_back(Path(folder), codes, spacing, shape, kind, values, suffix, seed)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(**ANY)
def test_very_many_scans_come_back(codes, spacing, shape, kind, values, suffix, seed):
    with TemporaryDirectory() as folder:
        way_and_back(Path(folder), codes, spacing, shape, kind, values, suffix, seed)
