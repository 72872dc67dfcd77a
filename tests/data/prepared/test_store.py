"""The store opens what is asked for and nothing else; intensities follow their scheme."""

import errno
import os
import pickle

import numpy as np
import pytest

from semivox.core.errors import InputError, SemivoxError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.data.prepared.intensity import fill, scale
from semivox.data.prepared.store import CaseRecord, Store, case_folder


def write_store(root, names=("a", "b"), labeled=("a",)):
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="x", value=1))
    plan = Plan(
        dataset="toy",
        classes=classes,
        channels=("c",),
        spacing=(1, 1, 1),
        patch=(4, 4, 4),
        intensity=(Intensity(scheme="none"),),
        network=NetworkChoice(name="vnet"),
        steps=1,
        fingerprint=Fingerprint(dataset="toy", channels=("c",), classes=classes, cases=()),
        reasons={},
    )
    plan.save(root / "plan.json")
    for name in names:
        folder = case_folder(root, name)
        folder.mkdir(parents=True)
        np.save(folder / "image.npy", np.arange(60, dtype=np.float16).reshape(1, 3, 4, 5))
        if name in labeled:
            np.save(folder / "label.npy", np.ones((3, 4, 5), np.uint8))
            np.save(folder / "foreground.npy", np.zeros((1, 4), np.int32))
        CaseRecord(
            name=name,
            plan=plan.digest(),
            sources=(),
            source_shape=(3, 4, 5),
            source_affine=tuple(map(tuple, np.eye(4).tolist())),
            channels=1,
            shape=(3, 4, 5),
            spacing=(1, 1, 1),
            labeled=name in labeled,
            content="",
        ).save(folder / "case.json")
    return Store(root)


def test_arrays_are_memory_maps_and_shapes_need_no_arrays(tmp_path):
    store = write_store(tmp_path)
    assert store.names == ("a", "b")
    case = store.case("a", label=True)
    assert isinstance(case.image, np.memmap)
    assert isinstance(case.label, np.memmap)
    assert store.case("a", True) is case
    (tmp_path / "cases" / "b" / "image.npy").unlink()
    assert store.shape("b") == (3, 4, 5)


def test_a_label_is_opened_only_when_asked_for(tmp_path):
    store = write_store(tmp_path)
    (tmp_path / "cases" / "a" / "label.npy").write_bytes(b"poison")
    (tmp_path / "cases" / "a" / "foreground.npy").write_bytes(b"poison")
    case = store.case("a", label=False)
    assert case.label is None
    assert case.foreground is None
    with pytest.raises(InputError):
        store.case("a", label=True)


def test_missing_cases_and_labels_are_explained(tmp_path):
    store = write_store(tmp_path)
    with pytest.raises(InputError, match="'z' is not prepared"):
        store.case("z", False)
    with pytest.raises(InputError, match="without a label"):
        store.case("b", True)


def test_cases_of_another_plan_are_not_listed(tmp_path):
    write_store(tmp_path)
    path = tmp_path / "cases" / "b" / "case.json"
    CaseRecord.load(path).model_copy(update={"plan": "other"}).save(path)
    assert Store(tmp_path).names == ("a",)


def test_a_store_travels_to_another_process_without_its_maps(tmp_path):
    store = write_store(tmp_path)
    store.case("a", True)
    data = pickle.dumps(store)
    assert len(data) < 500
    np.testing.assert_array_equal(pickle.loads(data).case("a", True).image, store.case("a", True).image)


def test_nan_and_infinite_voxels_get_the_minimum():
    array = np.array([[[3.0, np.nan, -2.0, np.inf, -np.inf]]])
    np.testing.assert_array_equal(fill(array)[0, 0], [3, -2, -2, -2, -2])
    with pytest.raises(InputError, match="no finite"):
        fill(np.full((2, 2, 2), np.nan))


def test_zscore_is_exact_on_large_offsets_and_leaves_zeros_out_on_request():
    array = np.random.default_rng(0).normal(30000, 5, (90, 90, 90)).astype(np.float32)
    got = scale(array, Intensity(scheme="zscore")).astype(np.float64)
    assert abs(got.mean()) < 1e-3
    assert got.std() == pytest.approx(1, abs=1e-3)
    array[:45] = 0
    got = scale(array, Intensity(scheme="zscore", nonzero=True))
    assert got[45:].std(dtype=np.float64) == pytest.approx(1, abs=1e-3)
    assert got[:45].max() < got[45:].min()


def test_ct_clips_then_standardizes_and_none_changes_nothing():
    array = np.array([[[-2000, 0, 100, 5000]]], np.int16)
    intensity = Intensity(scheme="ct", lower=-100, upper=400, mean=100, std=50)
    np.testing.assert_allclose(scale(array, intensity)[0, 0], [-4, -2, 0, 6])
    np.testing.assert_array_equal(scale(array, Intensity(scheme="none")), array)


@pytest.mark.parametrize("scheme", ["zscore", "ct"])
def test_a_constant_scan_is_zero_not_nan(scheme):
    intensity = Intensity(scheme=scheme, lower=0, upper=9, mean=7, std=1)
    assert not scale(np.full((3, 3, 3), 7), intensity).any()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM])
def test_an_array_that_the_system_has_no_room_for_is_not_called_damaged(tmp_path, monkeypatch, number):
    """To be told to delete it would cost the work of preparing it."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(SemivoxError, match=r"too many files are open|memory of this machine") as told:
        write_store(tmp_path).case("a", label=False).image  # noqa: B018 - opened when it is looked at
    assert "delete" not in str(told.value)
    assert told.value.code == 1
