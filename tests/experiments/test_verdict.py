"""The answer says what the scores say, and no more."""

import pytest

from semivox.evaluation.score import Row
from semivox.experiments import summary
from semivox.experiments.arms import Arm
from semivox.experiments.groups import Group, RunResult
from semivox.experiments.provenance import Provenance
from semivox.experiments.record import Record
from semivox.experiments.results import Results
from semivox.experiments.verdict import table
from semivox.reports.first_screen import surfaces_in_words
from semivox.reports.job import paired_cases
from tests.experiments import made

ABOUT = Provenance(
    semivox="0.1.0",
    dataset="hips",
    labeled=4,
    unlabeled=20,
    scored=10,
    scored_on="test",
    steps=200,
    seed=1,
    selection="last",
    spacing=(2.0, 2.0, 2.0),
    patch=(32, 32, 32),
    network="vnet",
    precision="32-true",
    augmentation="standard",
    plan="abc",
    split="def",
)


def rows(dice, hd95=5.0):
    return [
        Row(
            case=f"c{i}",
            class_name="bone",
            dice=d,
            hd95_mm=hd95 if d else None,
            empty="neither" if d else "prediction",
            prediction_ml=1,
            reference_ml=1,
            diagonal_mm=100,
        )
        for i, d in enumerate(dice)
    ]


METHOD = Arm(name="embedding_matching", method="embedding_matching", twin="supervised")


def conclude(method, twin, rows, twin_rows, about, patients=None):
    """From the scores of one run of each."""
    arms = {twin: Arm(name=twin, method=twin), method: METHOD}
    groups = tuple(
        Group("", arms[name], {(0, 1): RunResult((None,), (tuple(own),), (), None, None, None)}, patients or {})
        for name, own in ((twin, twin_rows), (method, rows))
    )
    record = Record(kind="job", study_file=made.study_file(), data="nowhere", files="0")
    return summary.conclude(Results(None, record, groups, 0), about, METHOD)


LOW = [0.60, 0.62, 0.58, 0.66, 0.61, 0.63, 0.59, 0.64]


@pytest.mark.parametrize(
    ("gain", "verdict", "words"),
    [
        ([0.05, 0.06, 0.04, 0.07, 0.05, 0.06, 0.05, 0.03], "helped", "Yes, they helped"),
        ([-0.05, -0.06, -0.04, -0.07, -0.05, -0.06, -0.05, -0.03], "hurt", "No, they made it worse"),
        ([0.05, -0.06, 0.04, -0.05, 0.01, 0.02, -0.03, 0.01], "inconclusive", "Inconclusive"),
    ],
)
def test_the_verdict_follows_the_paired_difference(gain, verdict, words):
    found = conclude("embedding_matching", "supervised", rows([a + b for a, b in zip(LOW, gain)]), rows(LOW), ABOUT)
    assert found.verdict == verdict
    assert words in found.answer
    assert found.chosen == ("embedding_matching" if sum(gain) > 0 else "supervised")
    assert f"{sum(gain) / 8:+.2f}" in found.answer


def test_an_interval_that_leaves_0_out_without_a_verdict_is_explained_also_for_distances():
    further = [1.9, 1.8, 0.7, -0.2, 0.6, -0.25, 0.3, -0.3]  # a mean that is clear, and ranks that are not
    own = [row.model_copy(update={"hd95_mm": 5.0 + more}) for row, more in zip(rows(LOW), further, strict=True)]
    found = conclude("embedding_matching", "supervised", own, rows(LOW), ABOUT)
    hd95 = found.comparisons["hd95_mm"]
    assert (hd95.verdict, hd95.low > 0) == ("inconclusive", True)
    assert f"this difference is not decided, as the interval leaves 0 out, but p = {hd95.p_value:.2g}" in found.answer
    assert "It is not decided, as the interval leaves 0 out" in surfaces_in_words(hd95)
    dice = found.comparisons["dice"]
    assert dice.why_open
    assert dice.why_open_all_the_same == ""  # nobody takes a difference of 0 for decided


