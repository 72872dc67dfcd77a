"""Who is labeled, in a pool or scored: nested over counts, the same for all methods, patients together."""

from dataclasses import replace
from itertools import pairwise

import pytest

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.experiments.labeled_sets import labeled_sets_of, permuted
from semivox.experiments.runs import run_named, runs_of
from semivox.experiments.study_file import CaseChoice
from tests.experiments.study_files import NAMES, dataset_of, study_file_of


def test_folds_of_a_study_keep_patients_together_and_are_the_same_for_all_seeds(tmp_path):
    groups = {name: f"patient {index // 2}" for index, name in enumerate(NAMES)}
    study_file = study_file_of(
        tmp_path, 'methods = ["ua_mt"]\nseeds = [1, 2]\n[cases]\nlabeled = [8]\nfolds = "auto"\n'
    )
    (chosen,) = labeled_sets_of(study_file.cases, dataset_of(tmp_path, NAMES, groups=groups), tmp_path)
    assert [part.fold for part in chosen.parts] == [0, 1, 2]
    assert sorted(name for part in chosen.parts for name in part.split.test) == sorted(chosen.split.labeled)
    for part in chosen.parts:
        trained = {groups[name] for name in (*part.split.labeled, *part.split.unlabeled)}
        assert not trained & {groups[name] for name in part.split.test}
    runs = runs_of(study_file, (chosen,))
    assert len(runs) == 2 * 3 * 2
    assert runs[0].name == "labeled-8/draw-0/folds/0/seed-1/supervised"
    assert all(run_named(study_file, run.name) == run for run in runs)


def test_labeled_sets_are_nested_and_scored_cases_fixed(tmp_path):
    choice = CaseChoice(labeled=(4, 2), draws=3, test=3, validation=1)
    labeled_sets = labeled_sets_of(choice, dataset_of(tmp_path, NAMES), tmp_path)
    assert [chosen.folder for chosen in labeled_sets][:3] == [
        "labeled-2/draw-0",
        "labeled-4/draw-0",
        "labeled-2/draw-1",
    ]
    by_folder = {chosen.folder: chosen.split for chosen in labeled_sets}
    for draw in range(3):
        few, more = by_folder[f"labeled-2/draw-{draw}"], by_folder[f"labeled-4/draw-{draw}"]
        assert more.labeled[:2] == few.labeled
        for split in (few, more):
            assert split.test == tuple(NAMES[-3:])
            assert split.validation == (NAMES[-4],)
            assert sorted((*split.labeled, *split.unlabeled)) == NAMES[:8]
    assert by_folder["labeled-4/draw-0"].labeled == tuple(NAMES[:4])
    assert len({by_folder[f"labeled-4/draw-{draw}"].labeled for draw in range(3)}) == 3
    again = labeled_sets_of(choice, dataset_of(tmp_path, NAMES), tmp_path)
    assert again == labeled_sets


def test_an_order_file_decides_draw_0_and_a_split_gives_pool_and_test(tmp_path):
    dataset = dataset_of(tmp_path, NAMES)
    (tmp_path / "order.txt").write_text("\n".join([*reversed(NAMES), ""]))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,), order="order.txt", test=1), dataset, tmp_path)
    assert chosen.split.labeled == (NAMES[-1], NAMES[-2])
    assert chosen.split.test == (NAMES[0],)
    split = Split(labeled=("case_03",), unlabeled=("case_01", "case_05"), test=("case_07",))
    split.save(tmp_path / "hc-1.json")
    (chosen,) = labeled_sets_of(CaseChoice(split="hc-1.json"), dataset, tmp_path)
    assert (chosen.folder, chosen.split) == ("hc-1/draw-0", split)
    (chosen,) = labeled_sets_of(CaseChoice(split="hc-1.json", labeled=(2,)), dataset, tmp_path)
    assert chosen.split.labeled == ("case_03", "case_01")
    assert chosen.split.test == ("case_07",)


