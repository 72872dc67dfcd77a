"""Whatever is wrong with an option is said in a sentence of ours, before any scan is opened."""

import math
import re

import pytest

from semivox.core.errors import InputError
from semivox.core.plan import CaseFacts, Plan
from semivox.core.split import Split
from semivox.data.planning.options import CHOOSABLE, PlanOptions
from semivox.methods import METHODS, find
from semivox.networks.blueprint import ARCHITECTURES, architecture
from semivox.pipeline.options import RunOptions, checked, with_fields
from semivox.training.settings import TrainSettings, configure
from tests.training import tiny

WRONG = ("quatsch", -1, 0.5, 1e30, math.nan, math.inf, [], ["a"], [1, 2, 3, 4, 5, 6, 7, 8, 9, -1], {"a": 1}, None, True)
"""No field takes all of these."""
THEIRS = re.compile(
    r"Input should|should be|should match|should have|String|Value error|Assertion failed|Extra inputs|Field required|"
    r"valid (integer|number|string|boolean|tuple|list|dictionary)|unable to parse|pydantic|type=|function-|tuple\[|"
    r"int_|float_|literal|instance of|permitted"
)
"""Words of the library that finds what is wrong."""


def refusals(make):
    """What is said of each wrong value."""
    said = []
    for value in WRONG:
        try:
            make(value)
        except InputError as error:
            said.append(str(error))
    return said


def in_words(said):
    assert said, "every value was taken"
    for text in said:
        assert not THEIRS.search(text), text


@pytest.mark.parametrize("field", TrainSettings.model_fields)
def test_every_training_setting(field):
    in_words(refusals(lambda value: RunOptions.of({field: value}, {})))


@pytest.mark.parametrize("field", PlanOptions.model_fields)
def test_every_option_of_a_plan(field):
    in_words(refusals(lambda value: RunOptions.of({}, {field: value})))


@pytest.mark.parametrize("field", CHOOSABLE)
def test_every_field_of_a_plan(field):
    said = refusals(lambda value: with_fields(tiny.plan(), RunOptions.of({}, {"fields": {field: value}}).plan.fields))
    in_words(said)


@pytest.mark.parametrize("name", METHODS)
def test_every_number_of_a_method(name):
    kind = find(name).Config
    for field in kind.model_fields:
        in_words(refusals(lambda value, field=field: configure(name, {field: value}, TrainSettings())))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_number_of_a_network(name):
    for field in ARCHITECTURES[name].model_fields:
        in_words(refusals(lambda value, field=field: architecture(name, {field: value})))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "mean-techer"}, "did you mean 'mean_teacher'"),
        ({"method": "mean-teacher", "ablation": "no nois"}, "did you mean 'no noise'"),
        ({"options": {"decai": 1}}, "did you mean 'decay'"),
        ({"options": {"network": {"rat": 1}}}, "did you mean 'rate'"),
        ({"options": {"network": {"kind": "adm"}}}, "did you mean 'adam'"),
        ({"train": {"augmentation": "lite"}}, "did you mean 'light'"),
        ({"train": {"devise": "cpu"}}, "did you mean 'device'"),
        ({"train": {"device": "cuda:0"}}, "did you mean 'cuda'"),
        ({"train": {"steps": 10**12}}, "steps: must be at most 100000000"),
        ({"plan": {"network": "unet"}}, "did you mean 'unet3d'"),
        ({"plan": {"patch": (33, 33, 33)}}, r"divisible by \(8, 8, 8\); \(32, 32, 32\) would be right"),
        ({"plan": {"patch": (17, 16, 16)}}, "must be divisible"),
        ({"plan": {"patch": (64, 64, 33), "spacing": (1, 1, 1)}}, "must be divisible"),
        ({"plan": {"spacing": (1e-9, 1, 1)}}, "spacing.0: must be at least 0.001"),
        ({"plan": {"fields": {"augmentation": "lite"}}}, "did you mean 'light'"),
        ({"plan": {"fields": {"precison": "32-true"}}}, "did you mean 'precision'"),
        ({"plan": {"fields": {"precision": "fp16"}}}, "'32-true' or 'bf16-mixed'"),
        ({"plan": {"fields": {"intensity": [{"scheme": "ct", "std": 0}]}}}, "must be above 0"),
        ({"plan": {"fields": {"network": {"name": "vnett"}}}}, "did you mean 'vnet'"),
        ({"plan": {"fields": {"network": {"name": "vnet", "options": {"widht": 1}}}}}, "did you mean 'width'"),
    ],
)
def test_what_is_wrong_is_found_without_data(options, message):
    options = {"train": {}, "plan": {}} | options
    with pytest.raises(InputError, match=message):
        RunOptions.of(**options).config()


def test_a_device_that_is_not_here_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="finds no GPU"):
        RunOptions.of({"device": "cuda"}, {}).config()


def test_a_patch_that_some_spacing_could_take_is_left_to_the_planner():
    assert RunOptions.of({}, {"patch": (96, 96, 20)}).plan.patch == (96, 96, 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": [17, 16, 16]}, "must be divisible"),
        ({"patch": [4, 4, 4]}, "too small"),
        ({"network": {"options": {"width": 10**6}}}, "width: must be at most 1024"),
        ({"network": {"options": {"width": 1000, "strides": [[2, 2, 2]] * 5, "convolutions": [1] * 6}}}, "channels"),
        ({"network": {"options": {"convolutions": [10**6, 1]}}}, "convolutions.0: must be at most"),
        ({"intensity": [{"scheme": "ct", "lower": 5, "upper": 3}]}, "lower 5 is above upper 3"),
        ({"intensity": []}, "intensity has 0 entries"),
    ],
)
def test_a_plan_that_cannot_be_trained_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        with_fields(tiny.plan(), changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"labeled": ["a"], "labeled": ["b"]}', "'labeled' appears twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"labeled": NaN}', "NaN is not a number"),
        ("", "is not JSON"),
        ('{"labeled": ["a"]', "is not JSON"),
        ('{"labelled": ["a"]}', "did you mean 'labeled'"),
    ],
)
def test_a_file_that_says_two_things_or_none_is_refused(tmp_path, text, message):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(InputError, match=message):
        Split.load(tmp_path / "split.json")


def test_a_plan_of_another_version_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(tiny.plan().model_dump_json().replace('"version":1', '"version":99'))
    with pytest.raises(InputError, match="version: must be 1"):
        Plan.load(path)


def test_values_of_options_are_named_with_the_field_and_what_was_received():
    with pytest.raises(InputError, match=r"clip: must be above 0 \(received -3\)"):
        checked(TrainSettings, "training settings", clip=-3)


@pytest.mark.parametrize(
    ("spacing", "message"), [((0.001, 0.001, 0.001), "more than the 1.1e\\+09"), ((1000, 1, 1), "thinner than a voxel")]
)
def test_a_spacing_that_no_machine_or_no_scan_can_have_is_refused(spacing, message):
    facts = CaseFacts(name="a", shape=(64, 64, 64), spacing=(1, 1, 1), labeled=True, channels=())
    plan = tiny.plan()
    plan = plan.model_copy(update={"fingerprint": plan.fingerprint.model_copy(update={"cases": (facts,)})})
    with pytest.raises(InputError, match=message):
        with_fields(plan, {"spacing": spacing})
