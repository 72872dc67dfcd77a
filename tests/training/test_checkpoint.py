"""Checkpoints: plain, atomic, two of them, and a damaged one costs no more than the steps since the one before."""

from __future__ import annotations

import pytest
import torch

from semivox.training import checkpoint
from semivox.training.checkpoint import State


def state(step: int) -> State:
    return State(step, {"weight": torch.full((3,), float(step))}, {"network": {"state": {}, "param_groups": []}})


def test_what_is_saved_comes_back(tmp_path):
    checkpoint.save(tmp_path, state(7))
    loaded = checkpoint.load(tmp_path)
    assert loaded.step == 7
    assert torch.equal(loaded.method["weight"], torch.full((3,), 7.0))


def test_an_empty_folder_is_a_fresh_start(tmp_path):
    assert checkpoint.load(tmp_path) == State()


def test_the_last_two_are_kept(tmp_path):
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, state(step))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000002.pt", "step-00000003.pt"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "pickle"])
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    checkpoint.save(tmp_path, state(1))
    last = checkpoint.save(tmp_path, state(2))
    if damage == "pickle":
        torch.save(tmp_path, last)  # a path: what weights_only refuses
    else:
        whole = last.read_bytes()
        last.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "garbage": b"\x00" * 500}[damage])
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoint.load(tmp_path).step == 1


def test_one_flipped_bit_in_a_weight_is_noticed(tmp_path):
    checkpoint.save(tmp_path, state(1))
    big = State(2, {"weight": torch.zeros(10_000)}, {})
    last = checkpoint.save(tmp_path, big)
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    assert torch.load(last, weights_only=True)["method"]["weight"].count_nonzero() == 1  # torch does not notice
    with pytest.warns(UserWarning, match="checksum"):
        assert checkpoint.load(tmp_path).step == 1
