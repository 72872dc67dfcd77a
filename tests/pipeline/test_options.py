"""What a user types is understood as meant, or refused with the nearest right name."""

import pytest

from semivox.cli import run_options
from semivox.core.errors import InputError
from semivox.data.planning.options import PlanOptions
from semivox.experiments.arms import arms_of
from semivox.experiments.as_study import study_file_of
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.assignments import parse_overrides, parse_triple, parse_value
from semivox.pipeline.options import RunOptions, checked


def test_overrides_land_in_their_sections():
    found = parse_overrides(["method.decay=0.95", "method.network.rate=1e-3", "train.clip=5", "plan.patch=64,64,48"])
    assert found.method == {"decay": 0.95, "network": {"rate": 1e-3}}
    assert found.train == {"clip": 5}
    assert found.plan == {"patch": [64, 64, 48]}


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("None", None), ("nn,en", ["nn", "en"]), ("[]", []), ("cosine", "cosine")],
)
def test_values_are_json_or_text(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decay=0.9", "section.field=value"),
        ("method.decay", "section.field=value"),
        ("methd.decay=1", "did you mean 'method'"),
        ("plan.spacng=1", "did you mean 'spacing'"),
        ("plan.fingerprint=1", "no field 'fingerprint'"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_hint(text, message):
    with pytest.raises(InputError, match=message):
        parse_overrides([text])


def test_three_numbers_or_one_for_all_axes():
    assert parse_triple("1,1,2.5", "--spacing") == (1, 1, 2.5)
    assert parse_triple("64x64x48", "--patch") == (64, 64, 48)
    assert parse_triple("2", "--spacing") == (2, 2, 2)
    for wrong in ("1,2", "a,b,c", "0,1,1", "-1"):
        with pytest.raises(InputError, match="--spacing"):
            parse_triple(wrong, "--spacing")


def test_unknown_choices_name_the_nearest_right_one():
    with pytest.raises(InputError, match="did you mean 'hours'"):
        checked(PlanOptions, "options of the plan", hour=3)
    with pytest.raises(InputError, match="steps"):
        checked(PlanOptions, "options of the plan", steps=0)


def test_a_method_is_canonical_wherever_its_name_is_read():
    assert RunOptions(method="mean-teacher").method == "mean_teacher"
    assert RunOptions(method="UA-MT").method == "ua_mt"
    assert RunOptions(method="mean-teacher").config().method == "mean_teacher"
    job = study_file_of(RunOptions(method="mean-teacher"))
    assert [arm.name for arm in arms_of(job)] == ["supervised", "mean_teacher"]
    study_file = StudyFile(
        methods=("mean-teacher", "mean_teacher"), method={"mean-teacher": {"options": {"decay": 0.5}}}
    )
    assert (study_file.methods, list(study_file.method)) == (("mean_teacher",), ["mean_teacher"])
    assert [arm.name for arm in arms_of(study_file)] == ["supervised", "mean_teacher"]


def test_the_command_line_offers_every_option_of_a_plan():
    assert set(run_options.PLAN.options) == set(PlanOptions.model_fields) - {"fields"}
