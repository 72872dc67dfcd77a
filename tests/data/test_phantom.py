"""The built-in data set: the same for the same seed, complete, plausible, and never written over anything."""

import json

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.randomness import generator
from semivox.data.phantom.folder import LABELS
from semivox.data.phantom.scans import _streaks, has_metal, scan
from semivox.data.phantom.sets import write, write_of_two_scanners

SMALL = {"shape": (48, 36, 32), "spacing": (4.0, 4.0, 4.0)}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "set"
    write(folder, labeled=2, unlabeled=4, test=2, seed=3, **SMALL)
    return folder


def test_layout_is_nnunet_raw_with_labels_for_the_labeled_and_the_test_only(small):
    def names(part):
        return sorted(path.name for path in (small / part).iterdir())

    assert names("imagesTr") == [f"hip_{i:04d}_0000.nii.gz" for i in range(6)]
    assert names("labelsTr") == [f"hip_{i:04d}.nii.gz" for i in range(2)]
    assert names("imagesTs") == [f"hip_{i:04d}_0000.nii.gz" for i in (1000, 1001)]
    assert names("labelsTs") == [f"hip_{i:04d}.nii.gz" for i in (1000, 1001)]
    description = json.loads((small / "dataset.json").read_text(encoding="utf-8"))
    assert description["channel_names"] == {"0": "CT"}
    assert description["labels"] == {"background": 0, "bone": 1}
    assert description["numTraining"] == 2
    assert description["file_ending"] == ".nii.gz"


def test_files_load_with_geometry_types_and_ranges(small):
    for path in small.glob("images*/*.nii.gz"):
        image = nib.load(path)
        values = np.asarray(image.dataobj)
        assert values.dtype == np.int16
        assert values.shape == SMALL["shape"]
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.header.get_zooms() == SMALL["spacing"]
        assert values.min() >= -1024
        assert values.max() <= 3071
        assert np.median(values[0]) < -850  # air beside the patient
    for path in small.glob("labels*/*.nii.gz"):
        label = nib.load(path)
        values = np.asarray(label.dataobj)
        assert values.dtype == np.uint8
        assert set(np.unique(values)) == set(LABELS.values())
        image = nib.load(path.parent.parent / path.parent.name.replace("labels", "images") / _channel(path.name))
        np.testing.assert_array_equal(image.affine, label.affine)


