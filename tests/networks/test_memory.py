"""What is remembered, of whom, and that a draw has the law of a draw from everything that was offered."""

from __future__ import annotations

import pytest
import torch

from semivox.networks.memory import Memory, Prototypes, identity


def offered(*values: list[float], sample: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One scan that offers these one-channel vectors, a list per class: (1, K, S, 1) and (1, K)."""
    vectors = torch.zeros(1, len(values), sample, 1)
    for index, some in enumerate(values):
        kept = torch.tensor(some)[torch.randperm(len(some))[:sample]]
        vectors[0, index, : len(kept), 0] = kept
    return vectors, torch.tensor([[len(some) for some in values]])


def test_a_scan_overwrites_its_own_slot_and_a_new_one_the_oldest():
    memory = Memory(slots=2, classes=1, sample=1, width=1)
    for case, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        memory.remember([case], *offered([value], sample=1))
    assert sorted(memory.vectors.flatten().tolist()) == [2.0, 3.0]
    memory.remember(["c"], *offered([4.0], sample=1))
    assert sorted(memory.vectors.flatten().tolist()) == [3.0, 4.0]
    assert set(memory.owners.tolist()) == {identity("a"), identity("c")}


def test_several_scans_of_a_batch_are_written_in_order():
    memory = Memory(slots=3, classes=1, sample=1, width=1)
    memory.remember(["a", "b", "a"], torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1), torch.ones(3, 1).long())
    assert sorted(memory.vectors.flatten().tolist()) == [0.0, 2.0, 3.0]


def test_a_scan_that_offers_nothing_is_remembered_with_nothing():
    memory = Memory(slots=1, classes=2, sample=2, width=1)
    memory.remember(["a"], *offered([1.0, 2.0], [5.0], sample=2))
    assert memory.draw(2)[1].tolist() == [[True, True], [True, False]]
    memory.remember(["a"], *offered([], [6.0], sample=2))
    drawn, there = memory.draw(2)
    assert there.tolist() == [[False, False], [True, False]]
    assert drawn[1, 0].item() == 6.0


def test_a_draw_is_without_replacement():
    torch.manual_seed(0)
    memory = Memory(slots=3, classes=1, sample=4, width=1)
    memory.remember(["a"], *offered([1.0, 2.0, 3.0], sample=4))
    memory.remember(["b"], *offered([4.0, 5.0], sample=4))
    for _ in range(20):
        drawn, there = memory.draw(4)
        assert there.all()
        assert len(set(drawn.flatten().tolist())) == 4
    memory.remember(["c"], *offered([], sample=4))
    assert memory.draw(4)[1].all()
    with pytest.raises(ValueError, match="holds 4"):
        memory.draw(5)


def test_every_voxel_that_was_offered_is_drawn_equally_often():
    """A scan with 30 voxels, kept as 3 of them, and one with 6: each voxel in 3 of 36 draws."""
    torch.manual_seed(0)
    times = torch.zeros(36)
    rounds = 1200
    for _ in range(rounds):
        memory = Memory(slots=4, classes=1, sample=3, width=1)
        memory.remember(["big"], *offered([float(v) for v in range(30)], sample=3))
        memory.remember(["small"], *offered([float(v) for v in range(30, 36)], sample=3))
        times[memory.draw(3)[0].flatten().long()] += 1
    expected = rounds * 3 / 36
    chi_squared = ((times - expected) ** 2 / expected).sum().item()
    assert chi_squared < 66.6  # 35 degrees of freedom, 0.1 %


def test_how_many_come_from_a_scan_follows_the_hypergeometric_law():
    """5 of 8 + 4 voxels: mean 10/3 from the first, variance 5 (2/3) (1/3) 7/11; and repeated draws differ."""
    torch.manual_seed(0)
    memory = Memory(slots=2, classes=1, sample=5, width=1)
    memory.remember(["a"], *offered([1.0] * 8, sample=5))
    memory.remember(["b"], *offered([0.0] * 4, sample=5))
    from_first = torch.tensor([memory.draw(5)[0].sum().item() for _ in range(1500)])
    assert from_first.mean().item() == pytest.approx(10 / 3, abs=0.1)
    assert from_first.var().item() == pytest.approx(5 * 2 / 9 * 7 / 11, abs=0.1)
    assert from_first.min().item() >= 1  # the second has only four


def test_repeated_draws_give_each_kept_vector_its_turn():
    torch.manual_seed(0)
    memory = Memory(slots=2, classes=1, sample=4, width=1)
    memory.remember(["a"], *offered([float(v) for v in range(100)], sample=4))
    kept = set(memory.vectors[0].flatten().tolist())
    assert {memory.draw(1)[0].item() for _ in range(60)} == kept


def test_the_name_of_a_scan_is_the_same_number_everywhere():
    assert identity("case") == 1072414598567329018
    assert identity("case") != identity("case2")


def test_state_moves_strictly():
    torch.manual_seed(0)
    mine, other = (Memory(2, 2, 3, 4) for _ in range(2))
    mine.remember(["a", "b", "c"], torch.randn(3, 2, 3, 4), torch.tensor([[5, 2]] * 3))
    other.load_state_dict(mine.state_dict())
    draws = []
    for memory in (mine, other):
        torch.manual_seed(1)
        draws.append(memory.draw(3))
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])


def test_prototypes_are_replaced_class_by_class():
    prototypes = Prototypes(classes=2, most=2, width=1)
    prototypes.replace(torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]]), torch.tensor([2, 1]))
    vectors, counts = prototypes()
    assert counts.tolist() == [2, 1]
    assert vectors.flatten().tolist() == [1.0, 2.0, 3.0, 0.0]
    prototypes.replace(torch.tensor([[[9.0], [9.0]], [[5.0], [6.0]]]), torch.tensor([0, 2]))
    vectors, counts = prototypes()
    assert counts.tolist() == [2, 2]
    assert vectors.flatten().tolist() == [1.0, 2.0, 5.0, 6.0]
