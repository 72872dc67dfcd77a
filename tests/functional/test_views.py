"""Another view of a batch: the plan's own changes of intensity, drawn by the step."""

from __future__ import annotations

import pytest
import torch

from semivox.core.randomness import seed_step
from semivox.data.augmentation.schemes import SETS
from semivox.functional.intensity import CHANGES, apply
from semivox.functional.views import VIEWS, another_view, changes


def patches(number: int = 3, channels: int = 2) -> torch.Tensor:
    return torch.randn((number, channels, 8, 10, 12), generator=torch.Generator().manual_seed(5))


def seen(view: str, step: int = 0, rank: int = 0) -> torch.Tensor:
    seed_step(1, step, rank)
    return another_view(patches(), view)


def test_a_view_is_a_function_of_seed_step_and_process():
    assert torch.equal(seen("strong"), seen("strong"))
    assert not torch.equal(seen("strong"), seen("strong", step=1))
    assert not torch.equal(seen("strong"), seen("strong", rank=1))


def test_two_views_of_a_step_differ_and_so_do_two_patches_of_a_view():
    seed_step(1, 0, 0)
    image = patches(1).expand(2, -1, -1, -1, -1)
    one, other = another_view(image, "strong"), another_view(image, "strong")
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_the_batch_is_left_as_it_is_and_no_gradient_passes():
    image = patches().requires_grad_()
    before = image.detach().clone()
    view = another_view(image, "strong")
    assert torch.equal(image.detach(), before)
    assert not view.requires_grad
    assert another_view(image, "none") is image


@pytest.mark.parametrize("view", ["standard", "strong"])
def test_a_view_is_made_by_the_plans_functions_with_the_seeds_that_torch_draws(view):
    seed_step(1, 0, 0)
    seeds = torch.randint(2**62, (3,)).tolist()
    expected = patches()
    for patch, seed in zip(expected, seeds):
        apply(patch, changes(VIEWS[view], 2, seed))
    assert torch.equal(seen(view), expected)


def test_the_standard_view_is_the_plans_standard_set():
    assert all(getattr(VIEWS["standard"], kind) == getattr(SETS["standard"], kind) for kind in CHANGES)


def test_a_strong_view_goes_further_than_a_standard_one():
    distance = {
        view: sum(float((seen(view, step) - patches()).abs().mean()) for step in range(12))
        for view in ("none", "standard", "strong")
    }
    assert 0 == distance["none"] < distance["standard"]
    assert distance["strong"] > 2 * distance["standard"]


def test_edges_stay_where_they_are():
    """A bright half stays the bright half: nothing moves."""
    image = torch.zeros(4, 1, 8, 8, 16)
    image[..., 8:] = 2.0
    for step in range(6):
        seed_step(1, step, 0)
        view = another_view(image, "strong")
        assert (view[..., 9:].mean((1, 2, 3, 4)) > view[..., :7].mean((1, 2, 3, 4))).all()


def test_memory_format_is_kept():
    image = patches().contiguous(memory_format=torch.channels_last_3d)
    assert another_view(image, "strong").is_contiguous(memory_format=torch.channels_last_3d)
