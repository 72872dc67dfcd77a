"""A start without scans: one command, resumed by itself, and any training of its kind of network begins with it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from semivox import api
from semivox.cli import app, exit_code
from semivox.core.errors import InputError
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.planning.options import PlanOptions
from semivox.methods import find
from semivox.networks.blueprint import Blueprint
from semivox.pipeline.pretrain_invented import invented_plan
from semivox.training.folder import RunFolder
from semivox.training.start import begin_from, require_fit
from tests.contract.examples import configured
from tests.training import tiny

NETWORK = {"width": 2, "convolutions": [1, 1, 1], "strides": [[2, 2, 2]] * 2}
TINY = (
    *("--set", "plan.network.options.width=2", "--set", "plan.network.options.convolutions=1,1,1"),
    *("--set", "plan.network.options.strides=[[2,2,2],[2,2,2]]", "--set", "plan.channels_last=false"),
)
QUICK = ("--network", "small", "--patch", "16,16,16", "--steps", "4", *TINY)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A pretraining without scans, by the command; its network has three levels of width 2."""
    place = tmp_path_factory.mktemp("invented") / "pre"
    assert exit_code(["pretrain", "--invented", "-o", str(place), *QUICK]) == 0
    return place


def test_the_command_needs_no_scan_and_says_what_is_next(tmp_path):
    result = CliRunner().invoke(app, ["pretrain", "--invented", "-o", str(tmp_path / "pre"), *QUICK])
    assert result.exit_code == 0, result.output
    assert "semivox run SCANS --out JOB --start" in result.output
    folder = RunFolder(tmp_path / "pre")
    assert folder.done.exists()
    assert [row["step"] for row in folder.logged()] == [0, 1, 2, 3]
    assert set(folder.logged()[0]["terms"]) == {"contrast", "boundary"}
    again = CliRunner().invoke(app, ["pretrain", "--invented", "-o", str(tmp_path / "pre"), *QUICK])
    assert again.exit_code == 0, again.output
    assert "is already finished" in again.output


def test_a_stopped_one_resumes_to_the_same_bits(pretrained, tmp_path, monkeypatch):
    from semivox.training.run_monitor import RunMonitor

    class Stopped(Exception):
        pass

    def stepped(self, done, state):
        real(self, done, state)
        if done == 2:
            raise Stopped

    real, place = RunMonitor.stepped, tmp_path / "pre"
    wanted = ["pretrain", "--invented", "-o", str(place), *QUICK, "--set", "train.save_every=1e-9"]
    monkeypatch.setattr(RunMonitor, "stepped", stepped)
    with pytest.raises(Stopped):
        CliRunner().invoke(app, wanted, catch_exceptions=False)
    monkeypatch.undo()
    result = CliRunner().invoke(app, wanted, catch_exceptions=False)
    assert "resuming at step 2 of 4" in result.output
    whole, resumed = (load_file(one / "model" / "weights.safetensors") for one in (pretrained, place))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_other_seeds_and_numbers_give_other_weights_and_the_folder_knows(pretrained, tmp_path):
    weights = load_file(pretrained / "model" / "weights.safetensors")
    for number, words in enumerate((["--seed", "2"], ["--set", "method.paint.noise=0.5"], ["--network", "unet3d"])):
        place = tmp_path / str(number)
        command = [*QUICK, *words] if "unet3d" not in words else ["--network", "unet3d", "--patch", "16,16,16"]
        if "unet3d" in words:
            command += ["--steps", "1", "--set", "plan.network.options.width=2"]
        assert exit_code(["pretrain", "--invented", "-o", str(place), *command]) == 0
        other = load_file(place / "model" / "weights.safetensors")
        assert other.keys() != weights.keys() or any(not torch.equal(other[name], weights[name]) for name in weights)
    with pytest.raises(InputError, match=r"cannot resume.*\n.*seed"):
        api.pretrain(None, pretrained, plan={"network": "small", "patch": (16, 16, 16), "steps": 4, "fields": fields()},
                     settings={"seed": 3})  # fmt: skip


def fields() -> dict[str, object]:
    return {"network": {"options": NETWORK}, "channels_last": False}


