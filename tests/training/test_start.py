"""A training that starts from a pretraining has its encoder and decoder and fresh heads, and scores no scan of it."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from semivox import api
from semivox.cli import app
from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.methods import METHODS, PRETRAININGS, find
from semivox.networks.blueprint import Blueprint
from semivox.training.folder import RunFolder
from semivox.training.model import load_model
from semivox.training.run import train_run
from semivox.training.settings import TrainSettings, configure
from semivox.training.spec import RunSpec
from semivox.training.start import begin_from, require_fit
from tests.contract.examples import configured
from tests.training import tiny

PLAIN = configure("supervised", {}, TrainSettings(workers=0))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A data set, and a pretraining on it by the command; both with a plan of ``tiny``."""
    root = tmp_path_factory.mktemp("start")
    store, split, plan = tiny.prepared(root)
    config = configure("masked_autoencoder", {}, TrainSettings(workers=0))
    train_run(RunSpec(RunFolder(root / "pre"), store, split, plan, config))
    return root, store, split, plan


def weights(folder):
    return load_file(folder / "model" / "weights.safetensors")


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_can_start_from_it(pretrained, name):
    root, _, _, plan = pretrained
    torch.manual_seed(5)
    method = find(name)(configured(name), Blueprint.of(plan))
    before = {key: value.clone() for key, value in method.state_dict().items()}
    assert begin_from(root / "pre", method) > 0
    theirs, after = weights(root / "pre"), method.state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed
    for key in changed:
        assert "heads" not in key
        assert not key.endswith(("running_mean", "running_var"))
        assert any(torch.equal(after[key], value) for value in theirs.values())


def test_encoder_and_decoder_are_the_pretrained_and_heads_are_fresh(pretrained):
    root, _, _, plan = pretrained
    torch.manual_seed(5)
    method = find("mean_teacher")(configured("mean_teacher"), Blueprint.of(plan))
    heads = {key: value.clone() for key, value in method.state_dict().items() if "heads" in key}
    begin_from(root / "pre", method)
    theirs = weights(root / "pre")
    for name, value in method.network.named_parameters():
        if "heads" not in name:
            assert torch.equal(value, theirs[f"network.{name}"]), name
            assert torch.equal(method.teacher.network.get_parameter(name), value), name
    assert all(torch.equal(method.state_dict()[key], value) for key, value in heads.items())


def test_a_run_begins_with_it_and_resumes_without_looking_again(pretrained, tmp_path):
    root, store, split, plan = pretrained
    moved = tmp_path / "pre"
    shutil.copytree(root / "pre", moved)
    settings = TrainSettings(workers=0, start=str(moved))
    config = configure("supervised", {}, settings)
    train_run(RunSpec(RunFolder(tmp_path / "started"), store, split, plan, config))
    train_run(RunSpec(RunFolder(tmp_path / "plain"), store, split, plan, PLAIN))
    first = [RunFolder(tmp_path / name).logged()[0]["total"] for name in ("started", "plain")]
    assert first[0] != first[1]
    shutil.rmtree(moved)
    train_run(RunSpec(RunFolder(tmp_path / "started"), store, split, plan, config))  # finished: nothing is read


def test_scans_that_are_scored_may_not_have_been_seen(pretrained):
    root, _, split, plan = pretrained
    parts = {"test": split.unlabeled[:1], "unlabeled": split.unlabeled[1:]}
    wrong = split.model_copy(update=parts)
    with pytest.raises(InputError, match="pretrained on 1 scans that are to be scored here, 'case"):
        require_fit(root / "pre", plan, wrong)
    require_fit(root / "pre", plan, split)


def test_another_network_is_refused_and_so_are_folders_without_a_pretraining(pretrained, tmp_path):
    root, store, split, plan = pretrained
    other = plan.model_copy(update={"network": plan.network.model_copy(update={"options": {"width": 3}})})
    with pytest.raises(InputError, match=r"another network than this training.*--plan"):
        require_fit(root / "pre", other, split)
    with pytest.raises(InputError, match="is no finished pretraining"):
        require_fit(tmp_path, plan, split)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, PLAIN))
    with pytest.raises(InputError, match="a model of supervised, not a pretraining"):
        require_fit(tmp_path / "run", plan, split)


def test_a_pretraining_labels_nothing(pretrained, tmp_path):
    root, *_ = pretrained
    with pytest.raises(InputError, match="is a pretraining, which labels nothing"):
        load_model(root / "pre")
    with pytest.raises(InputError, match="no method but a pretraining"):
        api.run(root, tmp_path / "job", method="masked_autoencoder")
    assert not set(PRETRAININGS) & set(METHODS)


def test_the_commands(tmp_path):
    """pretrain, then train with --start; a start that is not there is a sentence and exit code 2."""
    data = tiny.write_spheres(tmp_path / "data")
    names = [f"case{index}" for index in range(6)]
    Split(labeled=tuple(names[:3]), unlabeled=tuple(names[3:5]), validation=(), test=(names[5],)).save(
        tmp_path / "split.json"
    )
    common = ["--split", str(tmp_path / "split.json"), "--workers", "0", "--set", "plan.network.options.width=2"]
    small = ["--network", "small", "--steps", "2", "--patch", "16,16,8"]
    runner = CliRunner()
    pre, run = str(tmp_path / "pre"), str(tmp_path / "run")
    result = runner.invoke(app, ["pretrain", str(data), "-o", pre, *common, *small])
    assert result.exit_code == 0, result.output
    plan = ["--plan", str(tmp_path / "pre" / "plan.json")]
    result = runner.invoke(app, ["train", str(data), "-o", run, "--method", "bcp", "--start", pre, *common, *plan])
    assert result.exit_code == 0, result.output
    assert RunFolder(tmp_path / "run").done.exists()
    assert '"start"' in RunFolder(tmp_path / "run").config.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="is no finished pretraining"):
        runner.invoke(
            app, ["train", str(data), "-o", str(tmp_path / "b"), "--start", str(data), *common], catch_exceptions=False
        )
