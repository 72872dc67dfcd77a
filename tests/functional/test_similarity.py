"""Similarities to reference embeddings: the card's numbers, and a brute-force oracle in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from semivox.functional.references import band_references, draw_references
from semivox.functional.similarity import (
    CHUNK,
    class_similarities,
    similarity,
    vote,
    vote_entropy,
)

ALL = [("cosine", "mean"), ("cosine", "max"), ("euclidean", "mean"), ("euclidean", "max")]


def voxel(*values: float) -> Tensor:
    """One voxel's embedding, (1, E, 1, 1, 1)."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1, 1)


def run(*references: tuple[float, ...]) -> Tensor:
    """One run of references, (1, k, E)."""
    return torch.tensor([references], dtype=torch.float64)


def brute(embedding: Tensor, references: Tensor, kernel: str, reduce: str) -> Tensor:
    """(V, E) and (l, k, E) -> (V,): the sentence of the paper, one distance at a time."""
    f, r = embedding[:, None, None], references[None]  # (V, 1, 1, E), (1, l, k, E)
    if kernel == "cosine":
        each = (f * r).sum(-1) / (f.square().sum(-1).sqrt() * r.square().sum(-1).sqrt())
    else:
        each = 1 / (1 + (f - r).square().sum(-1).sqrt())
    return (each.mean(2) if reduce == "mean" else each.amax(2)).mean(1)


def random_case(voxels: int = 5000, dtype: torch.dtype = torch.float64) -> tuple[Tensor, list[Tensor]]:
    """Non-negative embeddings, as a ReLU leaves them: (V, 32), and two classes of (5, 16, 32) references."""
    torch.manual_seed(0)
    embedding = torch.randn(voxels, 32, dtype=dtype).relu()
    return embedding, [torch.randn(5, 16, 32, dtype=dtype).relu() for _ in range(2)]


def as_patch(embedding: Tensor) -> Tensor:
    """(V, E) -> (2, E, V / 20, 5, 2)."""
    return embedding.reshape(2, -1, 5, 2, embedding.shape[1]).movedim(-1, 1)


def test_one_voxel_of_the_card():
    f = voxel(3, 4).requires_grad_()
    s = torch.stack([similarity(f, r) for r in (run((0, 1)), run((1, 0)))], 1)
    assert s.flatten().tolist() == pytest.approx([0.8, 0.6])
    assert vote(s).item() == 0
    assert s.softmax(1)[0, 1].item() == pytest.approx(0.4501660, abs=5e-8)
    assert vote_entropy(s).item() == pytest.approx(0.6881721, abs=5e-8)
    euclidean = [similarity(f, r, "euclidean").item() for r in (run((0, 1)), run((1, 0)))]
    assert euclidean == pytest.approx([0.1907436, 0.1827440], abs=5e-8)


def test_kernels_disagree_on_a_voxel():
    f, object_, background = voxel(1, 0.8), run((4, 0)), run((0, 1))
    cosine = torch.stack([similarity(f, r, "cosine") for r in (background, object_)], 1)
    euclidean = torch.stack([similarity(f, r, "euclidean") for r in (background, object_)], 1)
    assert cosine.flatten().tolist() == pytest.approx([0.6247, 0.7809], abs=5e-5)
    assert euclidean.flatten().tolist() == pytest.approx([0.4951, 0.2436], abs=5e-5)
    assert (vote(cosine).item(), vote(euclidean).item()) == (1, 0)


def test_reductions_disagree_on_a_voxel():
    f, object_, background = voxel(1, 0), run((1, 0), (-1, 0)), run((0.6, 0.8), (0.6, 0.8))
    votes = [
        vote(torch.stack([similarity(f, r, "cosine", reduce) for r in (background, object_)], 1)).item()
        for reduce in ("mean", "max")
    ]
    assert votes == [0, 1]


