"""Voxels that may be of several classes: one class in every loss (the marginal loss), against a slow restatement."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semivox.core.case import IGNORE
from semivox.core.voxel_codes import MOST_CLASSES, any_of, classes_of
from semivox.functional.atlas import label_atlas
from semivox.functional.depth import surface_depth
from semivox.functional.distance import signed_distance
from semivox.functional.losses import (
    bootstrapped_cross_entropy,
    class_emphasis,
    cross_entropy,
    dice_ce,
    dice_ce_of_each_patch,
    focal,
    generalized_dice,
    soft_dice,
)
from semivox.functional.partial_labels import (
    as_one,
    filled,
    known,
    merged_logs,
    not_of,
    open_classes,
)

K = 5
LIVER_ALONE, SPLEEN_ALONE = any_of((0, 2, 3, 4)), any_of((0, 1, 3, 4))
"""Class 1 is the liver, 2 the spleen."""


def everywhere(p, label):
    return generalized_dice(p, label, torch.ones_like(label, dtype=torch.bool)).mean()


LOSSES = {
    "cross_entropy": cross_entropy,
    "balanced": lambda z, g: cross_entropy(z, g, 0.7),
    "soft_dice": soft_dice,
    "dice_ce": dice_ce,
    "dice_ce with background": lambda z, g: dice_ce(z, g, first=0),
    "each_patch": dice_ce_of_each_patch,
    "bootstrapped": lambda z, g: bootstrapped_cross_entropy(z, g, 0.5),
    "focal": lambda z, g: torch.stack(focal(z, g, 2.0)).prod(0).mean(),
    "generalized_dice": lambda z, g: everywhere(z.softmax(1), g),
}


@pytest.fixture
def drawn():
    """Logits of three patches: liver alone, spleen alone, both looked for. The last shows all classes."""
    torch.manual_seed(3)
    logits = torch.randn(3, K, 4, 3, 5)
    label = torch.randint(0, K, (3, 4, 3, 5))
    label[0] = torch.where(label[0] == 1, 1, LIVER_ALONE)
    label[1] = torch.where(label[1] == 2, 2, SPLEEN_ALONE)
    return logits, label


def restated(logits, label):
    """Voxel by voxel: what a voxel may be takes the sum of its probabilities, at the first of its classes."""
    p, one = logits.double().softmax(1), label.clone()
    for place in np.ndindex(*label.shape):
        if (code := int(label[place])) < 0:
            of = [k for k in range(K) if not code & (1 << k)]
            b, rest = place[0], place[1:]
            total = p[(b, of, *rest)].sum()
            p[(b, of, *rest)] = 1e-300
            p[(b, of[0], *rest)] = total
            one[place] = of[0]
    return p, one


@pytest.mark.parametrize("name", LOSSES)
def test_classes_that_a_voxel_may_be_are_one_class(name, drawn):
    logits, label = drawn
    p, one = restated(logits, label)
    assert LOSSES[name](logits, label).item() == pytest.approx(LOSSES[name](p.log(), one).item(), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_how_the_rest_is_divided_does_not_matter_but_what_is_left_for_the_liver_does(name, drawn):
    logits, label = drawn[0][:1].clone().requires_grad_(), drawn[1][:1]
    turned = logits.detach().clone()
    turned[:, [0, 2, 3, 4]] = turned[:, [4, 0, 2, 3]]
    rest = (label == LIVER_ALONE).unsqueeze(1)
    assert LOSSES[name](torch.where(rest, turned, logits), label).item() == pytest.approx(
        LOSSES[name](logits, label).item(), rel=1e-4
    )
    (gradient,) = torch.autograd.grad(LOSSES[name](logits, label), logits)
    assert torch.isfinite(gradient).all()
    # an ignored voxel has no gradient; here nearly each says that it is no liver
    assert (gradient[:, 1][label == LIVER_ALONE] > 0).float().mean() > 0.9 or name == "bootstrapped"
    assert (gradient[:, 1][label == LIVER_ALONE] > 0).any()


@pytest.mark.parametrize("name", LOSSES)
def test_what_may_only_be_background_is_background(name, drawn):
    logits = drawn[0]
    label = torch.randint(0, K, (3, 4, 3, 5), generator=torch.Generator().manual_seed(1))
    left = torch.where(label == 0, any_of((0,)), label)
    assert LOSSES[name](logits, left).item() == pytest.approx(LOSSES[name](logits, label).item(), rel=1e-5)


def test_without_codes_nothing_is_computed(drawn):
    label = drawn[1][2:]
    scores, same = merged_logs(drawn[0], label)
    assert scores is drawn[0]
    assert same is label


def test_a_code_says_what_a_voxel_may_be():
    assert classes_of(any_of((0, 3, 62))) == [0, 3, 62]
    assert any_of(range(MOST_CLASSES)) == -(2**63)
    with pytest.raises(ValueError, match="63"):
        any_of((63,))
    label = torch.tensor([0, 1, IGNORE, LIVER_ALONE, SPLEEN_ALONE])
    assert known(label).tolist() == [True, True, False, False, False]
    assert not_of(label, 1).tolist() == [True, False, False, True, False]
    assert not_of(label.numpy(), 2).tolist() == [True, True, False, False, True]
    assert as_one(label).tolist() == [0, 1, IGNORE, 0, 0]
    assert not_of(np.array([0, 1, IGNORE], np.uint8), 1).tolist() == [True, False, False]


def test_classes_are_open_patch_by_patch(drawn):
    found = open_classes(drawn[1], K)
    assert found.tolist() == [[True, False, True, True, True], [True, True, False, True, True], [False] * K]


def test_pseudo_labels_contradict_no_expert(drawn):
    logits, label = drawn
    logits[:, 1] = 9.0  # liver, says the network, wherever it is asked
    full = filled(label, logits)
    assert (full[0][label[0] == LIVER_ALONE] != 1).all()
    assert (full[1][label[1] == SPLEEN_ALONE] == 1).all()
    assert torch.equal(full[2], label[2])
    assert torch.equal(full[0][label[0] == 1], label[0][label[0] == 1])


def test_balance_takes_the_rest_for_background():
    label = torch.tensor([LIVER_ALONE, LIVER_ALONE, LIVER_ALONE, 1]).reshape(1, 1, 1, 4)
    plain = torch.where(label < 0, 0, label)
    assert torch.equal(class_emphasis(label, K, 0.5), class_emphasis(plain, K, 0.5))


def partly():
    """A ball of liver in a scan where the spleen was not looked for, and the same where all was."""
    full = np.zeros((8, 9, 10), np.uint8)
    full[2:6, 2:6, 2:6] = 1
    return np.where(full == 0, np.int64(any_of((0, 2))), full), full


def test_surfaces_are_those_of_what_was_looked_for():
    left, full = partly()
    np.testing.assert_array_equal(surface_depth(left, (1, 2, 3), 3), surface_depth(full, (1, 2, 3), 3))
    np.testing.assert_array_equal(signed_distance(left, (1, 2, 3), 3)[0], signed_distance(full, (1, 2, 3), 3)[0])


def test_a_scan_counts_in_the_atlas_for_what_was_looked_for():
    left, full = partly()
    spleen = np.roll(np.where(full == 1, 2, 0), 4, axis=2)
    maps = label_atlas([left, spleen.astype(np.uint8)], 3, "center").maps
    assert maps[0].max() == 0.5  # one of two scans in which somebody looked for it
    assert maps[1].max() == 1.0  # the one scan in which somebody did
