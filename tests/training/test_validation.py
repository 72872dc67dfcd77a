"""Choosing weights on validation cases: the lowest mean HD95, the first of ties; never a test case."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file

from semivox.core.errors import InputError
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from semivox.training.validation import BestWeights
from tests.training import tiny
from tests.training.runs import assert_same, stop_after, weights

CHOOSING = {"selection": "validation", "validate_every": 2}


def test_the_released_weights_are_those_of_the_best_validation(tmp_path, monkeypatch):
    scores = {2: (0.9, 5.0), 4: (0.1, 3.0), 6: (0.8, 3.0)}  # Dice peaks elsewhere, and 6 only ties with 4
    seen = {}

    def scored(best, method):
        step = 2 * (len(seen) + 1)
        seen[step] = {name: value.clone() for name, value in method.state_dict().items()}
        return scores[step]

    monkeypatch.setattr(BestWeights, "scores", scored)
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("mean_teacher", **CHOOSING)))
    assert_same(weights(tmp_path / "run"), seen[4])


def test_scores_are_measured_and_survive_an_interruption(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, tiny.config("mean_teacher", **CHOOSING)))
    rows = [row for row in RunFolder(tmp_path / "whole").logged() if row["player"] == "validation"]
    assert [row["step"] for row in rows] == [1, 3, 5]
    assert all(0 <= row["dice"] <= 1 and row["hd95_mm"] >= 0 for row in rows)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Exception, match="step 3 of 6"):
            train_run(
                RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config("mean_teacher", **CHOOSING))
            )
    train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config("mean_teacher", **CHOOSING)))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_validating_changes_no_weight(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "without"), store, split, plan, tiny.config("ua_mt")))
    train_run(RunSpec(RunFolder(tmp_path / "with"), store, split, plan, tiny.config("ua_mt", validate_every=2)))
    assert_same(weights(tmp_path / "without"), weights(tmp_path / "with"))


def test_choosing_without_validation_cases_is_refused(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    bare = split.model_copy(update={"validation": ()})
    with pytest.raises(InputError, match="needs validation cases"):
        train_run(RunSpec(RunFolder(tmp_path / "run"), store, bare, plan, tiny.config("supervised", **CHOOSING)))


def test_tensorboard_events_are_written_on_request(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised", tensorboard=True)))
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_released_model_holds_every_weight_of_the_method(tmp_path):
    from semivox.training.model import load_model

    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("embedding_matching")))
    method, card = load_model(tmp_path / "run")
    stored = load_file(tmp_path / "run" / "model" / "weights.safetensors")
    assert_same(stored, dict(method.state_dict()))
    assert not method.training
    assert (card.method, card.steps, card.split) == ("embedding_matching", 6, split.digest())