def test_few_scans_are_never_conclusive():
    found = conclude("embedding_matching", "supervised", rows([0.9] * 4), rows([0.1, 0.12, 0.11, 0.1]), ABOUT)
    assert found.verdict == "inconclusive"


def test_without_scores_the_answer_says_what_is_missing():
    found = summary.unscored(ABOUT.model_copy(update={"scored_on": "nothing"}), METHOD)
    assert found.verdict == "inconclusive"
    assert "no scan could be scored" in found.answer
    assert not any(line.startswith("class ") for line in found.text().splitlines()), "a table of nothing"
    assert found.chosen == "embedding_matching"


def test_a_model_that_must_not_be_used_is_told_before_whether_it_is_better(tmp_path):
    found = conclude("embedding_matching", "supervised", rows([0.01] * 8), rows([0.02] * 8), ABOUT)
    assert found.text().startswith(found.answer)
    warned = found.model_copy(update={"warnings": ("supervised: bone is hardly found (mean Dice 0.020)",)})
    first, second, *_ = warned.text().split("\n\n")
    assert first.startswith("Not usable yet: model/ (supervised)")
    assert first.endswith("bone is hardly found (mean Dice 0.020).")
    assert second == found.answer
    assert "Model to use" not in warned.text()
    warned.save(tmp_path / "summary.json")
    assert summary.unfit_model(tmp_path) == "bone is hardly found (mean Dice 0.020)."
    assert not summary.unfit_model(tmp_path / "model")


def test_a_missed_object_is_counted_and_enters_the_distance_with_the_diagonal():
    found = conclude("embedding_matching", "supervised", rows([0.0, *LOW[1:]]), rows(LOW), ABOUT)
    assert "embedding matching missed bone altogether in 1 scan." in table(found.arms, found.twin, found.method)
    assert found.comparisons["hd95_mm"].mean_a == pytest.approx((7 * 5 + 100) / 8)


def test_every_number_stands_beside_what_it_depends_on(tmp_path):
    found = conclude("embedding_matching", "supervised", rows(LOW), rows(LOW), ABOUT)
    text = found.text()
    for fact in ("200 steps", "seed 1", "last", "2 x 2 x 2 mm", "split def", "plan abc", "10 scored", "4 labeled"):
        assert fact in text
    found.save(tmp_path / "summary.json")
    assert type(found).load(tmp_path / "summary.json") == found


def test_scans_of_a_patient_count_as_one():
    scans, twins = rows([a + 0.05 + 0.01 * a for a in LOW]), rows(LOW)
    patients = {f"c{i}": f"patient {i // 2}" for i in range(8)}
    found = conclude("embedding_matching", "supervised", scans, twins, ABOUT, patients)
    assert found.verdict == "inconclusive"
    assert "paired over 4 patients (8 scans)" in found.answer
    assert "About 6 scored patients or scans instead of 4 would decide" in found.answer
    dice = found.arms["supervised"].overall["dice"]
    assert found.arms["supervised"].units == 4
    assert dice.low <= dice.mean <= dice.high
    alone = conclude("embedding_matching", "supervised", scans, twins, ABOUT, dict.fromkeys(patients, "one"))
    assert "One patient decides nothing." in alone.answer
    assert conclude("embedding_matching", "supervised", scans, twins, ABOUT).verdict == "helped"


def test_inventing_an_object_is_no_help():
    def with_second(listed, dice, empty):
        return [*listed, *(row.model_copy(update={"class_name": "b", "dice": dice, "empty": empty}) for row in listed)]

    gain = with_second(rows([a + 0.01 for a in LOW]), 0.0, "reference")
    found = conclude("embedding_matching", "supervised", gain, with_second(rows(LOW), None, "both"), ABOUT)
    assert found.verdict == "hurt"
    shown = paired_cases(with_second(rows(LOW), None, "both"), gain)
    assert [pair.difference for pair in shown if pair.class_name == "b"] == [-1.0] * 8
    absent = with_second(rows(LOW), None, "both")
    assert {pair.difference for pair in paired_cases(absent, absent) if pair.class_name == "b"} == {None}
