"""What to label next, as a command: scans, proposals, reasons; on invented scans."""

import json
import shlex
import shutil

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats.volume import read, read_label, to_source, write_label
from semivox.experiments.summary import Summary
from semivox.rounds.proposal import Suggestion
from tests.rounds.loop import suggested


def test_a_suggestion_is_a_folder_of_scans_proposals_pictures_and_reasons(loop, capsys):
    found = suggested(loop, "--strategy", "mixture")
    split = Split.load(loop / "job" / "split.json")
    names = [case.case for case in found.cases]
    assert len(set(names)) == 3
    assert set(names) <= set(split.unlabeled)
    assert any("random" in reason for case in found.cases for reason in case.reasons)
    assert any("unsure" in reason for case in found.cases for reason in case.reasons)
    assert "unknown" in found.gain
    data = layouts.find(loop / "s")  # the data set that viewers and semivox itself open
    for name in names:
        volume = read(data.entry(name).images)
        original = read(layouts.find(loop / "data").entry(name).images)
        np.testing.assert_array_equal(volume.array, original.array)
        assert read_label(data.entry(name).label).shape == volume.shape
        assert (loop / "s" / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    assert names[0] in (loop / "s" / "suggestion.md").read_text()


def test_the_same_seed_suggests_the_same_and_nothing_is_overwritten(loop, capsys):
    first = suggested(loop)
    assert exit_code(["suggest", str(loop / "job"), "--out", str(loop / "s")]) == 2
    assert "may hold corrections" in capsys.readouterr().err
    shutil.rmtree(loop / "s")
    assert suggested(loop) == first
    shutil.rmtree(loop / "s")
    capsys.readouterr()
    assert exit_code(["suggest", str(loop / "job"), "-n", "2", "--out", str(loop / "s"), "--json", "--seed", "7"]) == 0
    assert len(json.loads(capsys.readouterr().out)["cases"]) == 2


def test_a_random_choice_is_the_default_for_whole_scans_and_asks_no_model(loop, monkeypatch, capsys):
    monkeypatch.setattr("semivox.rounds.asking.measured", None)  # whoever asks the models fails
    found = suggested(loop)
    assert len({case.case for case in found.cases}) == 3
    assert all("drawn at random" in reason for case in found.cases for reason in case.reasons)
    shutil.rmtree(loop / "s")
    assert suggested(loop, "--strategy", "random") == found
    shutil.rmtree(loop / "s")
    others = []
    for seed in ("2", "3", "4"):
        others.append({case.case for case in suggested(loop, "--seed", seed).cases})
        shutil.rmtree(loop / "s")
    assert any(other != {case.case for case in found.cases} for other in others)
    capsys.readouterr()
    assert exit_code(["suggest", str(loop / "job"), "--out", str(loop / "s"), "--strategy", "best"]) == 2
    assert "choose mixture or random" in capsys.readouterr().err


def test_ratings_decide_first(loop):
    names = list(Split.load(loop / "job" / "split.json").unlabeled)
    test = Split.load(loop / "job" / "split.json").test[0]
    ratings = [(names[0], "correct"), (names[1], "reject"), (names[2], "use"), (test, "correct")]
    content = {"version": 1, "ratings": [{"case": case, "rating": rating, "note": ""} for case, rating in ratings]}
    (loop / "job" / "ratings.json").write_text(json.dumps(content))
    found = suggested(loop)
    assert [case.case for case in found.cases] == [names[0], names[3]]
    assert "you rated" in found.cases[0].reasons[0]
    assert len(found.notes) == 4


def test_ratings_of_another_job_are_refused_and_those_of_unknown_scans_are_named(loop, capsys):
    made = Summary.load(loop / "job" / "summary.json").provenance
    ratings = [
        {"case": name, "rating": "correct"} for name in (Split.load(loop / "job" / "split.json").unlabeled[0], "x")
    ]
    content = {"version": 1, "dataset": "data", "split": made.split, "plan": made.plan, "ratings": ratings}
    (loop / "mine.json").write_text(json.dumps({**content, "plan": "0" * 12}))
    command = ["suggest", str(loop / "job"), "--ratings", str(loop / "mine.json"), "--out", str(loop / "s")]
    assert exit_code(command) == 2
    assert "mine.json was saved from the report of another job" in capsys.readouterr().err
    assert not (loop / "s").exists()
    (loop / "mine.json").write_text(json.dumps(content))
    assert exit_code(command) == 0
    said = capsys.readouterr().out
    assert f"1 rating is of scans that {loop / 'data'} does not have: x." in said
    assert "you rated that its label should be corrected" in said


def test_boxes_need_a_value_to_ignore(loop, capsys):
    assert exit_code(["suggest", str(loop / "job"), "--boxes", "--out", str(loop / "s")]) == 2
    assert '"ignore"' in capsys.readouterr().err


@pytest.fixture
def ignoring(loop):
    """The same, with a value for what is not annotated."""
    description = loop / "data" / "dataset.json"
    content = json.loads(description.read_text(encoding="utf-8"))
    content["labels"]["ignore"] = 99
    description.write_text(json.dumps(content), encoding="utf-8")
    return loop


def test_fewer_boxes_than_were_asked_for_are_said_to_be_fewer(ignoring):
    assert not suggested(ignoring, "--boxes").notes
    shutil.rmtree(ignoring / "s")
    words = ["suggest", str(ignoring / "job"), "-n", "200", "--boxes", "--out", str(ignoring / "s")]
    assert exit_code(words) == 0
    found = Suggestion.load(ignoring / "s" / "suggestion.json")
    have = sum(len(case.boxes) for case in found.cases)
    assert found.gain.endswith("That is of scans labeled whole; boxes hold less.")
    assert found.notes[0].startswith(f"200 boxes were asked for; {have} have room")


def test_a_scan_that_was_rated_is_asked_for_as_a_whole_also_beside_boxes(ignoring):
    name = Split.load(ignoring / "job" / "split.json").unlabeled[0]
    content = {"version": 1, "ratings": [{"case": name, "rating": "correct", "note": ""}]}
    (ignoring / "job" / "ratings.json").write_text(json.dumps(content), encoding="utf-8")
    words = ["suggest", str(ignoring / "job"), "-n", "20", "--boxes", "--out", str(ignoring / "s")]
    assert exit_code(words) == 0
    found = {case.case: case for case in Suggestion.load(ignoring / "s" / "suggestion.json").cases}
    assert (found[name].boxes, len(found[name].reasons)) == ((), 1)
    assert len(found) > 1
    assert all(case.boxes for case in found.values() if case.case != name)


def test_boxes_hold_the_prediction_and_the_rest_is_ignored(ignoring):
    loop = ignoring
    found = suggested(loop, "--boxes")
    for case in found.cases:
        label = read_label(loop / "s" / "labels" / f"{case.case}.nii.gz").array[0]
        inside = np.zeros(label.shape, bool)
        for box in case.boxes:
            inside[box.slices] = True
        assert inside.any()
        assert (label[~inside] == 99).all()
        assert (label[inside] != 99).all()


def test_without_a_job_kinds_of_scans_are_chosen(loop, capsys):
    bare = loop / "bare scans"
    (bare / "images").mkdir(parents=True)
    for entry in layouts.find(loop / "data").entries:
        if entry.part == "training":
            shutil.copyfile(entry.images[0], bare / "images" / f"{entry.name}.nii.gz")
    (bare / "labels").mkdir()
    assert exit_code(["suggest", str(bare), "-n", "2", "--out", str(loop / "s")]) == 0
    found = Suggestion.load(loop / "s" / "suggestion.json")
    assert (len(found.cases), found.round) == (2, 0)
    assert "look alike" in found.cases[0].reasons[0]
    said = capsys.readouterr().err
    assert f"Draw their labels into {loop / 's' / 'labels'}" in said
    words = shlex.split(said.rpartition("semivox ")[2])
    assert exit_code(words) == 2  # as it is said, with the folder's space
    assert "holds no label" in capsys.readouterr().err
    case = found.cases[0].case
    volume = read(layouts.find(bare).entry(case).images)
    drawing = np.zeros(volume.shape, np.uint8)
    drawing[4:8, 4:8, 4:8] = 1
    write_label(loop / "s" / "labels" / f"{case}.nii.gz", to_source(drawing, volume), volume.source)
    assert exit_code(words) == 0
    assert f"{case}: expert" in capsys.readouterr().out
    shutil.rmtree(loop / "s")
    words = ["suggest", str(bare), "-n", "2", "--out", str(loop / "s"), "--strategy", "random"]
    assert exit_code(words) == 0
    found = Suggestion.load(loop / "s" / "suggestion.json")
    assert all("drawn at random" in case.reasons[0] for case in found.cases)
    assert exit_code(["suggest", str(bare), "-n", "2"]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_suggestion_that_was_stopped_leaves_nothing_behind_and_begins_anew(loop, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("semivox.rounds.asking.write_names", stopped)  # after scans and proposals, before the record
        assert exit_code(["suggest", str(loop / "job"), "-n", "1", "--out", str(loop / "s")]) == 130
    assert sorted(path.name for path in loop.iterdir()) == ["data", "job"]
    (loop / "s").touch()
    assert exit_code(["suggest", str(loop / "job"), "-n", "1", "--out", str(loop / "s")]) == 2
    assert "is a file; give a new folder" in capsys.readouterr().err
    (loop / "s").unlink()
    (loop / "s").mkdir()  # as somebody makes it by hand
    assert exit_code(["suggest", str(loop / "job"), "-n", "1", "--out", str(loop / "s")]) == 0
    assert "# 1 scan to label next" in capsys.readouterr().out
    assert {path.name for path in (loop / "s").iterdir()} == {
        "images", "labels", "pictures", "proposals", "suggestion.json", "suggestion.md"
    }  # fmt: skip


def test_what_is_said_of_one_is_said_in_the_singular(loop, capsys):
    test = Split.load(loop / "job" / "split.json").test[0]
    content = {"version": 1, "ratings": [{"case": test, "rating": "correct", "note": ""}]}
    (loop / "job" / "ratings.json").write_text(json.dumps(content))
    assert exit_code(["suggest", str(loop / "job"), "-n", "1", "--out", str(loop / "s")]) == 0
    said = capsys.readouterr().out
    assert "1 rating is of scans" in said
    assert "What 1 more label will bring" in said
    case = Suggestion.load(loop / "s" / "suggestion.json").cases[0].case
    label = loop / "s" / "labels" / f"{case}.nii.gz"
    words = ["adopt", str(loop / "job"), str(label), "--unchanged", "--report", str(loop / "report.json")]
    assert exit_code(words) == 0
    assert "1 label is in the data set now" in capsys.readouterr().err
    outputs = json.loads((loop / "report.json").read_text())["outputs"]  # in the data folder, which no option names
    written = {str(path) for path in (loop / "data").rglob("*") if path.name in (label.name, "label_origins.json")}
    assert {str(loop / "data" / "label_origins.json"), str(loop / "data" / "labelsTr" / label.name)} <= written
    assert written - outputs.keys() == set()
