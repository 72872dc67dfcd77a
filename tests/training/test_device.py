"""What a device is on this machine; without a GPU at hand torch is told that it finds one."""

import pytest
import torch

from semivox.core.errors import InputError
from semivox.training.device import device_here


@pytest.fixture
def machine(monkeypatch):
    """Which devices torch finds."""

    def finds(*, cuda=False, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return finds


def test_auto_takes_a_gpu_where_there_is_one_and_no_apple_gpu(machine):
    machine(cuda=True, mps=True)
    assert [device_here(name) for name in ("auto", "cpu", "cuda", "mps")] == ["cuda", "cpu", "cuda", "mps"]
    machine(mps=True)
    assert device_here("auto") == "cpu"
    machine()
    assert [device_here(name) for name in ("auto", "cpu")] == ["cpu", "cpu"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("cuda", "torch finds no GPU"), ("mps", "torch finds no Apple GPU"), ("gpu", "there is no device 'gpu'")],
)
def test_what_is_not_to_be_had_is_refused_with_what_is(machine, name, said):
    machine()
    with pytest.raises(InputError, match=said) as refused:
        device_here(name)
    assert "cpu" in str(refused.value)