@pytest.mark.parametrize(("kernel", "reduce"), ALL)
def test_against_brute_force_in_float64(kernel, reduce):
    embedding, references = random_case()
    slow_f, fast_f = embedding.clone().requires_grad_(), embedding.clone().requires_grad_()
    slow = torch.stack([brute(slow_f, r, kernel, reduce) for r in references], 1)  # (V, 2)
    fast_map = torch.stack([similarity(as_patch(fast_f), r, kernel, reduce) for r in references], 1)
    fast = fast_map.movedim(1, -1).reshape(-1, 2)
    d_slow, d_fast = slow[:, 1] - slow[:, 0], fast[:, 1] - fast[:, 0]
    assert (d_slow - d_fast).abs().max() < 1e-12
    h_slow, h_fast = torch.special.entr(slow.softmax(1)).sum(1), vote_entropy(fast)
    assert (h_slow - h_fast).abs().max() < 1e-12
    assert torch.equal(vote(fast), (d_slow > 0).long())
    h_slow.mean().backward()
    h_fast.mean().backward()
    assert slow_f.grad.abs().max() > 0
    assert (slow_f.grad - fast_f.grad).norm() / slow_f.grad.norm() < 1e-10


@pytest.mark.parametrize(("kernel", "reduce"), ALL)
def test_float32_stays_close_to_brute_force(kernel, reduce):
    embedding, references = random_case(200)
    slow = torch.stack([brute(embedding, r, kernel, reduce) for r in references], 1)
    fast = class_similarities(as_patch(embedding).float(), [r.float() for r in references], kernel, reduce)
    assert (slow - fast.movedim(1, -1).reshape(-1, 2)).abs().max() < 1e-5


def test_references_are_not_renormalized():
    """A mean of unit vectors has a length, which says how much they agree."""
    f, scattered, single = voxel(1, 1), run((1, 0), (0, 1)), run((0.9, 1.1), (0.9, 1.1))
    assert similarity(f, scattered).item() == pytest.approx(math.sqrt(0.5))
    assert similarity(f, single).item() > 0.99


def test_runs_pool_under_the_mean_but_not_under_the_maximum():
    embedding, (references, _) = random_case(200)
    pooled = references.reshape(1, 80, 32)
    for kernel in ("cosine", "euclidean"):
        by_run, at_once = (similarity(as_patch(embedding), r, kernel, "mean") for r in (references, pooled))
        torch.testing.assert_close(by_run, at_once)
        by_run, at_once = (similarity(as_patch(embedding), r, kernel, "max") for r in (references, pooled))
        assert (at_once - by_run).min() >= -1e-12
        assert (at_once - by_run).max() > 1e-3


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_cosine_does_not_see_lengths(reduce):
    embedding, (references, _) = random_case(200)
    plain = similarity(as_patch(embedding), references, "cosine", reduce)
    torch.testing.assert_close(similarity(as_patch(embedding) * 7, references * 0.1, "cosine", reduce), plain)
    each = references * torch.rand(5, 16, 1, dtype=torch.float64).add(0.1)
    torch.testing.assert_close(similarity(as_patch(embedding), each, "cosine", reduce), plain)


@pytest.mark.parametrize(("kernel", "reduce"), ALL)
def test_a_voxel_without_direction_stays_finite(kernel, reduce):
    """All ReLU channels dead, and a reference equal to the voxel."""
    f = torch.zeros(1, 4, 1, 1, 2, requires_grad=True)
    s = class_similarities(f, [torch.zeros(1, 3, 4), torch.ones(1, 3, 4)], kernel, reduce)
    vote_entropy(s).sum().backward()
    assert torch.isfinite(s).all()
    assert torch.isfinite(f.grad).all()
    if kernel == "cosine":
        assert not s.any()


@pytest.mark.parametrize(("kernel", "reduce"), ALL)
def test_chunks_change_nothing(kernel, reduce):
    torch.manual_seed(0)
    f, references = torch.rand(1, 3, CHUNK + 100, 1, 1), torch.rand(2, 2, 3)
    whole = similarity(f, references, kernel, reduce)
    assert whole.shape == (1, CHUNK + 100, 1, 1)
    torch.testing.assert_close(whole[:, -200:], similarity(f[:, :, -200:], references, kernel, reduce))


