"""Preparing: what is stored equals what inference computes, restarts are cheap, hidden labels stay closed."""

import gzip
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.case import IGNORE
from semivox.core.errors import InputError
from semivox.core.files import HOST, write_text
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import volume as files
from semivox.data.formats.scan import READING
from semivox.data.prepared.labels import class_indices, sample_foreground
from semivox.data.prepared.normalize import normalize
from semivox.data.prepared.prepare import prepare
from semivox.data.prepared.store import make_place

CLASSES = (ClassInfo(name="background", value=0), ClassInfo(name="bone", value=2), ClassInfo(name="metal", value=205))
SPLIT = Split(labeled=("a", "b"), unlabeled=("c",), validation=("d",), test=("e",))


def make_plan(spacing=(1.0, 1.0, 1.0), channels=1, schemes=None, classes=CLASSES, ignore=None):
    names = tuple(f"c{i}" for i in range(channels))
    fingerprint = Fingerprint(dataset="toy", channels=names, classes=classes, cases=())
    return Plan(
        dataset="toy",
        classes=classes,
        ignore=ignore,
        channels=names,
        spacing=spacing,
        patch=(16, 16, 16),
        intensity=schemes or (Intensity(scheme="zscore"),) * channels,
        network=NetworkChoice(name="vnet"),
        steps=10,
        fingerprint=fingerprint,
        reasons={},
    )


def write_case(root: Path, name: str, channels=1, spacing=(1.0, 1.0, 1.0), seed=0) -> CaseFiles:
    """A scan of noise and its label with values 0, 2, 205."""
    stream = np.random.default_rng([seed, ord(name[0])])
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])  # LPS on disk: reorienting must happen
    label = np.zeros((12, 14, 10), np.uint8)
    label[2:6, 3:9, 2:8], label[7:9, 4:6, 3:5] = 2, 205
    images = []
    for channel in range(channels):
        path = root / f"{name}_{channel:04d}.nii.gz"
        array = (stream.normal(100, 20, label.shape) + label).astype(np.float32)
        nib.save(nib.Nifti1Image(array, affine), path)
        images.append(path)
    path = root / f"{name}_label.nii.gz"
    nib.save(nib.Nifti1Image(label, affine), path)
    return CaseFiles(name, tuple(images), path, None, None)


def make_dataset(root: Path, names="abcde", **options) -> Dataset:
    root.mkdir(exist_ok=True)
    entries = tuple(write_case(root, name, **options) for name in names)
    return Dataset(root, "test", entries, None, None, None, ())


def times(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in sorted(out.glob("cases/*/image.npy"))}


@pytest.mark.parametrize(("spacing", "channels"), [((1.0, 1.0, 1.0), 1), ((1.5, 0.8, 1.0), 2)])
def test_stored_cases_equal_what_inference_computes(tmp_path, spacing, channels):
    dataset = make_dataset(tmp_path / "in", channels=channels)
    store = prepare(dataset, SPLIT, make_plan(spacing, channels), tmp_path / "out")
    assert store.names == ("a", "b", "c", "d", "e")
    for entry in dataset.entries:
        expected = normalize(files.read(entry.images), store.plan)
        case = store.case(entry.name, label=False)
        assert case.image.dtype == np.float16
        assert case.image.shape == (channels, *store.shape(entry.name))
        np.testing.assert_allclose(case.image, expected, rtol=1e-3, atol=1e-3)


def test_equal_spacing_keeps_voxels_and_labels_exactly(tmp_path):
    dataset = make_dataset(tmp_path / "in", "a")
    plan = make_plan((1.004, 1.0, 1.0), schemes=(Intensity(scheme="none"),))
    case = prepare(dataset, Split(labeled=("a",)), plan, tmp_path / "out").case("a", label=True)
    image, label = files.read(dataset.entries[0].images), files.read([dataset.entries[0].label])
    np.testing.assert_array_equal(case.image, image.array.astype(np.float16))
    np.testing.assert_array_equal(np.array([0, 2, 205])[case.label], label.array[0])


