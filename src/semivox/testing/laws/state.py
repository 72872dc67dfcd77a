"""Teachers and saved state; the same seed gives the same steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from semivox.methods.method import Method
from semivox.testing.patches import balls, batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import copied, differ, teachers, train
from semivox.testing.subject import SHARP, Subject


def the_same_seed_gives_the_same_bits(subject: Subject) -> None:
    """All randomness follows from the seed and the step."""
    said = "two runs with the same seed differ; draw random numbers from torch's generator alone"
    assert not differ(subject.trace({}), subject.trace({})), said


def a_step_depends_on_state_batch_progress_and_seed_alone(subject: Subject) -> None:
    """Asking twice gives the same bits: a first, abandoned step leaves no trace in weights or later losses. Where it
    does by intent, in a memory say, that trace is in the state, which is put back."""
    method = subject.built(blueprint(norm="instance"), sharpness=SHARP)
    given, before = batch(subject.kind), copied(method.state_dict())
    totals = []
    for seed in (0, 1, 0):
        if subject.known.remembers:
            method.load_state_dict(before)
        totals.append(subject.turn(method, given, seed=seed).total.item())
    said = "a step that was begun and not minimized changes the next one; see Known(remembers=True) for memories"
    assert totals[0] == totals[2], said


def a_resumed_run_ends_with_the_same_bits(subject: Subject) -> None:
    """State stands in parameters and buffers alone: not a counter, not a bank, not a cached tensor is lost with the
    process."""
    mine = subject.odd()
    given = [odd_batch(subject.kind, seed=seed) for seed in range(2)]
    train(mine, given, range(3), 6)
    torch.manual_seed(99)
    fresh = subject.kind(subject.config(), odd_blueprint()).train()
    fresh.load_state_dict(copied(mine.state_dict()), strict=True)
    said = "a resumed run differs; keep state in buffers (register_buffer)"
    with torch.no_grad():
        image = odd_batch(subject.kind, seed=5).image
        assert torch.equal(mine.eval().predict(image), fresh.eval().predict(image)), said
    first, second = (train(method.train(), given, range(3, 6), 6) for method in (mine, fresh))
    assert [losses.total.item() for losses in first] == [losses.total.item() for losses in second], said
    assert not differ(mine.state_dict(), fresh.state_dict()), said


def labels_are_fit_into_buffers_alone(subject: Subject) -> None:
    """What ``fit_labels`` finds is kept, is not left to chance, and moves with the state; a method that has none opens
    no label."""
    method = subject.kind(subject.config(), odd_blueprint())
    before, opened = copied(dict(method.named_parameters())), []

    def labels() -> Iterator[np.ndarray]:
        for seed in range(3):
            opened.append(seed)
            yield balls((9 + seed, 17, 23), 3, seed)

    random = torch.get_rng_state()
    method.fit_labels(labels())
    assert torch.equal(torch.get_rng_state(), random), "fit_labels draws random numbers"
    assert not differ(before, dict(method.named_parameters())), "fit_labels changes parameters"
    if subject.kind.fit_labels is Method.fit_labels:
        assert not opened
        return
    assert opened == [0, 1, 2], f"fit_labels opens {len(opened)} of 3 labels"
    fresh = subject.kind(subject.config(), odd_blueprint())
    assert differ(dict(method.named_buffers()), dict(fresh.named_buffers())), "fit_labels leaves nothing in buffers"
    fresh.load_state_dict(method.state_dict(), strict=True)
    assert not differ(dict(method.named_buffers()), dict(fresh.named_buffers())), "buffers do not move with the state"


def teachers_obey_the_averaging_law(subject: Subject) -> None:
    """Each is the mean of all students until 1 - 1/(t + 1) reaches ``decay``; and the student moves."""
    for decay in (0.99, 0.3):
        options = {"decay": decay} if "decay" in subject.fields() else {}
        slow = {"kind": "sgd", "rate": 0.1, "warmup": 0}
        method, given = subject.built(blueprint(), {**options, "network": slow}), batch(subject.kind)
        expected: list[torch.Tensor] = []
        for step in range(5):
            train(method, given, [step], 5)
            alpha = min(1 - 1 / (step + 1), decay)
            student = [p.detach().double() for p in method.network.parameters()]
            pairs = zip(expected or student, student, strict=True)
            expected = [alpha * mine + (1 - alpha) * theirs for mine, theirs in pairs]
            for teacher in teachers(method) if options else ():
                for mine, law in zip(teacher.network.parameters(), expected, strict=True):
                    said = f"after step {step} a teacher is not the average of its students (decay {decay})"
                    assert torch.allclose(mine.double(), law, atol=1e-6, rtol=1e-5), said
        moved = zip(method.network.parameters(), expected, strict=True)
        assert any(bool((p.double() - law).abs().max() > 1e-4) for p, law in moved), "the student stood still"