@pytest.mark.parametrize(
    ("d", "entropy"), [(-1, 0.5822031), (-0.2, 0.6881721), (0, 0.6931472), (0.5, 0.6628473), (1, 0.5822031)]
)
def test_vote_entropy_is_the_softplus_form(d, entropy):
    s = torch.tensor([0.3, 0.3 + d], dtype=torch.float64).reshape(1, 2, 1, 1, 1).requires_grad_()
    found = vote_entropy(s)
    found.sum().backward()
    sigmoid = 1 / (1 + math.exp(-d))
    assert found.item() == pytest.approx(entropy, abs=5e-8)
    assert found.item() == pytest.approx(math.log1p(math.exp(d)) - d * sigmoid, abs=1e-14)
    direct = -sigmoid * math.log(sigmoid) - (1 - sigmoid) * math.log(1 - sigmoid)
    assert found.item() == pytest.approx(direct, abs=1e-14)
    slope = -d * sigmoid * (1 - sigmoid)
    assert s.grad.flatten().tolist() == pytest.approx([-slope, slope], abs=1e-14)


def test_slope_of_the_cards_voxel():
    s = torch.tensor([0.8, 0.6], dtype=torch.float64).reshape(1, 2, 1, 1, 1).requires_grad_()
    vote_entropy(s).sum().backward()
    assert s.grad[0, 1].item() == pytest.approx(0.0495033, abs=5e-8)


def test_a_tie_goes_to_the_lowest_class():
    assert vote(torch.full((1, 3, 1, 1, 1), 0.5)).item() == 0


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_an_absent_class_is_never_voted_for_and_has_no_probability(absent):
    torch.manual_seed(absent)
    f = torch.randn(1, 4, 3, 3, 3, requires_grad=True)
    references: list[Tensor | None] = [torch.randn(2, 3, 4) for _ in range(3)]
    references[absent] = None
    s = class_similarities(f, references)
    assert s.shape == (1, 3, 3, 3, 3)
    assert s[:, absent].isneginf().all()
    assert not (vote(s) == absent).any()
    others = [i for i in range(3) if i != absent]
    torch.testing.assert_close(vote_entropy(s), vote_entropy(s[:, others]))
    vote_entropy(s).mean().backward()
    assert torch.isfinite(f.grad).all()
    assert f.grad.any()


def test_no_class_at_all_has_no_entropy():
    entropy = vote_entropy(class_similarities(torch.randn(1, 4, 2, 2, 2, requires_grad=True), [None, None]))
    assert torch.equal(entropy, torch.zeros(1, 2, 2, 2))


def test_one_hot_embeddings_of_the_ground_truth_vote_perfectly():
    torch.manual_seed(0)
    label = torch.randint(3, (2, 6, 6, 6))
    embedding = torch.nn.functional.one_hot(label, 3).movedim(-1, 1).float()
    depth = torch.ones(label.shape)
    for kernel, reduce in ALL:
        candidates = band_references(embedding, label, depth, 3.0, 3)
        drawn = [draw_references(found, 16, 5) for found in candidates]
        assert torch.equal(vote(class_similarities(embedding, drawn, kernel, reduce)), label)


@pytest.mark.parametrize(("kernel", "reduce"), ALL)
def test_similarities_are_float32_under_autocast(kernel, reduce):
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        f = (torch.rand(6, 4) @ torch.rand(4, 8)).reshape(1, 6, 8, 1, 1)
        assert f.dtype == torch.bfloat16
        references = [torch.rand(2, 3, 6) for _ in range(2)]
        s = class_similarities(f, references, kernel, reduce)
        entropy = vote_entropy(s)
    assert s.dtype == entropy.dtype == torch.float32
    exact = torch.stack([similarity(f.double(), r.double(), kernel, reduce) for r in references], 1)
    torch.testing.assert_close(s, exact.float(), atol=1e-6, rtol=1e-5)
