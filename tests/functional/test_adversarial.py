"""The adversarial direction: the Hessian's first eigenvector, found without touching anything."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semivox.functional.adversarial import direction, length, of_length_one


def kl(network: nn.Module, image: Tensor):
    """Divergence from the answer at ``image``, one number a sample."""
    with torch.no_grad():
        log_p = network(image).log_softmax(1)

    def at(r: tuple[Tensor, ...]) -> Tensor:
        log_q = network(image + r[0]).log_softmax(1)
        return (log_p.exp() * (log_p - log_q)).sum(1).flatten(1).mean(1)

    return at


def small_network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv3d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 3, 3, padding=1))
    return network


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("probe", [0.1, 1.0])
def test_it_raises_the_divergence_far_more_than_random_directions_of_the_same_length(seed, probe):
    network = small_network(seed)
    image = torch.randn(2, 4, 12, 12, 12)
    divergence = kl(network, image)
    (found,) = direction(lambda r: divergence(r).sum(), (image,), probe)
    with torch.no_grad():
        adversarial = divergence((2.0 * found,))
        random = torch.stack([divergence((2.0 * of_length_one(torch.randn_like(image)),)) for _ in range(20)])
    assert (adversarial > 2 * random.amax(0)).all()
    (more,) = direction(lambda r: divergence(r).sum(), (image,), probe, iterations=5)
    assert (divergence((2.0 * more,)) > adversarial).all()


def test_in_float32_it_agrees_with_float64_unless_the_probe_drowns_in_rounding():
    """At the authors' probe of 1e-6 the direction is noise; at 1e-3 of the map's length it is right."""
    network = small_network(0)
    image = torch.randn(1, 4, 16, 16, 16).relu()
    start = of_length_one(torch.randn_like(image))
    single, double = kl(network, image), kl(network.double(), image.double())
    network.float()

    def gradient(divergence, d, net):
        d = d.clone().requires_grad_()
        net.to(d.dtype)
        (g,) = torch.autograd.grad(divergence((d,)).sum(), d)
        return of_length_one(g).double()

    def cosine(probe):
        exact = gradient(double, probe * start.double(), network)
        return (gradient(single, probe * start, network) * exact).sum().item()

    assert cosine(1e-3 * length(image).item()) > 0.99
    assert abs(cosine(1e-6)) < 0.5


def test_many_iterations_reach_the_first_eigenvector():
    """Of a quadratic divergence whose Hessian is known; each sample has its own."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(2, 6, 6)).Q
    hessian = basis @ torch.diag(torch.tensor([9.0, 3, 2, 1, 0.5, 0.1])) @ basis.mT

    def divergence(r: tuple[Tensor, ...]) -> Tensor:
        return torch.einsum("bi,bij,bj->", r[0], hessian, r[0])

    (found,) = direction(divergence, (torch.zeros(2, 6),), 0.1, iterations=30)
    cosine = (found * basis[:, :, 0]).sum(1).abs()
    torch.testing.assert_close(cosine, torch.ones(2), atol=1e-5, rtol=0)


def test_a_linear_answer_gives_its_weights():
    """Squared change of <w, x>: the direction is w, whatever the start."""
    w = torch.randn(5, 4, 3)
    image = torch.randn(2, 5, 4, 3)
    (found,) = direction(lambda r: (r[0] * w).sum((1, 2, 3)).square().sum(), (image,), 10.0)
    cosine = (found * w).sum((1, 2, 3)).abs() / w.norm()
    torch.testing.assert_close(cosine, torch.ones(2), atol=1e-6, rtol=0)


def test_each_map_of_each_sample_has_length_one():
    maps = (torch.randn(2, 3, 8, 8, 8), torch.randn(2, 6, 4, 4, 4))
    weights = [torch.randn_like(m) for m in maps]

    def divergence(r: tuple[Tensor, ...]) -> Tensor:
        return sum((w * d).sum().square() for w, d in zip(weights, r))

    for iterations in (0, 1, 2):
        found = direction(divergence, maps, 1.0, iterations)
        for d, m in zip(found, maps):
            assert d.shape == m.shape
            assert not d.requires_grad
            torch.testing.assert_close(length(d).flatten(), torch.ones(2), atol=1e-6, rtol=0)


def test_parameters_and_maps_are_left_alone():
    network = small_network(0)
    image = torch.randn(1, 4, 8, 8, 8, requires_grad=True)
    kept = image.detach().clone()
    divergence = kl(network, image)
    with torch.no_grad():
        direction(lambda r: divergence(r).sum(), (image,), 0.1)
    assert all(p.grad is None for p in network.parameters())
    assert image.grad is None
    assert torch.equal(image, kept)


def test_a_sample_that_does_not_react_keeps_a_direction():
    image = torch.randn(2, 5)
    (found,) = direction(lambda r: r[0][0].pow(3).sum() + 0 * r[0][1].sum(), (image,), 1.0)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    _, unread = direction(lambda r: r[0].square().sum(), (image, image), 1.0)  # nor does a map that nobody reads
    torch.testing.assert_close(unread.norm(dim=1), torch.ones(2))


def test_vanishing_gradients_are_normalized_too():
    for scale in (1e-30, 1e30):
        unit = of_length_one(torch.full((1, 2, 3, 4), scale))
        torch.testing.assert_close(unit, torch.full((1, 2, 3, 4), 24**-0.5))
    assert not of_length_one(torch.zeros(1, 3)).any()


def test_autocast_does_not_reach_the_search():
    seen = []

    def divergence(r: tuple[Tensor, ...]) -> Tensor:
        answer = r[0] @ torch.ones(5, 5)
        seen.append(answer.dtype)
        return answer.square().sum()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,) = direction(divergence, (torch.randn(2, 5, dtype=torch.bfloat16),), 1e-3)
    assert seen == [torch.float32]
    assert found.dtype == torch.float32
