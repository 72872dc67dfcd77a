"""With many classes a loss costs in proportion to their number, not to its square."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from semivox.functional.losses import dice_ce, dice_ce_of_each_patch, generalized_dice, soft_dice

LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "soft_dice": soft_dice,
    "dice_ce": lambda logits, label: dice_ce(logits, label, balance=0.1),
    "dice_ce_of_each_patch": dice_ce_of_each_patch,
    "generalized_dice": lambda logits, label: generalized_dice(logits.softmax(1), label, label >= 0).sum(),
}


def parts(loss: torch.Tensor) -> Iterator[str]:
    """The names of all backward functions that a loss has."""
    left, seen = [loss.grad_fn], set()
    while left:
        node = left.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node.name()
            left += [after for after, _ in node.next_functions]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_no_class_has_a_gradient_of_the_size_of_all(loss):
    """``values[:, k]`` gives back zeros for all other classes: K tensors of K classes."""
    logits = torch.randn(2, 30, 3, 3, 3, requires_grad=True)
    names = list(parts(loss(logits, torch.randint(0, 30, (2, 3, 3, 3)))))
    assert len(names) > 30, "nothing was looked at"
    assert not any(name.startswith(("Select", "Slice", "Index")) for name in names), names
