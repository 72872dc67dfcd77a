"""Contrast of two views: the paper's formula by hand, its invariances, and the maps that cannot take part."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from semivox.functional.contrast import channel_contrast, paired_contrast, view_contrast, voxel_contrast


def maps(*foreground):
    """Foreground probabilities of 4 voxels -> (1, 2, 4)."""
    p = torch.tensor(foreground)
    return torch.stack([1 - p, p]).unsqueeze(0)


@pytest.mark.parametrize(
    ("a", "b", "temperature", "expected"),
    [
        ((1.0, 0, 0, 0), (1.0, 0, 0, 0), 0.5, 0.23954),
        ((1.0, 0, 0, 0), (1.0, 0, 0, 0), 0.1, 9.0796e-5),
        ((0.5,) * 4, (0.5,) * 4, 0.5, math.log(3)),
        ((1.0, 0, 0, 0), (0, 1.0, 0, 0), 0.5, 1.19270),
        ((0.8, 0.2, 0.1, 0.1), (0.6, 0.3, 0.1, 0), 0.5, 0.53613),
        ((0.8, 0.2, 0.1, 0.1), (0.6, 0.3, 0.1, 0), 0.1, 0.012140),
    ],
)
def test_two_classes_by_hand(a, b, temperature, expected):
    assert channel_contrast(maps(*a), maps(*b), temperature).item() == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_an_absent_class_takes_no_part_unless_asked_to():
    with_third = torch.cat([maps(1.0, 0, 0, 0), torch.zeros(1, 1, 4)], 1)
    kept = channel_contrast(with_third, with_third, 0.5, smallest=0.0)
    assert kept.item() == pytest.approx(0.82491, rel=1e-4)
    assert channel_contrast(with_third, with_third, 0.5).item() == pytest.approx(0.23954, rel=1e-4)
    one_view = torch.cat([maps(1.0, 0, 0, 0), torch.full((1, 1, 4), 0.5)], 1)
    assert channel_contrast(one_view, with_third, 0.5).item() == pytest.approx(
        channel_contrast(one_view, with_third, 0.5, smallest=0.0).item()
    )


def slow(a, b, temperature, likeness):
    """One row at a time; counts every map."""
    losses = []
    for one, other in zip(a, b):
        rows = torch.cat([one, other])
        n = len(one)
        for i in range(2 * n):
            like = [
                F.cosine_similarity(rows[i], rows[k], dim=0) if likeness == "cosine" else (rows[i] * rows[k]).mean()
                for k in range(2 * n)
            ]
            terms = [math.exp(like[k] / temperature) for k in range(2 * n) if k != i]
            losses.append(-math.log(math.exp(like[(i + n) % (2 * n)] / temperature) / sum(terms)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("likeness", ["cosine", "dot"])
def test_it_is_the_formula(likeness):
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 4, 5).softmax(1), torch.randn(2, 3, 4, 5).softmax(1)
    found = channel_contrast(a, b, 0.3, likeness)
    assert found.item() == pytest.approx(slow(a.flatten(2), b.flatten(2), 0.3, likeness), rel=1e-4)
    whole = view_contrast(a, b, 0.3, likeness)
    assert whole.item() == pytest.approx(slow(a.flatten(1)[None], b.flatten(1)[None], 0.3, likeness), rel=1e-4)


@pytest.mark.parametrize("form", [channel_contrast, view_contrast])
def test_views_may_be_swapped_and_both_learn(form):
    torch.manual_seed(0)
    a, b = (torch.randn(2, 3, 4, 5).softmax(1).requires_grad_() for _ in range(2))
    loss = form(a, b, 0.5)
    assert torch.allclose(loss, form(b, a, 0.5))
    loss.backward()
    assert a.grad.any()
    assert b.grad.any()


def test_the_scale_of_a_map_does_not_matter_to_the_cosine():
    torch.manual_seed(0)
    a, b = torch.rand(1, 2, 30), torch.rand(1, 2, 30)
    assert torch.allclose(channel_contrast(a, b, 0.5), channel_contrast(a * 0.2, b * 3, 0.5))


def test_what_cannot_be_compared_costs_nothing_and_gives_finite_gradients():
    nothing = torch.zeros(2, 3, 10, requires_grad=True)
    loss = channel_contrast(nothing, torch.zeros(2, 3, 10), 0.5)
    assert loss.item() == 0
    one = torch.zeros(1, 2, 10)
    one[:, 0] = 1
    one.requires_grad_()
    alone = channel_contrast(one, one.detach(), 0.5)
    assert alone.item() == pytest.approx(0, abs=1e-6)
    (loss + alone + channel_contrast(one, one.detach(), 0.5, smallest=0.0)).backward()
    assert torch.isfinite(nothing.grad).all()
    assert torch.isfinite(one.grad).all()


def test_a_patch_without_maps_does_not_dilute_the_others():
    a = torch.cat([maps(1.0, 0, 0, 0), torch.zeros(1, 2, 4)])
    assert channel_contrast(a, a, 0.5).item() == pytest.approx(0.23954, rel=1e-4)


def test_voxels_are_told_from_those_of_another_class():
    """One voxel of each class: with equal anchors of both, every anchor has n/2 others of the other class, twice."""
    torch.manual_seed(0)
    view = torch.tensor([[[0.9, 0.9, 0.9, 0.1], [0.1, 0.1, 0.1, 0.9]]])
    cosine = 2 * 0.9 * 0.1 / (0.9**2 + 0.1**2)
    losses = [voxel_contrast(view, view, 0.5, anchors=512).item() for _ in range(5)]
    expected = math.log(1 + 512 * math.exp((cosine - 1) / 0.5))  # 256 of the other class in each view
    assert sum(losses) / 5 == pytest.approx(expected, rel=0.02)
    everyone = voxel_contrast(view, view, 0.5, anchors=512, negatives="all").item()
    assert everyone == pytest.approx(math.log(511 + 512 * math.exp((cosine - 1) / 0.5)), rel=0.02)


def test_things_that_do_not_count_are_not_negatives_either():
    torch.manual_seed(0)
    a, b = torch.randn(1, 4, 6), torch.randn(1, 4, 6)
    counts = torch.tensor([[True, False, True, True]])
    keep = [0, 2, 3]
    assert torch.allclose(paired_contrast(a, b, 0.5, counts=counts), paired_contrast(a[:, keep], b[:, keep], 0.5))


def test_pulled_together_maps_sharpen():
    """Free probabilities pulled to a fixed map of 8 percent foreground arrive at it."""
    torch.manual_seed(0)
    target = torch.zeros(1, 2, 200)
    target[:, 1, :16] = 1
    target[:, 0, 16:] = 1
    logits = (0.1 * torch.randn(1, 2, 200)).requires_grad_()
    optimizer = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        optimizer.zero_grad()
        channel_contrast(logits.softmax(1), target, 0.5).backward()
        optimizer.step()
    assert (logits.argmax(1) == target.argmax(1)).float().mean() == 1
