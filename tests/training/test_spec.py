"""A run is settled once: what the settings overrule stands in the plan, and all that follows reads it there."""

import json

import pytest

from semivox.core.errors import InputError, InterruptedRun
from semivox.core.plan import Forecast, without_times
from semivox.training.folder import RunFolder
from semivox.training.model import load_model, model_digest
from semivox.training.run import train_run
from semivox.training.settings import TrainSettings
from semivox.training.spec import SETTLED, RunSpec, settled
from tests.training import tiny
from tests.training.runs import assert_same, stop_after, weights

OTHER = {
    "steps": 4,
    "labeled_per_step": 1,
    "unlabeled_per_step": 3,
    "augmentation": "none",
    "precision": "bf16-mixed",
}
FORECAST = Forecast(method="ua_mt", seconds_per_step=36.0, hours=0.06, memory_mb=1, device="cpu", threads=1)


@pytest.mark.parametrize("name", SETTLED)
def test_what_the_settings_overrule_is_the_plans_and_tells_runs_apart(name):
    plan = tiny.plan()
    found = settled(plan, TrainSettings(**{name: OTHER[name]}))
    assert getattr(found, name) == OTHER[name] != getattr(plan, name)
    assert found.reasons[name] == "set by the user"
    assert found.run_digest() != plan.run_digest()
    assert found.digest() == plan.digest()  # prepared cases are the same
    assert settled(found, TrainSettings(**{name: OTHER[name]})) == found
    assert settled(found, TrainSettings()) == found


def test_whatever_decides_a_number_tells_plans_apart():
    plan = tiny.plan()
    others = [plan.model_copy(update=one) for one in ({"patch": (8, 8, 8)}, {"channels_last": True}, {"steps": 7})]
    assert len({one.run_digest() for one in (plan, *others)}) == 4
    assert plan.model_copy(update={"forecast": FORECAST}).run_digest() == plan.run_digest()


def test_a_forecast_stays_where_it_holds():
    plan = tiny.plan().model_copy(update={"forecast": FORECAST})
    assert settled(plan, TrainSettings(steps=100)).forecast.hours == 1.0
    assert settled(plan, TrainSettings(augmentation="none")).forecast == FORECAST
    for name in ("labeled_per_step", "unlabeled_per_step", "precision"):
        assert settled(plan, TrainSettings(**{name: OTHER[name]})).forecast is None


def test_reflections_that_the_plan_forbids_are_never_trained_with(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    plan = plan.model_copy(update={"mirror": (True, False, True)})
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("ua_mt", augmentation="la", steps=2))
    with pytest.raises(InputError, match="forbids to mirror them along y"):
        train_run(spec)


def test_folder_log_and_model_say_what_was_settled(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("ua_mt", **OTHER))
    train_run(spec)
    kept = json.loads(spec.folder.plan.read_text(encoding="utf-8"))
    assert {name: kept[name] for name in SETTLED} == OTHER
    assert [row["step"] for row in spec.folder.logged()] == [0, 1, 2, 3]
    assert load_model(tmp_path / "run")[1].plan == without_times(spec.plan)


def test_measured_times_leave_no_trace_in_a_model(tmp_path):
    digests = []
    for name, forecast in (("one", FORECAST), ("other", FORECAST.model_copy(update={"seconds_per_step": 1.0}))):
        store, split, plan = tiny.prepared(tmp_path / name)
        plan = plan.model_copy(update={"forecast": forecast, "reasons": {"steps": f"{forecast.seconds_per_step} s"}})
        train_run(RunSpec(RunFolder(tmp_path / name / "run"), store, split, plan, tiny.config("supervised")))
        digests.append(model_digest(tmp_path / name / "run"))
    assert digests[0] == digests[1]


def test_a_setting_that_says_what_the_plan_says_is_no_change(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    folder = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(folder, store, split, plan, tiny.config("supervised")))
    train_run(RunSpec(folder, store, split, plan, tiny.config("supervised", steps=6, precision="32-true")))
    assert folder.done.exists()


def test_a_folder_of_an_early_version_is_resumed_and_its_model_is_read_as_it_was_trained(tmp_path, monkeypatch):
    """It kept the plan as it was before the settings overruled it, in the model too."""
    store, split, plan = tiny.prepared(tmp_path)
    config = tiny.config("mean_teacher", **OTHER)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, config))
    folder = RunFolder(tmp_path / "early")
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(folder, store, split, plan, config))
    plan.save(folder.plan)
    with pytest.raises(InputError, match="steps: was 4, is 5"):
        train_run(RunSpec(folder, store, split, plan, tiny.config("mean_teacher", **OTHER | {"steps": 5})))
    train_run(RunSpec(folder, store, split, plan, config))
    assert_same(weights(tmp_path / "whole"), weights(folder.path))
    card = json.loads((folder.model / "model.json").read_text(encoding="utf-8"))
    (folder.model / "model.json").write_text(
        json.dumps(card | {"version": 1, "plan": json.loads(plan.model_dump_json())}), encoding="utf-8"
    )
    assert load_model(folder.path)[1].plan.precision == "bf16-mixed"
    (folder.model / "model.json").write_text(json.dumps(card | {"version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="version"):
        load_model(folder.path)


def test_other_defaults_of_an_early_version_are_named_as_such(tmp_path):
    """Nobody has changed anything there, so "undo the change" would be no help; a run of today is told just that."""
    folder, config = RunFolder(tmp_path), tiny.config("mean_teacher")
    other = config.model_copy(update={"options": {**config.options, "decay": 0.5}})
    config.save(folder.config)
    with pytest.raises(InputError, match=r"decay: was 0\.99, is 0\.5\nUndo the change"):
        folder.keep(folder.config, other)
    kept = json.loads(folder.config.read_text(encoding="utf-8"))
    del kept["train"]["readers"]
    folder.config.write_text(json.dumps(kept), encoding="utf-8")
    folder.keep(folder.config, config)
    with pytest.raises(InputError, match=r"decay: was 0\.99, is 0\.5\nIt was begun by an early state of semivox 0\.1"):
        folder.keep(folder.config, other)


def test_images_are_predicted_with_the_precision_of_the_training(tmp_path):
    from semivox.pipeline.predict import predictor_of

    store, split, plan = tiny.prepared(tmp_path)
    train_run(
        RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised", precision="bf16-mixed"))
    )
    assert predictor_of(tmp_path / "run", "cpu").precision == "bf16-mixed"
    assert predictor_of(tmp_path / "run", "cpu", "32-true").precision == "32-true"
    with pytest.raises(InputError, match="no precision 'half'; choose from 32-true and bf16-mixed"):
        predictor_of(tmp_path / "run", "cpu", "half")