def test_cases_without_label_are_never_called_labeled_or_scored(tmp_path):
    dataset = dataset_of(tmp_path, NAMES, bare=("case_00", "case_11"))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,), test=("case_10",)), dataset, tmp_path)
    assert chosen.split.labeled == ("case_01", "case_02")
    assert {"case_00", "case_11"} <= set(chosen.split.unlabeled)
    with pytest.raises(InputError, match="case_11"):
        labeled_sets_of(CaseChoice(labeled=(2,), test=2), dataset, tmp_path)
    with pytest.raises(InputError, match="only 9"):
        labeled_sets_of(CaseChoice(labeled=(10,), test=("case_10",)), dataset, tmp_path)
    with pytest.raises(InputError, match="no test case"):
        labeled_sets_of(CaseChoice(labeled=(2,)), dataset, tmp_path)
    with pytest.raises(InputError, match="held out"):
        labeled_sets_of(CaseChoice(labeled=(2,), test=12), dataset, tmp_path)


def test_excluded_cases_are_not_scored_and_must_exist(tmp_path):
    dataset = dataset_of(tmp_path, NAMES)
    (tmp_path / "test.txt").write_text("case_04\ncase_03\n")
    for test in (("case_04", "case_03"), "test.txt"):
        choice = CaseChoice(labeled=(2,), exclude="case_04", test=test, validation=("case_05", "case_04"))
        (chosen,) = labeled_sets_of(choice, dataset, tmp_path)
        assert (chosen.split.test, chosen.split.validation) == (("case_03",), ("case_05",))
        assert "case_04" not in (*chosen.split.labeled, *chosen.split.unlabeled)
    with pytest.raises(InputError, match=r"no case 'case_4' .* excluded"):
        labeled_sets_of(CaseChoice(labeled=(2,), exclude="case_4", test=1), dataset, tmp_path)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ({"test": ("case_04",), "validation": ("case_04",)}, "'case_04' is in both 'validation' and 'test'"),
        ({"test": ("case_04", "case_04")}, "'case_04' is in both 'test' and 'test'"),
        ({"test": 1, "order": "order.txt"}, "'case_01' is in both 'labeled' and 'labeled'"),
    ],
)
def test_a_case_that_stands_twice_is_refused(tmp_path, cases, said):
    (tmp_path / "order.txt").write_text("case_01\ncase_01\ncase_02\ncase_03\n")
    with pytest.raises(InputError, match=said):
        labeled_sets_of(CaseChoice(labeled=(2,), **cases), dataset_of(tmp_path, NAMES), tmp_path)


def test_the_whole_pool_is_one_draw(tmp_path):
    """All draws of it would be the same labeled set."""
    choice = CaseChoice(labeled=(2, 8), draws=(1, 2, 3), test=3)
    found = labeled_sets_of(choice, dataset_of(tmp_path, NAMES, bare=("case_00",)), tmp_path)
    assert [chosen.folder for chosen in found] == [
        *("labeled-2/draw-1", "labeled-8/draw-1"),
        *("labeled-2/draw-2", "labeled-2/draw-3"),
    ]


def test_test_scans_without_label_are_not_trained_on(tmp_path):
    dataset = dataset_of(tmp_path, ["a", "b", "c", "t", "u"], bare=("c", "u"))
    parts = {"t": "test", "u": "test"}
    dataset = replace(dataset, entries=tuple(replace(e, part=parts.get(e.name)) for e in dataset.entries))
    (chosen,) = labeled_sets_of(CaseChoice(labeled=(2,)), dataset, tmp_path)
    assert chosen.split.unlabeled == ("c",)
    assert chosen.split.test == ("t",)


def test_patches_of_one_scan_stay_together_in_every_draw():
    groups = {name: name[:-1] for name in NAMES}
    for draw in range(5):
        order = permuted(NAMES, groups, 0, draw)
        assert sorted(order) == NAMES
        blocks = [groups[name] for name in order]
        assert len([1 for a, b in pairwise(blocks) if a != b]) == len(set(blocks)) - 1
