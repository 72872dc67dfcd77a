"""One wrong word on the command line is refused before a scan is opened, with what would be right."""

from __future__ import annotations

import pytest
import torch

from semivox.cli import exit_code
from semivox.data import checks
from tests import corpus


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("plan", ["--network", "unet"], "did you mean 'unet3d'"),
        ("plan", ["--patch", "33,33,33"], "(32, 32, 32) would be right"),
        ("plan", ["--device", "cuda"], "finds no GPU"),
        ("plan", ["--device", "tpu"], "'cpu'"),
        ("plan", ["--spacing", "0,1,1"], "three positive numbers"),
        ("plan", ["--method", "mean_teachr"], "did you mean 'mean_teacher'"),
        ("plan", ["--steps", "0"], "steps"),
        ("plan", ["--workers", "-1"], "workers"),
        ("check", ["--workers", "-1"], "workers"),
        ("prepare", ["--workers", "-1"], "workers"),
        ("predict", ["--save", "entropie"], "did you mean 'entropy'"),
        ("predict", ["--device", "cuda"], "finds no GPU"),
    ],
)
def test_a_wrong_word_is_refused_before_any_work(tmp_path, capsys, monkeypatch, command, words, said):
    def opened(*_, **__):
        raise AssertionError("scans were opened")

    monkeypatch.setattr(checks, "check", opened)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    corpus.good(tmp_path / "scans")
    place = [str(tmp_path / "scans"), "-o", str(tmp_path / "out")]
    if command == "predict":
        place = [str(tmp_path / "run"), "-i", *place]
    assert exit_code([command, *place, *words]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")