def test_time_becomes_steps(tmp_path):
    command = [*QUICK[:4], *TINY, "--time", "0.0001", "--set", "method.anchors=8"]
    for _ in range(2):  # the second time nothing is measured anew: it is finished
        assert exit_code(["pretrain", "--invented", "-o", str(tmp_path / "pre"), *command]) == 0
    plan = Plan.load(RunFolder(tmp_path / "pre").plan)
    assert plan.forecast is not None
    assert plan.steps == max(1, int(0.36 / plan.forecast.seconds(1)))
    assert "0.0001 hours allow" in plan.reasons["steps"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "DATA is missing: give a folder of scans, or --invented"),
        (["scans", "--invented"], "--invented needs no scans: leave out"),
        (["--invented", "--labeled", "3"], "--split or --labeled: shapes are invented without any scan"),
        (["--invented", "--spacing", "1,1,1"], "--spacing: shapes are invented without any scan"),
        (["--invented", "--memory", "4"], "--memory: shapes are invented without any scan"),
        (["--invented", "--exclude", "a"], "--exclude: shapes are invented without any scan"),
        (["--invented", "--patch", "40,48,48"], "must be divisible by (16, 16, 16)"),
        (["--invented", "--network", "smal"], "smal"),
        (["--invented", "--set", "method.shapes.grid=20,6"], "the first number, 20, is above the second, 6"),
        (["--invented", "--set", "method.anchor=7"], "has no option 'anchor' (did you mean 'anchors'?)"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_nothing_is_written(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert exit_code(["pretrain", *words, "-o", "pre"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "pre").exists()


def other_plan(**options: object) -> Plan:
    found = tiny.plan()
    return found.model_copy(update={"network": NetworkChoice(name="vnet", options={**NETWORK, **options})})


def test_another_depth_other_strides_and_more_channels_begin_with_it(pretrained):
    theirs = load_file(pretrained / "model" / "weights.safetensors")
    plan = other_plan(strides=[[2, 2, 1]], convolutions=[1, 1])
    two = ("MR", "CT")
    plan = plan.model_copy(update={"channels": two, "intensity": plan.intensity * 2})
    require_fit(pretrained, plan, Split(labeled=("a",)))
    torch.manual_seed(5)
    method = find("mean_teacher")(configured("mean_teacher"), Blueprint.of(plan))
    heads = {key: value.clone() for key, value in method.state_dict().items() if "heads" in key or "coarse" in key}
    assert begin_from(pretrained, method) > 0
    first = theirs["network.encoder.blocks.0.0.0.weight"]
    for network in (method.network, method.teacher.network):
        assert torch.equal(network.encoder.blocks[0][0][0].weight, first.repeat(1, 2, 1, 1, 1) / 2)
        assert torch.equal(network.encoder.blocks[1][0][0].weight, theirs["network.encoder.blocks.1.0.0.weight"])
        down = theirs["network.encoder.down.0.0.weight"]
        assert torch.equal(network.encoder.down[0][0].weight, down.sum(4, keepdim=True))
        up = theirs["network.decoders.0.up.0.0.weight"]
        assert torch.equal(network.decoders[0].up[0][0].weight, up.mean(4, keepdim=True))
    assert all(torch.equal(method.state_dict()[key], value) for key, value in heads.items())


def test_networks_of_another_kind_or_width_are_refused(pretrained):
    split = Split(labeled=("a",))
    require_fit(pretrained, other_plan(dropout=0.3, coarse=1), split)
    for plan in (other_plan(width=3), other_plan(norm="instance")):
        with pytest.raises(InputError, match=r"networks of another kind.*vnet of width 2 with batch.*Pretrain with"):
            require_fit(pretrained, plan, split)


@pytest.mark.parametrize(
    ("name", "width"), [("small", 8), ("vnet", 16), ("unet3d", 16), ("uxnet", 48), ("pyramid_unet", 16)]
)
def test_each_network_has_its_plan(name, width):
    plan = invented_plan(PlanOptions(network=name))
    assert plan.network.options["width"] == width
    assert Blueprint.of(plan).architecture.width == width
    assert plan.precision == "32-true"
    assert (plan.labeled_per_step, plan.unlabeled_per_step) == (2, 0)


def test_through_the_shell_pretrain_and_then_train_with_it(pretrained, tmp_path):
    data, run = tiny.write_spheres(tmp_path / "data"), tmp_path / "run"
    names = [f"case{index}" for index in range(6)]
    split = tmp_path / "split.json"
    Split(labeled=tuple(names[:3]), unlabeled=tuple(names[3:5]), test=(names[5],)).save(split)
    plan = tmp_path / "plan.json"
    tiny.plan(2).save(plan)
    command = ["train", data, "-o", run, "--method", "mean_teacher", "--start", pretrained, "--split", split]
    words = [sys.executable, "-m", "semivox", *map(str, [*command, "--plan", plan, "--workers", "0"])]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (run / "model" / "weights.safetensors").exists()
    wrong = [word if word != str(pretrained) else str(data) for word in words]
    wrong[wrong.index(str(run))] = str(tmp_path / "other")
    done = subprocess.run(wrong, capture_output=True, encoding="utf-8", check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "is no finished pretraining" in done.stderr
    assert "Traceback" not in done.stderr
