"""Cross-validation holds every labeled scan out once and never lets a patient stand on two sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.experiments.folds import fold_count, folds, further_folds


@pytest.mark.parametrize(("labeled", "count"), [(2, 2), (6, 6), (7, 3), (15, 3), (16, 5), (100, 5)])
def test_the_number_of_folds_follows_the_number_of_labels(labeled, count):
    assert fold_count(labeled) == count
    assert len(folds(Split(labeled=tuple(f"c{i}" for i in range(labeled))), {})) == count


@given(
    patients=st.lists(st.integers(0, 8), min_size=2, max_size=30).filter(lambda p: len(set(p)) > 1),
    unlabeled=st.lists(st.integers(0, 12), max_size=10),
    seed=st.integers(0, 5),
)
def test_each_labeled_scan_is_held_out_once_and_patients_stay_together(patients, unlabeled, seed):
    labeled = [f"l{i}" for i in range(len(patients))]
    others = [f"u{i}" for i in range(len(unlabeled))]
    patient = dict(zip(labeled + others, map(str, patients + unlabeled), strict=True))
    cut = folds(Split(labeled=tuple(labeled), unlabeled=tuple(others), test=("t",)), patient, seed)
    assert sorted(name for fold in cut for name in fold.test) == sorted(labeled)
    for fold in cut:
        trained = {*fold.labeled, *fold.unlabeled, *fold.validation}
        assert fold.labeled
        assert not {patient[name] for name in trained} & {patient[name] for name in fold.test}
        kept_out = {name for name in labeled + others if patient[name] in {patient[n] for n in fold.test}}
        assert trained | kept_out == {*labeled, *others}  # nobody is left out without need


def test_folds_are_of_about_equal_size():
    cut = folds(Split(labeled=tuple(f"c{i}" for i in range(17))), {})
    assert sorted(len(fold.test) for fold in cut) == [3, 3, 3, 4, 4]


def test_one_labeled_patient_cannot_be_cross_validated():
    with pytest.raises(InputError, match="at least two patients"):
        folds(Split(labeled=("a", "b")), {"a": "p", "b": "p"})


def looked_for(**classes):
    return {name: tuple(names.split()) for name, names in classes.items()}


def test_scans_that_know_different_classes_are_spread_over_folds():
    labeled = tuple(f"{organ}{index}" for organ in ("liver", "spleen") for index in range(6))
    sought = {name: (name[:-1],) for name in labeled}
    for seed in range(10):
        for fold in folds(Split(labeled=labeled), {}, seed, annotated=sought):
            assert sorted(name[:-1] for name in fold.test) == ["liver", "liver", "spleen", "spleen"]


def test_a_class_that_a_fold_would_hold_out_altogether_is_told():
    split = Split(labeled=("a", "b", "c"))
    with pytest.raises(InputError, match="would hold out a, and liver was looked for in no other of the 3"):
        folds(split, {}, annotated=looked_for(a="liver", b="spleen", c="spleen"))
    folds(split, {}, annotated=looked_for(a="liver", b="liver spleen", c="spleen"))
    folds(split, {}, annotated=looked_for(a="liver"))


@given(
    patients=st.lists(st.integers(0, 12), min_size=4, max_size=40).filter(lambda p: len(set(p[: len(p) // 2])) > 1),
    seed=st.integers(0, 5),
)
def test_further_folds_hold_out_what_they_did_and_share_out_what_is_new(patients, seed):
    names = tuple(f"c{i}" for i in range(len(patients)))
    patient, old = dict(zip(names, map(str, patients), strict=True)), names[: len(names) // 2]
    before = folds(Split(labeled=old, unlabeled=names[len(old) :]), patient, seed)
    now = further_folds(Split(labeled=names), patient, [fold.test for fold in before], seed)
    assert now == further_folds(Split(labeled=names), patient, [fold.test for fold in before], seed)
    assert sorted(name for fold in now for name in fold.test) == sorted(names)
    for earlier, fold in zip(before, now, strict=True):
        assert {*fold.test} >= {*earlier.test}
        assert not {patient[name] for name in fold.labeled} & {patient[name] for name in fold.test}
        assert {*fold.labeled, *fold.test} == {*names}


def test_new_scans_go_to_the_folds_that_hold_out_the_least():
    names = tuple(f"c{i}" for i in range(12))
    now = further_folds(Split(labeled=names), {}, [names[:4], names[4:5], names[5:6]], 1)
    assert [len(fold.test) for fold in now] == [4, 4, 4]
    assert now != further_folds(Split(labeled=names), {}, [names[:4], names[4:5], names[5:6]], 2)


def test_a_patient_in_two_folds_is_told():
    with pytest.raises(InputError, match=r"'a' and 'b', of one patient now, were held out of different folds\. Undo"):
        further_folds(Split(labeled=("a", "b", "c")), {"a": "p", "b": "p"}, [("a",), ("b",)])
