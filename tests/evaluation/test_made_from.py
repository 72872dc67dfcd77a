"""Scores say what they were made from; another case's label is refused, and what is odd is said."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from semivox.cli import exit_code
from semivox.data.origins import Origin, path_of, recorder
from semivox.evaluation.tables import ScoreFile
from tests.evaluation.folders import label, write_label


def predicted(path, seed: int, model: str = "m" * 64, scan: str = "", **options: str) -> None:
    """A label as ``predict`` leaves it: with its record."""
    write_label(path, label(seed))
    name = path.name.removesuffix(".nii.gz")
    asked = {"mirror": "False", **options}
    wanted = Origin(case=name, scan=scan or f"scan of {name}", source=(), model=model, options=asked)
    recorder(wanted, path_of(path, name), path)(path)


@pytest.fixture
def folders(tmp_path):
    for seed, name in enumerate("abc"):
        write_label(tmp_path / "ref" / f"{name}.nii.gz", label(seed))
        predicted(tmp_path / "out" / f"{name}.nii.gz", seed + 10)
    return tmp_path


def evaluated(root, capsys, code: int = 0) -> str:
    arguments = ["evaluate", "-r", str(root / "ref"), "-p", str(root / "out"), "-o", str(root / "scores")]
    assert exit_code(arguments) == code
    text = capsys.readouterr()
    return " ".join((text.out + text.err).split())


def test_scores_carry_the_digests_of_what_they_are_made_from(folders, capsys):
    assert "Changed" not in evaluated(folders, capsys)
    made = ScoreFile.load(folders / "scores" / "scores.json").made_from
    assert sorted(made) == ["a", "b", "c"]
    for name, found in made.items():
        for place, digest in (("out", found.prediction), ("ref", found.reference)):
            assert digest == hashlib.sha256((folders / place / f"{name}.nii.gz").read_bytes()).hexdigest()
        assert (found.scan, found.model, found.options) == (f"scan of {name}", "m" * 64, "mirror=False")
        assert not found.changed


def test_another_cases_label_under_this_name_is_refused(folders, capsys):
    shutil.copy(folders / "out" / "a.nii.gz", folders / "out" / "b.nii.gz")
    assert "b.nii.gz is, bit by bit, the label that was made as a.nii.gz" in evaluated(folders, capsys, code=2)
    assert not (folders / "scores").exists()


def test_a_label_that_was_changed_is_said_and_marked(folders, capsys):
    write_label(folders / "out" / "b.nii.gz", label(99))
    assert "Changed since the model made them, so the scores are not the model's alone: b." in evaluated(
        folders, capsys
    )
    assert ScoreFile.load(folders / "scores" / "scores.json").made_from["b"].changed


def test_labels_of_two_models_or_ways_are_said(folders, capsys):
    predicted(folders / "out" / "c.nii.gz", 12, mirror="True")
    assert "by one model in different ways" in evaluated(folders, capsys)
    predicted(folders / "out" / "c.nii.gz", 12, model="n" * 64)
    assert "made by 2 models, and are scored together: mmmmmmmmmmmm (2), nnnnnnnnnnnn (1)" in evaluated(folders, capsys)


def test_a_label_without_a_record_among_others_is_said(folders, capsys):
    path_of(folders / "out" / "a.nii.gz", "a").unlink()
    assert "Without a record of what made them, unlike the other predictions: a." in evaluated(folders, capsys)


def test_labels_of_another_program_are_scored_without_a_word(folders, capsys):
    shutil.rmtree(folders / "out" / "origins")
    assert "record" not in evaluated(folders, capsys)
    made = ScoreFile.load(folders / "scores" / "scores.json").made_from["a"]
    assert (made.scan, made.model) == ("", "")
    assert made.prediction


def test_scores_of_early_versions_are_read(folders, capsys):
    evaluated(folders, capsys)
    path = folders / "scores" / "scores.json"
    content = json.loads(path.read_text())
    del content["made_from"]
    path.write_text(json.dumps(content))
    assert ScoreFile.load(path).made_from == {}
