"""AD-MT, number by number."""

from __future__ import annotations

import pytest
import torch

from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.functional.pseudo_labels import PseudoLabels
from semivox.functional.uncertainty import sharper_of_two
from semivox.methods.ad_mt import ADMT
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import train
from tests.contract.examples import Scripted, build, logit, turn


def test_two_teachers_say_together_what_the_surer_says_more():
    one, other = logit([0.9]).softmax(1), logit([0.4]).softmax(1)
    assert sharper_of_two(one, other).flatten()[1].item() == pytest.approx(0.711459, abs=1e-5)
    assert sharper_of_two(other, one).flatten()[1].item() == pytest.approx(0.711459, abs=1e-5)
    assert torch.equal(sharper_of_two(one, one), one)


def test_a_label_below_the_threshold_is_not_learned():
    """The two teachers of the test above: label 1 with a confidence of 0.71."""
    for threshold, learned in ((0.8, False), (0.7, True)):
        method = build("ad_mt", blueprint(), {"threshold": threshold, "override": False})
        shape = (2, 8, 8, 8)
        method.first = Scripted(torch.stack([torch.full(shape, 0.1), torch.full(shape, 0.9)], 1).log())
        method.second = Scripted(torch.stack([torch.full(shape, 0.6), torch.full(shape, 0.4)], 1).log())
        losses = turn(method, batch(ADMT))
        assert bool(losses.terms["consistency"] > 0) == learned
        assert losses.log["sure"] == learned
        assert losses.log["conflict"] == 1


def students(method):
    return [p.detach().clone() for p in method.network.parameters()]


def lies_at(teacher, expected):
    return all(torch.equal(p, q) for p, q in zip(teacher.network.parameters(), expected))


def test_an_updated_teacher_is_a_copy_at_first_and_its_buffers_too():
    method = build("ad_mt", blueprint(), {"copied": 80, "period": 1})
    given = batch(ADMT)
    for step in range(4):
        active = int(method.active)
        others = [p.detach().clone() for p in (method.first if active else method.second).parameters()]
        train(method, given, [step], 200)
        mine, other = (method.second, method.first) if active else (method.first, method.second)
        assert lies_at(mine, students(method))
        for a, b in zip(mine.network.buffers(), method.network.buffers()):
            torch.testing.assert_close(a, b)
        assert all(torch.equal(p, q) for p, q in zip(other.parameters(), others)), "the teacher out of turn moved"
        assert int(method.active) == 1 - active


@pytest.mark.parametrize(("step", "decay"), [(79, 0.0), (80, 0.0), (82, 0.5), (278, 0.99), (500, 0.99)])
def test_how_much_of_itself_a_teacher_keeps(step, decay):
    """40 updates of both are copies; then 1 - 1 / (n + 1), 0.99 at most."""
    method = build("ad_mt", blueprint(), {"copied": 80})
    before = [p.detach().clone() for p in method.first.parameters()]
    with torch.no_grad():
        for p in method.network.parameters():
            p.add_(1.0)
    seed_step(0, step, 0)
    for _ in method.step(batch(ADMT), Progress(step, 1000)):
        pass  # nothing is minimized
    for mine, old, student in zip(method.first.parameters(), before, method.network.parameters()):
        torch.testing.assert_close(mine, decay * old + (1 - decay) * student, atol=1e-5, rtol=1e-4)


def test_turns_last_as_long_as_drawn_and_at_most_a_period():
    method = build("ad_mt", blueprint(), {"period": 3})
    turns, given = [], batch(ADMT)
    for step in range(60):
        turns.append(int(method.active))
        train(method, given, [step], 60)
    lengths = [len(run) for run in "".join(map(str, turns)).replace("01", "0 1").replace("10", "1 0").split()]
    assert set(lengths[1:-1]) == {1, 2, 3}
    alone = build("ad_mt", blueprint(), {"period": 3, "teaching": "one"})
    train(alone, given, range(10), 10)
    assert int(alone.active) == 0


def test_only_the_active_teacher_has_dropout_and_keeps_statistics_of_the_batch():
    method = build("ad_mt", blueprint(dropout=0.5))
    turn(method, batch(ADMT))
    assert (method.first.training, method.second.training) == (True, False)
    method.active.fill_(1)
    turn(method, batch(ADMT))
    assert (method.first.training, method.second.training) == (False, True)


def test_the_student_overrules_teachers_in_conflict_where_it_is_surer():
    target = PseudoLabels(torch.tensor([0, 0, 0, 1]), torch.tensor([0.6, 0.6, 0.6, 0.6]))
    student = PseudoLabels(torch.tensor([1, 1, 1, 1]), torch.tensor([0.7, 0.5, 0.7, 0.9]))
    found = target.overridden(student, torch.tensor([True, True, False, True]))
    assert found.label.tolist() == [1, 0, 0, 1]
    torch.testing.assert_close(found.confidence, torch.tensor([0.7, 0.6, 0.6, 0.6]))


def test_in_the_second_teachers_turn_labels_and_the_students_own_are_mixed_as_the_patches_are():
    """Student and teachers read the class off the image: labels that were not mixed would be wrong in the boxes."""
    given = batch(ADMT, labeled=2, unlabeled=4)

    class Copy(torch.nn.Module):
        def forward(self, image):
            from semivox.networks.architecture import Output

            z = torch.cat([-500 * image, 500 * image], 1)
            return Output(z, z, (), (), {})

    method = build("ad_mt", blueprint(), {"threshold": 0.6})
    method.network = Copy()
    method.first.network, method.second.network = Copy(), Copy()
    method.active.fill_(1)
    for seed in range(5):
        assert turn(method, given, seed=seed).terms["consistency"].item() < 1e-2


def test_nothing_sure_is_exactly_nothing():
    assert turn(build("ad_mt", blueprint(), {"threshold": 1.0}), batch(ADMT)).terms["consistency"].item() == 0