def _channel(name):
    return name.replace(".nii.gz", "_0000.nii.gz")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(small, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    write(again, labeled=2, unlabeled=4, test=2, seed=3, **SMALL)
    write(other, labeled=2, unlabeled=0, test=0, seed=4, **SMALL)
    assert contents(again) == contents(small)
    assert contents(other)["labelsTr/hip_0000.nii.gz"] != contents(small)["labelsTr/hip_0000.nii.gz"]


def test_a_patient_does_not_depend_on_how_many_there_are(small, tmp_path):
    fewer = tmp_path / "fewer"
    write(fewer, labeled=1, unlabeled=1, test=1, seed=3, **SMALL)
    all_files, fewer_files = contents(small), contents(fewer)
    del fewer_files["dataset.json"]
    assert {name: all_files[name] for name in fewer_files} == fewer_files


def test_a_smaller_set_over_a_larger_one_leaves_no_stale_scan(tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    write(twice, labeled=2, unlabeled=1, test=1, seed=3, **SMALL)
    write(twice, labeled=1, unlabeled=1, test=0, seed=3, **SMALL)
    write(once, labeled=1, unlabeled=1, test=0, seed=3, **SMALL)
    assert contents(twice) == contents(once)
    write(twice, labeled=1, unlabeled=0, test=0, seed=5, **SMALL)  # another seed replaces every scan
    write(tmp_path / "five", labeled=1, unlabeled=0, test=0, seed=5, **SMALL)
    assert contents(twice) == contents(tmp_path / "five")


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        write(tmp_path, labeled=1, unlabeled=0, test=0, **SMALL)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "dataset.json").write_text('{"name": "a real data set"}')
    with pytest.raises(InputError, match="not empty"):
        write(foreign, labeled=1, unlabeled=0, test=0, **SMALL)
    assert [path.name for path in foreign.iterdir()] == ["dataset.json"]
    with pytest.raises(InputError, match="is a file"):
        write(tmp_path / "thesis.txt", labeled=1, unlabeled=0, test=0, **SMALL)


def test_a_set_that_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 16 voxels"):
        write(tmp_path / "tiny", shape=(8, 36, 32))
    with pytest.raises(InputError, match="positive spacing"):
        write(tmp_path / "flat", spacing=(2.0, 0.0, 2.0))


def test_some_patients_carry_metal_with_streaks_but_no_labeled_one_of_the_default_set():
    assert not any(has_metal(number) for number in range(4))
    assert 2 <= sum(has_metal(number) for number in range(4, 24)) <= 4
    assert any(has_metal(number) for number in range(1000, 1010))
    shape, spacing = (96, 72, 64), (2.0, 2.0, 2.0)
    with_screw, _ = scan(0, 5, shape, spacing)
    without, _ = scan(0, 1, shape, spacing)
    assert with_screw.max() > 2200
    assert without.max() < 2000


def test_streaks_leave_the_metal_in_its_slices_dark_and_bright_and_fade():
    metal = np.zeros((40, 40, 5), np.float32)
    metal[9:12, 19:22, 2] = 1
    rays = _streaks(generator(0), metal, np.array([4.0, 4.0, 4.0]))
    assert not rays[..., [0, 1, 3, 4]].any()
    assert not rays[metal > 0].any()
    near, far = rays[5:17, 14:26, 2], rays[30:, :, 2]
    assert near.min() < -150
    assert near.max() > 100
    assert near.std() > 2 * far.std() > 0


def test_bone_is_bright_textured_and_the_joint_is_open():
    for number in range(3):
        image, label = scan(0, number, (96, 72, 64), (2.0, 2.0, 2.0))
        soft = image[(label == 0) & (image > -50) & (image < 120)]
        for value in (1, 2):
            bone = image[label == value]
            assert np.median(bone) > np.median(soft) + 60
            assert bone.std() > 60
        pelvis, head = label == 1, label == 2
        touching = (pelvis[1:] & head[:-1]).sum() + (pelvis[:-1] & head[1:]).sum()
        assert touching < 0.1 * head.sum()
        assert 0.005 < pelvis.mean() < 0.08
        assert 0.001 < head.mean() < 0.03


def test_patients_differ_in_pose_and_density():
    centers, peaks = [], []
    for number in range(8):
        image, label = scan(0, number, (48, 36, 32), (4.0, 4.0, 4.0))
        centers.append(np.argwhere(label == 2).mean(0) * 4)
        peaks.append(np.quantile(image[label > 0], 0.9))
    assert np.std(centers, axis=0).max() > 3  # mm
    assert np.ptp(peaks) > 200  # HU


@pytest.mark.slow
def test_the_default_set_has_all_its_files(tmp_path):
    write(tmp_path / "hips")
    assert len(list((tmp_path / "hips").rglob("*.nii.gz"))) == 34 + 14


def test_a_second_scanner_changes_its_scans_and_no_label(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, draw in ((one, write), (two, write_of_two_scanners)):
        draw(folder, labeled=2, unlabeled=6, test=1, seed=3, **SMALL)
    before, after = contents(one), contents(two)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    others = {f"imagesTr/hip_{number:04d}_0000.nii.gz" for number in (2, 3, 5, 6, 7)}  # 4 is of the first scanner
    assert changed == {*others, "imagesTs/hip_1000_0000.nii.gz", "dataset.json"}
    name = "imagesTs/hip_1000_0000.nii.gz"
    first, second = (np.asarray(nib.load(folder / name).dataobj, float) for folder in (one, two))
    bone = np.asarray(nib.load(one / "labelsTs" / "hip_1000.nii.gz").dataobj) > 0
    assert np.median(second[bone]) < np.median(first[bone]) - 20  # a higher tube voltage shows bone darker
    beside = np.s_[:, -3:, :]
    assert np.std(second[beside]) > 1.2 * np.std(first[beside])  # a lower dose
    middle = np.s_[20:28, 14:22, 10:20]
    assert second[middle].mean() < first[middle].mean() - 15  # beam hardening


def test_who_is_labeled_decides_who_is_scanned_where(tmp_path):
    folder = tmp_path / "set"
    write_of_two_scanners(folder, labeled=1, unlabeled=3, test=0, seed=3, **SMALL)
    before = contents(folder)
    write_of_two_scanners(folder, labeled=3, unlabeled=1, test=0, seed=3, **SMALL)
    name = "imagesTr/hip_0001_0000.nii.gz"
    assert contents(folder)[name] != before[name]
    write(folder, labeled=3, unlabeled=1, test=0, seed=3, **SMALL)  # the other set: nothing of this one is left
    one = tmp_path / "one"
    write(one, labeled=3, unlabeled=1, test=0, seed=3, **SMALL)
    assert contents(one) == contents(folder)
