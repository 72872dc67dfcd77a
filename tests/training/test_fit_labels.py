"""The look at whole labels before the first step: once a run, at labeled scans alone."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.core.errors import InterruptedRun
from semivox.data.prepared.store import Store
from semivox.methods.supervised import Supervised
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.training import tiny
from tests.training.runs import stop_after


def test_a_run_shows_the_labeled_scans_once_and_a_resumed_one_shows_nothing(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    surveys = []
    monkeypatch.setattr(Supervised, "fit_labels", lambda self, labels: surveys.append(list(labels)))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    (seen,) = surveys
    assert len(seen) == len(split.labeled) == 2
    for label, name in zip(seen, split.labeled, strict=True):
        np.testing.assert_array_equal(label, store.case(name, label=True).label)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    assert len(surveys) == 1


def test_labels_are_opened_only_for_those_who_look(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    asked = []
    case = Store.case
    monkeypatch.setattr(Store, "case", lambda self, name, label: asked.append((name, label)) or case(self, name, label))
    monkeypatch.setattr(Supervised, "fit_labels", lambda self, labels: asked.append("surveyed"))
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    assert asked[0] == "surveyed"
    assert {name for name, label in asked[1:] if label} <= set(split.labeled)