def test_labels_of_unlabeled_and_test_cases_are_never_opened(tmp_path):
    dataset = make_dataset(tmp_path / "in")
    for name in "ce":
        label = tmp_path / "in" / f"{name}_label.nii.gz"
        label.unlink()
        label.symlink_to(tmp_path / "nowhere")  # opening, reading or even asking for its size would fail
    store = prepare(dataset, SPLIT, make_plan(), tmp_path / "out")
    for name in "ce":
        assert not (tmp_path / "out" / "cases" / name / "label.npy").exists()
        with pytest.raises(InputError, match="without a label"):
            store.case(name, label=True)


def test_hiding_a_label_later_removes_it_from_the_store(tmp_path):
    dataset = make_dataset(tmp_path / "in", "ab")
    prepare(dataset, Split(labeled=("a", "b")), make_plan(), tmp_path / "out")
    prepare(dataset, Split(labeled=("a",), unlabeled=("b",)), make_plan(), tmp_path / "out")
    assert not (tmp_path / "out" / "cases" / "b" / "label.npy").exists()


def test_a_restart_redoes_only_what_is_missing(tmp_path):
    dataset, plan, out = make_dataset(tmp_path / "in"), make_plan(), tmp_path / "out"
    prepare(dataset, SPLIT, plan, out)
    before = times(out)
    (out / "cases" / "b" / "case.json").unlink()
    seen = []
    prepare(dataset, SPLIT, plan, out, progress=lambda done, total: seen.append((done, total)))
    after = times(out)
    assert [name for name in before if before[name] != after[name]] == ["b"]
    assert seen == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize("damage", ["cut", "missing", "source", "plan"])
def test_damaged_or_outdated_cases_are_made_again(tmp_path, damage):
    dataset, plan, out = make_dataset(tmp_path / "in", "ab"), make_plan(), tmp_path / "out"
    split = Split(labeled=("a", "b"))
    prepare(dataset, split, plan, out)
    before = times(out)
    image = out / "cases" / "a" / "image.npy"
    if damage == "cut":
        image.write_bytes(image.read_bytes()[:-7])
    elif damage == "missing":
        (out / "cases" / "a" / "label.npy").unlink()
    elif damage == "source":
        write_case(tmp_path / "in", "a", seed=9)
    else:
        plan = make_plan((2.0, 2.0, 2.0))
    store = prepare(dataset, split, plan, out)
    after = times(out)
    assert [n for n in before if before[n] != after[n]] == (["a", "b"] if damage == "plan" else ["a"])
    expected = normalize(files.read(dataset.entries[0].images), plan)
    np.testing.assert_allclose(store.case("a", True).image, expected, rtol=1e-3, atol=1e-3)


