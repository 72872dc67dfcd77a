"""``semivox fetch`` as a user calls it, from a server on this machine."""

import dataclasses
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from semivox.cli import exit_code
from semivox.data import phantom
from semivox.data.public import sets
from tests.data.public.web import Web, serving

FOLDER = "Task04_Hippocampus"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A small set in the Decathlon's form, with the notes that macOS leaves in such archives."""
    folder = tmp_path_factory.mktemp("set")
    phantom.write(folder / "made", 2, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    names = sorted(path.name for path in (folder / "made/labelsTr").iterdir())
    pairs = [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names]
    description = {"labels": {"0": "background", "1": "bone"}, "training": pairs, "modality": {"0": "CT"}}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in names:
            image = name.replace(".nii.gz", "_0000.nii.gz")
            tar.add(folder / "made/imagesTr" / image, f"{FOLDER}/imagesTr/{name}")
            tar.add(folder / "made/labelsTr" / name, f"{FOLDER}/labelsTr/{name}")
        for name, text in (("dataset.json", json.dumps(description)), ("._dataset.json", "note")):
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def web(archive, monkeypatch):
    one = dataclasses.replace(sets.SETS["hippocampus"], md5=hashlib.md5(archive).hexdigest())
    monkeypatch.setitem(sets.SETS, "hippocampus", one)
    with serving(Web({f"{FOLDER}.tar": archive})) as web:
        yield web


def test_a_set_is_fetched_checked_and_recorded_once(web, tmp_path, capsys):
    words = ["fetch", "hippocampus", "-o", str(tmp_path / "scans"), "--accept-license", "--mirror", web.address]
    assert exit_code(words) == 0
    assert exit_code(words) == 0
    assert len(web.asked) == 1
    record = json.loads((tmp_path / "scans/source.json").read_text(encoding="utf-8"))
    assert record["license"].startswith("CC BY-SA 4.0")
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["scans"]
    assert not list((tmp_path / "scans").rglob("._*"))
    assert "unpacking files" in capsys.readouterr().err
    assert exit_code(["check", str(tmp_path / "scans")]) == 0
    assert "2 labeled" in capsys.readouterr().out


def test_another_set_in_the_folder_is_not_taken_for_the_one_that_was_asked_for(web, tmp_path, capsys):
    words = ["-o", str(tmp_path / "scans"), "--accept-license", "--mirror", web.address]
    assert exit_code(["fetch", "hippocampus", *words]) == 0
    capsys.readouterr()
    assert exit_code(["fetch", "spleen", *words]) == 2
    assert "something else" in capsys.readouterr().err
    assert json.loads((tmp_path / "scans/source.json").read_text(encoding="utf-8"))["name"] == "hippocampus"


def test_the_license_must_be_accepted(web, tmp_path, capsys):
    assert exit_code(["fetch", "hippocampus", "-o", str(tmp_path / "scans"), "--mirror", web.address]) == 2
    assert "--accept-license" in capsys.readouterr().err
    assert web.asked == []
    assert not (tmp_path / "scans").exists()


def test_the_environment_names_a_mirror(web, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMIVOX_MIRROR", web.address)
    assert exit_code(["fetch", "Hippocampus", "-o", str(tmp_path / "scans"), "--accept-license"]) == 0


def test_the_report_names_what_came_into_the_default_folder(web, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["fetch", "hippocampus", "--accept-license", "--mirror", web.address, "--report", "report.json"]
    assert exit_code(words) == 0
    outputs = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["outputs"]
    assert str(Path("hippocampus") / "source.json") in outputs


def test_all_sets_are_listed_with_their_licenses(capsys):
    assert exit_code(["fetch"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in sets.SETS)
    assert said.count("license CC BY-SA 4.0") == len(sets.SETS)


def test_an_unknown_set_and_a_folder_in_use_are_refused(web, tmp_path, capsys):
    assert exit_code(["fetch", "hipocampus", "--accept-license"]) == 2
    assert "did you mean 'hippocampus'" in capsys.readouterr().err
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/mine.txt").write_text("kept", encoding="utf-8")
    words = ["fetch", "hippocampus", "-o", str(tmp_path / "scans"), "--accept-license", "--mirror", web.address]
    assert exit_code(words) == 2
    assert "something else" in capsys.readouterr().err
    assert (tmp_path / "scans/mine.txt").read_text(encoding="utf-8") == "kept"


def test_an_archive_whose_members_lie_elsewhere_is_refused(tmp_path, monkeypatch, capsys):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(f"{FOLDER}/../../outside.txt")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    one = dataclasses.replace(sets.SETS["hippocampus"], md5=hashlib.md5(content.getvalue()).hexdigest())
    monkeypatch.setitem(sets.SETS, "hippocampus", one)
    inside = tmp_path / "a" / "b"
    with serving(Web({f"{FOLDER}.tar": content.getvalue()})) as web:
        words = ["fetch", "hippocampus", "-o", str(inside / "scans"), "--accept-license", "--mirror", web.address]
        assert exit_code(words) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.rglob("outside.txt"))
    assert not (inside / "scans").exists()
