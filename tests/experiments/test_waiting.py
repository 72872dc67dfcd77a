"""What runs wait for is said when it lasts, and again now and then."""

import pytest

from semivox.experiments import waiting
from semivox.experiments.waiting import AGAIN, FIRST, Waiting


class Run:
    def __init__(self, why):
        self.why = why

    def waits(self):
        return self.why


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    return now


def test_a_reason_is_said_once_it_lasts_and_then_sparsely(clock):
    said = []
    teller, runs = Waiting(said.append), [Run("No node"), Run("No node"), Run("")]
    for seconds, count in ((0, 0), (FIRST - 1, 0), (2, 1), (AGAIN - 1, 1), (2, 2)):
        clock[0] += seconds
        teller.look(runs)
        assert len(said) == count
    assert said[0] == "No node. Ctrl-C stops; the same command resumes from here."


def test_what_is_over_begins_anew(clock):
    said = []
    teller = Waiting(said.append)
    teller.look([Run("No node")])
    clock[0] += FIRST
    teller.look([Run("")])
    teller.look([Run("No node")])
    assert said == []