def in_blocks(path: Path, value: int) -> None:
    """The scan block-gzipped, with another value in a block in the middle; size and time are always the same."""
    content = gzip.decompress(path.read_bytes())
    blocks = [content[:352], bytes([value]) * (len(content) // 2 - 352), content[len(content) // 2 :]]
    path.write_bytes(b"".join(gzip.compress(block, 0, mtime=0) for block in blocks))
    os.utime(path, (1e9, 1e9))


def test_a_block_in_the_middle_that_was_exchanged_is_noticed_whatever_size_and_time_say(tmp_path):
    dataset, split = make_dataset(tmp_path / "in", "ab"), Split(labeled=("a", "b"))
    path = dataset.entries[0].label
    in_blocks(path, 0)
    store = prepare(dataset, split, make_plan(), tmp_path / "out")
    before, said = store.case("a", True).label.copy(), path.stat()
    in_blocks(path, 2)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (said.st_size, said.st_mtime_ns)
    store = prepare(dataset, split, make_plan(), tmp_path / "out")
    assert not np.array_equal(store.case("a", True).label, before)


def test_an_older_file_among_those_of_a_scan_is_noticed(tmp_path):
    """The newest time and the size of all stay as they were."""
    dataset, split = make_dataset(tmp_path / "in", "ab"), Split(labeled=("a", "b"))
    scan = files.read(dataset.entries[0].images)
    image = sitk.GetImageFromArray(np.ascontiguousarray(scan.array[0].T))
    entries = []
    for entry in dataset.entries:
        for suffix in (".mhd", ".raw"):
            sitk.WriteImage(image, str(tmp_path / "in" / f"{entry.name}.mhd"))
            os.utime(tmp_path / "in" / f"{entry.name}{suffix}", (1e9, 1e9))
        entries.append(CaseFiles(entry.name, (tmp_path / "in" / f"{entry.name}.mhd",), None, None, None))
    dataset = Dataset(tmp_path / "in", "test", tuple(entries), None, None, None, ())
    split, raw = Split(labeled=(), unlabeled=("a", "b")), tmp_path / "in" / "a.raw"
    before = times_after(dataset, split, tmp_path / "out")
    content = bytearray(raw.read_bytes())
    content[len(content) // 2] ^= 1
    raw.write_bytes(content)
    os.utime(raw, (5e8, 5e8))
    after = times_after(dataset, split, tmp_path / "out")
    assert [name for name in before if before[name] != after[name]] == ["a"]


def times_after(dataset: Dataset, split: Split, out: Path) -> dict[str, int]:
    prepare(dataset, split, make_plan(), out)
    return times(out)


def test_the_same_bytes_elsewhere_or_at_another_time_are_the_same_scan(tmp_path):
    dataset, split = make_dataset(tmp_path / "in", "ab"), Split(labeled=("a", "b"))
    before = times_after(dataset, split, tmp_path / "out")
    shutil.copytree(tmp_path / "in", tmp_path / "copy", copy_function=shutil.copyfile)
    for file in (tmp_path / "in").iterdir():
        os.utime(file)
    assert times_after(dataset, split, tmp_path / "out") == before
    moved = [replace(entry, images=tuple(tmp_path / "copy" / path.name for path in entry.images),
                     label=tmp_path / "copy" / entry.label.name) for entry in dataset.entries]  # fmt: skip
    elsewhere = Dataset(tmp_path / "copy", "test", tuple(moved), None, None, None, ())
    assert times_after(elsewhere, split, tmp_path / "out") == before


def test_processes_change_nothing(tmp_path):
    dataset, split = make_dataset(tmp_path / "in", "abc"), Split(labeled=("a",), unlabeled=("b", "c"))
    alone = prepare(dataset, split, make_plan((1.3, 1.0, 0.7)), tmp_path / "alone")
    many = prepare(dataset, split, make_plan((1.3, 1.0, 0.7)), tmp_path / "many", workers=2)
    assert alone.records == many.records
    np.testing.assert_array_equal(alone.case("a", True).foreground, many.case("a", True).foreground)


def test_an_unreadable_scan_is_named_and_the_others_are_kept(tmp_path):
    dataset = make_dataset(tmp_path / "in", "ab")
    dataset.entries[1].images[0].write_bytes(b"<html>")
    with pytest.raises(InputError, match="b_0000"):
        prepare(dataset, Split(labeled=("a", "b")), make_plan(), tmp_path / "out")
    assert list(times(tmp_path / "out")) == ["a"]
    assert not list((tmp_path / "out").glob("cases/.*"))


def test_values_that_cannot_be_stored_are_refused_with_the_option_that_helps(tmp_path):
    dataset = make_dataset(tmp_path / "in", "a", channels=2)
    scan = nib.load(dataset.entries[0].images[1])
    nib.save(nib.Nifti1Image(scan.get_fdata() * 1e5, scan.affine), dataset.entries[0].images[1])
    plan = make_plan(channels=2, schemes=(Intensity(scheme="none"), Intensity(scheme="none")))
    asked = r"""'a' .*65504 .*--set 'plan.intensity=\[{"scheme": "zscore"}, {"scheme": "zscore"}\]'"""
    with pytest.raises(InputError, match=asked):
        prepare(dataset, Split(labeled=("a",)), plan, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "words"), [("shape", "shape"), ("shift", "mm apart"), ("value", "no class of the plan: 7")]
)
def test_a_label_that_does_not_fit_is_an_error(tmp_path, change, words):
    dataset = make_dataset(tmp_path / "in", "a")
    path = dataset.entries[0].label
    label = nib.load(path)
    array, affine = np.asarray(label.dataobj).copy(), label.affine.copy()
    if change == "shape":
        array = array[:-1]
    elif change == "shift":
        affine[0, 3] += 3
    else:
        array[0, 0, 0] = 7
    nib.save(nib.Nifti1Image(array, affine), path)
    with pytest.raises(InputError, match=words):
        prepare(dataset, Split(labeled=("a",)), make_plan(), tmp_path / "out")


def test_values_are_mapped_and_ignore_is_kept():
    plan = make_plan(ignore=9)
    got = class_indices(np.array([[0, 2, 205, 9]], np.float32), plan)
    np.testing.assert_array_equal(got, [[0, 1, 2, IGNORE]])
    for bad in (np.array([0.5]), np.array([-2]), np.array([70000]), np.array([np.nan])):
        with pytest.raises(InputError):
            class_indices(bad, plan)


def test_foreground_is_a_seeded_sample_of_every_class():
    label = np.random.default_rng(0).choice(
        np.array([0, 1, 2, IGNORE], np.uint8), (30, 30, 30), p=[0.4, 0.5, 0.01, 0.09]
    )
    rows = sample_foreground(label, "case")
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(label[tuple(rows[:, 1:].T)], rows[:, 0])
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert (rows[:, 0] == 1).sum() == 2000
    assert (rows[:, 0] == 2).sum() == (label == 2).sum()
    np.testing.assert_array_equal(rows, sample_foreground(label, "case"))
    assert not np.array_equal(rows, sample_foreground(label, "other"))
    assert sample_foreground(np.zeros((3, 3, 3), np.uint8), "empty").shape == (0, 4)


def test_the_wrong_number_of_channels_is_an_error(tmp_path):
    volume = files.read(write_case(tmp_path, "a", channels=2).images)
    with pytest.raises(InputError, match="2 channel"):
        normalize(volume, make_plan())


@pytest.mark.skipif(os.name == "nt", reason="names with these characters cannot exist there")
@pytest.mark.parametrize("name", ["../x", "a b", "é'\"", "x" * 300, ".", "CON"])
def test_any_case_name_stays_inside_the_store(tmp_path, name):
    entry = write_case(tmp_path, "a")
    dataset = Dataset(tmp_path, "test", (CaseFiles(name, entry.images, entry.label, None, None),), None, None, None, ())
    store = prepare(dataset, Split(labeled=(name,)), make_plan(), tmp_path / "out")
    assert store.names == (name,)
    assert len(list((tmp_path / "out" / "cases").iterdir())) == 1
    assert store.case(name, True).label is not None


def test_cases_that_were_read_by_earlier_rules_are_made_again(tmp_path):
    """Such as micrometers that were taken for mm: file and plan are the same, what is read of them is not."""
    dataset = make_dataset(tmp_path / "data")
    prepare(dataset, SPLIT, make_plan(), tmp_path / "out")
    records = sorted((tmp_path / "out" / "cases").glob("*/case.json"))
    content = json.loads(records[0].read_text())
    assert content["reading"] == READING
    del content["reading"]
    records[0].write_text(json.dumps(content))
    before = {path: path.stat().st_mtime_ns for path in records}
    prepare(dataset, SPLIT, make_plan(), tmp_path / "out")
    assert [path for path in records if path.stat().st_mtime_ns != before[path]] == records[:1]
    assert json.loads(records[0].read_text())["reading"] == READING


def test_a_folder_of_something_else_gets_no_prepared_scans(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "images").mkdir()
    with pytest.raises(InputError, match=r"holds something else \(images\)"):
        prepare(Dataset(tmp_path, "toy", ()), SPLIT, make_plan(), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["images"]


@pytest.mark.parametrize("other", ["job.json", "scans", "model"])
def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path, other):
    """A job has a plan.json, too, which prepared scans would have replaced."""
    (tmp_path / other).write_text("mine")
    (tmp_path / "plan.json").write_text("mine")
    (tmp_path / "cases").mkdir()
    with pytest.raises(InputError, match=rf"holds something else \({other}\); give another folder"):
        make_place(tmp_path)
    dataset = Dataset(tmp_path, "toy", ())
    with pytest.raises(InputError, match="holds something else"):
        prepare(dataset, SPLIT, make_plan(), tmp_path)
    assert (tmp_path / "plan.json").read_text() == "mine"


def test_prepared_scans_and_what_a_kill_left_of_them_are_gone_on_with(tmp_path):
    write_text(tmp_path / "plan.json", "{}")
    for name in ("cases", ".claims"):
        (tmp_path / name).mkdir()
    (tmp_path / f".plan.{HOST}-1-2.writing.json").touch()
    make_place(tmp_path)
    make_place(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").is_dir()
