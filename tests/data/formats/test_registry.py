"""Formats stand in one table, and packages add to it; the how-to page is executed."""

from __future__ import annotations

import csv
import json
import re
import sys
from importlib import invalidate_caches
from pathlib import Path

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.formats import registry, volume
from semivox.data.formats.scan import ScanError
from tests.data.formats.packages import install, semivox
from tests.fresh import printed
from tests.packages import pip_install

PAGE = (Path(__file__).parents[3] / "docs/how-to/add-a-format.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PROJECT,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Installs a package into this process until the end of the test."""

    def add(project: str, modules: dict[str, str]) -> None:
        monkeypatch.syspath_prepend(install(tmp_path / "site", project, modules))
        forget()

    yield add
    monkeypatch.undo()
    forget()
    sys.modules.pop("npz_scans", None)


def forget() -> None:
    invalidate_caches()
    for one in (registry.formats, registry.endings, registry.written):
        one.cache_clear()


def test_listing_formats_loads_no_image_library():
    program = (
        "import sys\nfrom semivox.data.formats import registry\nfrom pathlib import Path\n"
        "print(registry.endings(), registry.find(Path('.')), 'SimpleITK' in sys.modules)"
    )
    assert printed(program).strip().endswith("None False")


def test_every_ending_belongs_to_one_format_and_what_is_written_is_read():
    endings = registry.endings()
    assert len(set(endings)) == len(endings)
    assert set(registry.written()) <= set(endings)
    assert all(ending == ending.lower() and "." in ending for ending in endings)
    for one in registry.formats():
        assert one.results in registry.written()


@pytest.mark.parametrize(
    ("scan", "result"),
    [("a.nii", ".nii.gz"), ("a.NII.GZ", ".nii.gz"), ("a.nhdr", ".nrrd"), ("a.mhd", ".mha"), ("series", ".nii.gz")],
)
def test_results_are_written_in_the_format_of_the_scan(scan, result):
    assert registry.results_ending(Path(scan)) == result


def test_what_no_format_knows_is_refused_by_name(tmp_path):
    (tmp_path / "a.bmp").write_bytes(b"BM")
    with pytest.raises(ScanError, match=r"a\.bmp is not in a format"):
        volume.read_header(tmp_path / "a.bmp")
    with pytest.raises(ScanError, match=r"b\.bmp does not exist"):
        volume.read_header(tmp_path / "b.bmp")
    for name in ("a.bmp", "a.mhd", "a.nhdr"):
        with pytest.raises(InputError, match="the suffix must be one of"):
            volume.write_label(tmp_path / name, np.zeros((2, 2, 2), np.uint8), Grid((2, 2, 2), np.eye(4)))


def test_a_format_of_an_installed_package_reads_and_writes(installed, tmp_path):
    installed(PROJECT, {"npz_scans": CODE})
    label = np.random.default_rng(0).integers(0, 3, (4, 5, 6))
    grid = Grid((4, 5, 6), np.diag([-1.0, 2.0, 3.0, 1.0]))
    volume.write_label(tmp_path / "a.npz", label, grid)
    read = volume.read_label(tmp_path / "a.npz")
    assert np.array_equal(volume.to_source(read.array, read)[0], label)
    assert np.array_equal(read.source.affine, grid.affine)
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"b\.npz"):
        volume.read([tmp_path / "b.npz"])


def test_commands_see_the_format_of_an_installed_package(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "project" / "npz_scans.py").write_text(CODE, encoding="utf-8")
    site = pip_install(tmp_path / "project", tmp_path / "site")
    chance, affine = np.random.default_rng(0), np.diag([4.0, 4.0, 4.0, 1.0])
    for name in "ab":
        for place, voxels in (("images", chance.random((8, 8, 8))), ("labels", chance.integers(0, 2, (8, 8, 8)))):
            (tmp_path / "data" / place).mkdir(parents=True, exist_ok=True)
            np.savez(tmp_path / "data" / place / f"{name}.npz", voxels=voxels, affine=affine)
    done = semivox("check", tmp_path / "data", "--workers", "0", site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    labels = tmp_path / "data" / "labels"
    done = semivox("evaluate", "-r", labels, "-p", labels, "-o", tmp_path / "scores", site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "scores" / "scores.csv").open(newline="") as file:
        assert [float(row["dice"]) for row in csv.DictReader(file) if row["case"] in "ab"] == [1, 1]
    without = semivox("check", tmp_path / "data", "--workers", "0", site=tmp_path)
    assert without.returncode == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_there", "cannot be loaded"),
        ("class Npz:\n    pass", "no subclass of Format"),
        (CODE.replace('endings = (".npz",)', 'endings = (".npz", ".nrrd")'), "claims the ending .nrrd, which belongs"),
    ],
)
def test_a_package_that_does_not_fit_is_named(installed, code, words):
    installed(PROJECT, {"npz_scans": code})
    with pytest.raises(InputError, match=words) as caught:
        registry.formats()
    assert "npz-scans" in str(caught.value)
    assert json.dumps(str(caught.value))  # one line, as the command prints it
