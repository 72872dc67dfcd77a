"""A pretraining that a job cannot begin from is refused before any scan is prepared and anything trained."""

import shutil

import pytest

from semivox.cli import exit_code
from semivox.core.split import Split

pytestmark = pytest.mark.usefixtures("quick")
TINY = (
    "--spacing",
    "8",
    "--patch",
    "16,16,8",
    "--network",
    "small",
    "--steps",
    "1",
    "--device",
    "cpu",
    "--workers",
    "0",
)


@pytest.fixture(scope="module")
def pretrained(scans_of, tmp_path_factory):
    """A data folder with labels of three scans, and a pretraining on all of its training scans."""
    root = tmp_path_factory.mktemp("start")
    data = shutil.copytree(scans_of(2, 2, 1), root / "data")
    shutil.copy(data / "labelsTr" / "hip_0000.nii.gz", data / "labelsTr" / "hip_0003.nii.gz")
    assert exit_code(["pretrain", str(data), "-o", str(root / "pre"), *TINY]) == 0
    return data, root / "pre"


def refused(pretrained, job, monkeypatch, capsys, *words):
    """What the command says of a start that does not fit."""

    def forbidden(*_, **__):
        raise AssertionError("work was begun")

    for place in ("training.forecast.forecast", "experiments.arrange.prepare_cases", "experiments.job.do_runs"):
        monkeypatch.setattr(f"semivox.{place}", forbidden)
    data, start = pretrained
    assert exit_code(["run", str(data), "-o", str(job), *TINY, "--start", str(start), *words]) == 2
    return capsys.readouterr().err


def test_another_network(pretrained, tmp_path, monkeypatch, capsys):
    words = ("--network", "vnet", "--patch", "16,16,16")
    assert "has another network than this training" in refused(
        pretrained, tmp_path / "job", monkeypatch, capsys, *words
    )


def test_a_scan_that_is_to_be_scored(pretrained, tmp_path, monkeypatch, capsys):
    split = tmp_path / "split.json"
    Split(labeled=("hip_0000", "hip_0001"), unlabeled=("hip_0002",), validation=("hip_0003",)).save(split)
    said = refused(pretrained, tmp_path / "job", monkeypatch, capsys, "--split", str(split))
    assert "was pretrained on 1 scans that are to be scored here, 'hip_0003' among them" in said
    assert not (tmp_path / "job").exists()
