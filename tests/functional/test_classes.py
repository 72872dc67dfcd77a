"""The most probable class."""

from __future__ import annotations

import numpy as np
import torch

from semivox.functional.classes import most_probable


def test_it_is_the_largest_and_of_equals_the_first():
    torch.manual_seed(0)
    scores = torch.randint(4, (2, 5, 6, 7, 8)).float().requires_grad_()
    found = most_probable(scores)
    assert not found.requires_grad
    assert np.array_equal(found, np.argmax(scores.detach().numpy(), 1))
