"""Several networks as one: a forecast that is never worse than its members are on average."""

import torch

from semivox.inference.averaging import averaged


def test_an_average_is_never_a_worse_forecast_than_its_members_are_on_average():
    generator = torch.Generator().manual_seed(1)
    outputs = [torch.randn(1, 3, 4, 4, 4, generator=generator).softmax(1) for _ in range(3)]
    truth = torch.randint(0, 3, (1, 4, 4, 4), generator=generator)
    both = averaged([lambda image, one=one: one for one in outputs])(torch.zeros(1))
    assert torch.allclose(both.sum(1), torch.ones(1, 4, 4, 4))
    losses = [torch.nn.functional.nll_loss(one.log(), truth) for one in [both, *outputs]]
    assert losses[0] < sum(losses[1:]) / 3
