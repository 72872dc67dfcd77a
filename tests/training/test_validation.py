"""Choosing weights on validation cases: the lowest mean HD95, the first of ties; never a test case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from semivox.core.errors import InputError, InterruptedRun
from semivox.data.prepared.store import Store
from semivox.training import checkpoint
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


def chosen_after(tmp_path, monkeypatch, scores, meanwhile) -> tuple[dict, dict]:
    """A run that is stopped at step 3, whose folder ``meanwhile`` changes, and that is resumed.

    Returns the weights it releases, and those of each validation by step. ``scores``: HD95 by step.
    """
    seen = {}

    def scored(best, method):
        step = next(step for step in scores if step not in seen)
        seen[step] = {name: value.clone() for name, value in method.state_dict().items()}
        return 0.5, scores[step]

    monkeypatch.setattr(BestWeights, "scores", scored)
    store, split, plan = tiny.prepared(tmp_path)
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("mean_teacher", **CHOOSING))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun):
            train_run(spec)
    meanwhile(spec.folder)
    train_run(spec)
    return weights(tmp_path / "run"), seen


@pytest.mark.parametrize("keep", [None, 0, 100], ids=["lost", "emptied", "cut short"])
def test_a_log_that_is_lost_changes_no_choice(tmp_path, monkeypatch, keep):
    """What is best so far stands in the checkpoint, so a power cut that takes the log changes no released weight."""

    def cut(folder):
        content = folder.log_file.read_bytes()
        folder.log_file.unlink()
        if keep is not None:
            folder.log_file.write_bytes(content[:keep])

    released, seen = chosen_after(tmp_path, monkeypatch, {2: 3.0, 4: 5.0, 6: 4.0}, cut)
    assert_same(released, seen[2])


def as_in_version_0_1(folder) -> None:
    """The best weights in a file of their own, and their score in the log alone."""
    state = checkpoint.load(folder.checkpoints)
    save_file(dict(state.best["weights"]), folder.checkpoints / "best.safetensors")
    (path,) = folder.checkpoints.glob("step-*.pt")
    torch.save({name: value for name, value in vars(state).items() if name != "best"}, path)


def test_a_run_of_an_early_version_keeps_its_best_weights(tmp_path, monkeypatch):
    released, seen = chosen_after(tmp_path, monkeypatch, {2: 3.0, 4: 5.0, 6: 4.0}, as_in_version_0_1)
    assert_same(released, seen[2])


def test_a_run_of_an_early_version_without_its_log_is_refused(tmp_path, monkeypatch):
    def damaged(folder):
        as_in_version_0_1(folder)
        folder.log_file.unlink()

    with pytest.raises(InputError, match="not known which weights are best"):
        chosen_after(tmp_path, monkeypatch, {2: 3.0, 4: 5.0, 6: 4.0}, damaged)


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


@pytest.mark.parametrize("selection", ["validation", "last"])
def test_validation_labels_without_a_class_choose_nothing(tmp_path, monkeypatch, selection):
    """Who finds nothing in them is not the best: a sentence; where they are only logged, training goes on."""
    store, split, plan = tiny.prepared(tmp_path)
    case = store.case(split.validation[0], label=True)
    read = Store.case

    def empty(store, name, label=False):
        case = read(store, name, label=label)
        return replace(case, label=np.zeros_like(case.label)) if name in split.validation and label else case

    monkeypatch.setattr(Store, "case", empty)
    monkeypatch.setattr(BestWeights, "predicted", lambda *_: np.zeros(case.shape, np.uint8), raising=True)
    spec = RunSpec(
        RunFolder(tmp_path / "run"),
        store,
        split,
        plan,
        tiny.config("supervised", **CHOOSING | {"selection": selection}),
    )
    if selection == "last":
        train_run(spec)
        assert not [row for row in spec.folder.logged() if row["player"] == "validation"]
    else:
        with pytest.raises(InputError, match=r"none in those of case2; give others"):
            train_run(spec)
        assert not spec.folder.config.exists()  # so that the command with other options is not refused


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
    assert (card.method, card.steps, card.split) == ("embedding_matching", 6, "")
