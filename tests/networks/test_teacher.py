"""The moving average: its law, its counter, its running statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.teacher import Teacher
from semivox.testing.patches import blueprint


class Number(nn.Module):
    """A network of one weight."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([float(value)]))


def followed(students: list[float], decay: float = 0.99, start: float = 7.0) -> list[float]:
    teacher, path = Teacher(Number(start)), []
    for value in students:
        teacher.follow(Number(value), decay)
        path.append(teacher.network.weight.item())
    return path


def test_the_first_students_are_averaged_plainly_and_the_start_is_forgotten():
    # counting updates from 1 instead would keep the start: 2.6, the mean of 7, 0, 1, 2, 3
    assert followed([0, 1, 2, 3]) == pytest.approx([0, 0.5, 1, 1.5])


@pytest.mark.parametrize(
    ("update", "alpha"), [(0, 0.0), (1, 0.5), (98, 0.98990), (99, 0.99), (100, 0.99), (5000, 0.99)]
)
def test_share_that_the_teacher_keeps(update, alpha):
    teacher = Teacher(Number(1.0))
    teacher.updates.fill_(update)
    teacher.follow(Number(0.0), 0.99)
    assert teacher.network.weight.item() == pytest.approx(alpha, abs=1e-5)


def test_decay_caps_the_share():
    assert followed([0, 0, 4], decay=0.25)[-1] == pytest.approx(3.0)


def test_constant_averaging_keeps_the_start():
    teacher, path = Teacher(Number(8.0), averaging="constant"), []
    for value in (0.0, 4.0):
        teacher.follow(Number(value), 0.5)
        path.append(teacher.network.weight.item())
    assert path == [4.0, 4.0]


def test_a_student_that_stands_still_leaves_an_equal_teacher_exactly():
    student = blueprint().segmenter()
    teacher = Teacher(student)
    for decay in (0.0, 0.3, 0.9, 0.99):
        for _ in range(3):
            teacher.follow(student, decay)
            for mine, theirs in zip(teacher.network.parameters(), student.parameters(), strict=True):
                assert torch.equal(mine, theirs)


def test_the_teacher_is_a_copy_without_gradient():
    student = blueprint().segmenter()
    teacher = Teacher(student)
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    assert all(not torch.equal(a, b) for a, b in zip(teacher.network.parameters(), student.parameters()))
    image = torch.randn(1, 1, 8, 8, 8, requires_grad=True)
    output = teacher(image)
    assert not output.logits.requires_grad
    assert not output.embedding.requires_grad


def test_following_does_not_tie_the_teacher_to_the_students_memory():
    student = Number(3.0)
    teacher = Teacher(student)
    teacher.follow(student, 0.99)
    with torch.no_grad():
        student.weight.fill_(100.0)
    assert teacher.network.weight.item() == 3.0
    assert student.weight.requires_grad


def test_the_counter_is_part_of_the_state():
    teacher = Teacher(Number(7.0))
    for value in (0.0, 1.0, 2.0):
        teacher.follow(Number(value), 0.99)
    again = Teacher(Number(-5.0))
    again.load_state_dict(teacher.state_dict(), strict=True)
    again.follow(Number(3.0), 0.99)
    assert int(again.updates) == 4
    assert again.network.weight.item() == pytest.approx(1.5)


def test_the_teacher_drops_out_when_training():
    torch.manual_seed(0)
    teacher = Teacher(blueprint("unet3d").segmenter()).train()
    image = torch.randn(1, 1, 8, 8, 8)
    assert not torch.equal(teacher(image).logits, teacher(image).logits)
    teacher.eval()
    assert torch.equal(teacher(image).logits, teacher(image).logits)


@pytest.mark.parametrize("kind", ["own", "copy", "ema"])
def test_running_statistics_come_from_where_they_were_asked_to(kind):
    torch.manual_seed(0)
    student = blueprint(dropout=0.0).segmenter().train()
    teacher = Teacher(student, kind).train()
    for _ in range(2):
        student(torch.randn(2, 1, 8, 8, 8))
        teacher(torch.randn(2, 1, 8, 8, 8) * 3 + 1)
    mine, theirs = dict(teacher.network.named_buffers()), dict(student.named_buffers())
    before = {name: value.clone() for name, value in mine.items()}
    teacher.updates.fill_(1)  # alpha = 1/2
    student(torch.randn(2, 1, 8, 8, 8))  # the student's counter is one ahead
    teacher.follow(student, 0.99)
    for name, value in mine.items():
        match kind, value.is_floating_point():
            case "own", _:
                expected = before[name]
            case ("copy", _) | ("ema", False):
                expected = theirs[name]
            case _:
                expected = (before[name] + theirs[name]) / 2
        torch.testing.assert_close(value, expected, msg=lambda text, name=name: f"{name}: {text}")
    assert any(not torch.equal(before[name], theirs[name]) for name in mine)
