"""The forecast: the fastest precision and memory format are taken, unless the user has decided."""

from semivox.training import forecast as module
from semivox.training.forecast import allowed, forecast, quickest
from tests.training.tiny import plan

ALL = [("32-true", False), ("32-true", True), ("bf16-mixed", False), ("bf16-mixed", True)]


def test_another_format_must_be_clearly_faster():
    assert quickest(dict(zip(ALL, (1.0, 0.95, 3.0, 3.0)))) == ALL[0]
    assert quickest(dict(zip(ALL, (1.0, 0.95, 0.5, 0.4)))) == ALL[3]


def test_what_the_user_decided_is_not_tried_otherwise():
    chosen = plan().model_copy(update={"precision": "bf16-mixed", "channels_last": True})
    assert allowed(ALL[:2], chosen, ()) == ALL[:2]
    assert allowed(ALL, chosen, ("channels_last",)) == [ALL[1], ALL[3]]
    assert allowed(ALL[:2], chosen, ("precision",)) == ALL[2:]  # also where it is not worth trying by itself
    assert allowed(ALL[:2], chosen, ("precision", "channels_last")) == [ALL[3]]


def test_the_fastest_is_taken_but_the_users_choice_stays(monkeypatch):
    seconds = dict(zip(ALL, (1.0, 0.5, 3.0, 3.0)))
    monkeypatch.setattr(module, "measure", lambda plan, method, setting, *_: (seconds[setting], 100.0))
    monkeypatch.setattr(module, "candidates", lambda device: ALL[:2])
    free = forecast(plan(), device="cpu")
    assert free.channels_last
    assert free.forecast.seconds_per_step == 0.5
    decided = plan().model_copy(update={"reasons": {"channels_last": "set by the user"}})
    fixed = forecast(decided, device="cpu", decided=("channels_last", "steps"))
    assert not fixed.channels_last
    assert fixed.forecast.seconds_per_step == 1.0
    assert fixed.reasons["channels_last"] == "set by the user"
    assert "fastest" in fixed.reasons["precision"]


def test_dry_steps_are_those_of_the_methods_options(monkeypatch):
    """A preset can be many times smaller than the default, which may not even fit into memory."""
    seen = []
    monkeypatch.setattr(module, "measure", lambda *given: seen.append(given[4]) or (1.0, 100.0))
    options = {"network": {"rate": 0.5}}
    forecast(plan(), "ua_mt", device="cpu", options=options)
    assert seen
    assert all(given == options for given in seen)
