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
        ("check", ["--exclude", ""], "--exclude '' names nothing"),
        ("plan", ["--exclude", ", "], "names nothing"),
        ("train", ["--exclude", ""], "names nothing"),
        ("predict", ["--save", ""], "--save '' names nothing"),
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


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["adopt", "job", "labels", "--origin", "exprt"], "expert"),
        (["suggest", "job", "--strategy", "mixtur"], "mixture"),
        (["run", "scans", "-o", "out", "--begin", "scrach"], "scratch"),
        (["run", "scans", "-o", "out", "--on", "slrum"], "slurm"),
        (["run", "scans", "-o", "out", "--ablation", "euclidean mean"], "euclidean, mean"),
        (["run", "scans", "-o", "out", "--recipe", "midl-2042"], "midl-2024"),
        (["run", "scans", "-o", "out", "--set", "method.decya=1"], "decay"),
        (["run", "scans", "-o", "out", "--set", "train.clpi=1"], "clip"),
        (["predict", "run", "-i", "scans", "-o", "out", "--on", "rya"], "ray"),
        (["predict", "run", "-i", "scans", "-o", "out", "--precision", "bf16"], "bf16-mixed"),
        (["predict", "run", "-i", "scans", "-o", "out", "--backend", "tourch"], "torch"),
        (["study", "--recipe", "sassnet-table1", "--data", "scans", "-o", "out"], "sassnet-table-1"),
        (["methods", "ua-mtt"], "ua_mt"),
        (["fetch", "hippocampuss"], "hippocampus"),
        (["runn"], "run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_the_word_that_was_meant_is_named(tmp_path, capsys, monkeypatch, words, meant):
    monkeypatch.chdir(tmp_path)
    corpus.good(tmp_path / "scans")
    assert exit_code(words) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"did you mean '{meant}'" in said
    assert not (tmp_path / "out").exists()
