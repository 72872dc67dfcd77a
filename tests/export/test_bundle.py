"""A MONAI bundle: MONAI's verifiers accept it, MONAI runs it without this package, and its labels are near ours."""

import json
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

import semivox
from semivox.cli import exit_code
from semivox.core.plan import Intensity
from semivox.data.formats.volume import read, read_label
from semivox.pipeline import bundle, bundle_config
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.training import tiny

FIELDS = {
    "type": "object",
    "required": [
        *("schema", "version", "changelog", "monai_version", "pytorch_version", "numpy_version", "task"),
        *("required_packages_version", "description", "authors", "copyright", "network_data_format"),
    ],
    "properties": {
        "network_data_format": {
            "type": "object",
            "required": ["inputs", "outputs"],
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["type", "num_channels", "spatial_shape", "dtype", "value_range", "is_patch_data"],
                },
            },
        }
    },
}
"""What the specification of bundles asks of metadata.json; MONAI's own file of it lies on the internet."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    store, split, plan = tiny.prepared(folder, steps=40)
    train_run(RunSpec(RunFolder(folder / "run"), store, split, plan, tiny.config("supervised")))
    assert exit_code(["export", str(folder / "run"), "-o", str(folder / "out"), "--to", "monai-bundle"]) == 0
    return folder


def monai(*words, cwd):
    command = [sys.executable, "-W", "ignore", "-m", "monai.bundle", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False, env=without_us())


def without_us():
    """An environment in which this package cannot be imported."""
    import os

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return environment | {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_monai_verifies_and_runs_it(made, tmp_path):
    out = made / "out"
    assert {path.name for path in out.iterdir()} == {"LICENSE", "configs", "models", "docs"}
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(FIELDS))
    meta = ("--meta_file", "configs/metadata.json")
    checked = monai("verify_metadata", *meta, "--filepath", schema, cwd=out)
    assert checked.returncode == 0, checked.stderr[-2000:]
    config = ("--config_file", "configs/inference.json")
    checked = monai("verify_net_in_out", "network_def", *meta, *config, "--device", "cpu", cwd=out)
    assert checked.returncode == 0, checked.stderr[-2000:]

    scans = made / "data" / "images"
    ran = monai(
        "run", *config, "--bundle_root", ".", "--dataset_dir", scans, "--output_dir", tmp_path / "monai", cwd=out
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert exit_code(["predict", str(made / "run"), "-i", str(scans), "-o", str(tmp_path / "ours")]) == 0
    for scan in sorted(scans.iterdir()):
        name = scan.name.removesuffix(".nii.gz")
        theirs = read_label(tmp_path / "monai" / name / f"{name}_trans.nii.gz")
        ours = read_label(tmp_path / "ours" / scan.name)
        assert np.allclose(theirs.grid.affine, read([scan]).grid.affine, atol=1e-4)
        assert ours.array.any()
        shared = 2 * (theirs.array * ours.array).sum() / (theirs.array.sum() + ours.array.sum())
        assert shared > 0.95, name


def test_a_bundle_names_no_folder_of_this_machine(made):
    """torch notes in which files the code of a traced network stands; a path may name a person."""
    with zipfile.ZipFile(made / "out" / "models" / "model.ts") as traced:
        contents = [traced.read(entry) for entry in traced.infolist()]
    contents += [path.read_bytes() for path in (made / "out").rglob("*") if path.is_file()]
    for package in (semivox, torch):
        folder = str(Path(package.__file__).parent).encode()
        assert not [content for content in contents if folder in content]


def test_a_bundle_is_whole_or_not_there(made, tmp_path, monkeypatch, capsys):
    words = ["export", str(made / "run"), "-o", str(tmp_path / "out"), "--to", "monai-bundle"]
    monkeypatch.setattr(bundle, "difference", lambda *arguments: 0.5)
    assert exit_code(words) == 1
    assert "no bundle was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").write_text("mine")
    assert exit_code(words) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes"]


def test_a_bundle_is_written_where_monai_is_not_installed(made, tmp_path, monkeypatch):
    def lacking(name):
        if name == "monai":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(bundle_config, "version", lacking)
    assert exit_code(["export", str(made / "run"), "-o", str(tmp_path / "out"), "--to", "monai-bundle"]) == 0
    metadata = json.loads((tmp_path / "out" / "configs" / "metadata.json").read_text())
    assert metadata["monai_version"] == bundle_config.MONAI


@pytest.mark.parametrize(
    "intensity",
    [
        Intensity(scheme="ct", lower=-100, upper=300, mean=40, std=80),
        Intensity(scheme="zscore"),
        Intensity(scheme="zscore", nonzero=True),
        Intensity(scheme="range"),
        Intensity(scheme="none"),
    ],
    ids=str,
)
def test_monai_scales_values_as_we_do(intensity):
    import torch

    from semivox.data.prepared.intensity import scale

    values = np.random.default_rng(0).normal(50, 150, (1, 6, 5, 4)).astype(np.float32)
    values[:, :2] = 0
    theirs = eval(bundle_config.intensity((intensity,)).removeprefix("$"), {"torch": torch})(torch.from_numpy(values))
    assert np.allclose(theirs.numpy(), scale(values[0], intensity)[None], atol=1e-4)


def test_two_channels_are_found_by_their_endings(tmp_path):
    import glob
    import re

    for name in ("a_0000", "a_0001", "b_0000", "b_0001"):
        nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)), tmp_path / f"{name}.nii.gz")
    found = eval(
        bundle_config.datalist(2).removeprefix("$").replace("@dataset_dir", repr(str(tmp_path))),
        {"glob": glob, "re": re},
    )
    names = [[path.rpartition("/")[2] for path in case["image"]] for case in found]
    assert names == [[f"{case}_{number:04d}.nii.gz" for number in range(2)] for case in "ab"]
