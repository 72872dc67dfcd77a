"""A model in a precision that the processor has no instructions for says so, with the option that changes it."""

from types import SimpleNamespace

import pytest
import torch

from semivox.pipeline import predict
from semivox.pipeline.predict import slow_precision


@pytest.mark.parametrize(
    ("precision", "instructions", "said"),
    [
        ("bf16-mixed", False, "--precision 32-true"),
        ("bf16-mixed", True, ""),
        ("32-true", False, ""),
    ],
)
def test_slow_prediction_is_told_with_the_option_that_changes_it(precision, instructions, said, monkeypatch):
    monkeypatch.setattr(predict, "computes_bfloat16", lambda device: instructions)
    sentence = slow_precision(SimpleNamespace(precision=precision, device=torch.device("cpu")))
    assert said in sentence
    assert bool(sentence) == bool(said)
