"""A model's label does not pass for an expert's, and what looks wrong in a label that fits its scan is asked about."""

import json
import shutil

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats.sources import fresh_digest_of as digest
from semivox.data.formats.volume import read, read_label, to_source, write_label
from semivox.data.origins import Origin, path_of
from semivox.rounds.acquisition import Box
from semivox.rounds.model_labels import doubt_of, doubt_outside, is_untouched, joint_dice, model_labels
from semivox.rounds.origins import origins_of
from tests.rounds.loop import refused, suggested


@pytest.fixture
def free(loop):
    """An unlabeled case, its scan, and a model's label of it in the job."""
    name = Split.load(loop / "job" / "split.json").unlabeled[0]
    volume = read(layouts.find(loop / "data").entry(name).images)
    found = np.zeros(volume.shape, np.uint8)
    found[2:8, 4:12, 4:10] = 1
    write_label(loop / "job" / "labels" / f"{name}.nii.gz", to_source(found, volume), volume.source)
    return name, volume, found


def given(loop, name, values, volume):
    write_label(loop / "mine" / f"{name}.nii.gz", to_source(values, volume), volume.source)
    return exit_code(["adopt", str(loop / "job"), str(loop / "mine")])


def test_a_label_that_a_model_of_the_job_made_is_no_label_of_an_expert(loop, free, capsys):
    name, volume, found = free
    assert "what a model made is no label" in refused(loop, loop / "job" / "labels")
    assert given(loop, name, found, volume) == 2  # the same voxels in another file
    assert exit_code(["adopt", str(loop / "job"), str(loop / "job" / "labels"), "--unchanged"]) == 0
    assert origins_of(loop / "data")[name].origin == "corrected"
    capsys.readouterr()


def test_a_label_that_was_predicted_elsewhere_is_known_by_its_record(loop, free):
    name = free[0]
    out = loop / "predicted"
    scan = layouts.find(loop / "data").entry(name).images[0]
    run = loop / "job" / "supervised"
    assert exit_code(["predict", str(run), "-i", str(scan), "-o", str(out), "--device", "cpu"]) == 0
    label = out / f"{name}.nii.gz"
    shutil.rmtree(loop / "job" / "labels")
    assert "what a model made is no label" in refused(loop, label)


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        (lambda found: np.zeros_like(found), "it shows no structure"),
        (lambda found: found[::-1], "mirrored along x: was it saved mirrored?"),
        (lambda found: np.roll(found, (8, 5, 8), (0, 1, 2)), "shares next to nothing with what the model finds"),
        (lambda found: np.roll(found, 1, 0), ""),
    ],
)
def test_what_looks_wrong_is_asked_about(loop, free, capsys, drawn, said):
    name, volume, found = free
    assert given(loop, name, np.ascontiguousarray(drawn(found)), volume) == 0
    out = capsys.readouterr().out
    assert f"{name}: expert" in out
    assert said in out
    assert (" - " in out) == bool(said)


def test_without_a_model_nothing_is_compared():
    array = np.ones((3, 3, 3), np.uint8)
    assert doubt_of(array, None, None) == ""
    assert doubt_of(array * 9, None, 9) == "it shows no structure: is that so in this scan?"


def test_structures_agree_class_by_class_and_ignored_voxels_say_nothing():
    drawn = np.array([1, 1, 2, 2, 0, 9])
    assert joint_dice(drawn, np.array([2, 2, 1, 1, 0, 0]), None) == 0.0
    assert joint_dice(drawn, np.array([1, 1, 9, 9, 0, 3]), 9) == 1.0
    assert joint_dice(np.array([0, 9]), np.array([0, 1]), 9) is None


def test_a_shape_that_agrees_little_better_mirrored_is_not_asked_about():
    models, label = np.zeros((11, 4, 4), np.uint8), np.zeros((11, 4, 4), np.uint8)
    models[2:8], label[4:10] = 1, 1
    assert joint_dice(models, label, None) == pytest.approx(4 / 6)
    assert joint_dice(models, label[::-1], None) == pytest.approx(5 / 6)
    assert doubt_of(label, models, None) == ""
    along_z = np.zeros((4, 5, 12), np.uint8)
    along_z[..., 1:5] = 1
    assert "mirrored along z: was it saved mirrored?" in doubt_of(along_z[..., ::-1], along_z, None)


def test_a_predicted_label_that_somebody_changed_is_not_untouched(tmp_path):
    label = tmp_path / "a.nii.gz"
    label.write_bytes(b"as it was made")
    record = Origin(case="a", scan="s", source=(), model="m", options={}, files={label.name: digest(label)})
    path_of(label, "a").parent.mkdir()
    record.save(path_of(label, "a"))
    assert is_untouched(label, "a")
    label.write_bytes(b"corrected, and the record still lies there")
    assert not is_untouched(label, "a")


def test_labels_of_all_rounds_and_all_proposals_are_a_model_s(loop, free):
    name, volume, found = free
    places = {1: loop / "job", 2: loop / "job" / "rounds" / "2", 3: loop / "job" / "suggested" / "after-round-1"}
    places[2].mkdir(parents=True)
    shutil.copyfile(loop / "job" / "job.json", places[2] / "job.json")
    for step, folder in places.items():
        kind = "proposals" if step == 3 else "labels"
        write_label(folder / kind / f"{name}.nii.gz", to_source(np.roll(found, step, 1), volume), volume.source)
    made = model_labels(loop / "job", layouts.find(loop / "data").entry(name))
    assert [next(step for step in places if (label == np.roll(found, step, 1)).all()) for label in made] == [2, 1, 3]
    assert given(loop, name, np.roll(found, 1, 1), volume) == 2
    assert given(loop, name, np.roll(found, 3, 1), volume) == 2


def test_a_file_beside_an_untouched_proposal_is_taken_in_its_stead(loop, capsys):
    name = suggested(loop).cases[0].case
    volume = read(layouts.find(loop / "data").entry(name).images)
    array = np.zeros(volume.shape, np.uint8)
    array[3:8, 3:8, 3:8] = 1
    labels = loop / "s" / "labels"
    write_label(labels / f"{name}.nrrd", to_source(array, volume), volume.source)
    assert exit_code(["adopt", str(loop / "job"), str(labels)]) == 0
    assert f"{name}: corrected" in capsys.readouterr().out
    write_label(labels / f"{name}.nii.gz", to_source(np.roll(array, 1, 0), volume), volume.source)  # both were changed
    assert exit_code(["adopt", str(loop / "job"), str(labels)]) == 2
    assert f"two files claim the case {name!r}" in capsys.readouterr().err


def test_the_same_voxels_at_another_place_are_not_taken_for_the_label_that_is_there(loop, free, capsys):
    name, volume, found = free
    assert given(loop, name, np.roll(found, 1, 0), volume) == 0
    moved = volume.source.affine.copy()
    moved[:3, 3] += 40
    write_label(
        loop / "mine" / f"{name}.nii.gz",
        to_source(np.roll(found, 1, 0), volume),
        type(volume.source)(volume.source.shape, moved),
    )
    assert exit_code(["adopt", str(loop / "job"), str(loop / "mine"), "--overwrite"]) == 2
    assert "mm apart" in capsys.readouterr().err


def test_a_label_whose_value_to_ignore_was_lost_outside_its_boxes_is_asked_about(loop, capsys):
    description = loop / "data" / "dataset.json"
    content = json.loads(description.read_text(encoding="utf-8"))
    content["labels"]["ignore"] = 99
    description.write_text(json.dumps(content), encoding="utf-8")
    case = suggested(loop, "--boxes").cases[0]
    path = loop / "s" / "labels" / f"{case.case}.nii.gz"
    label = read_label(path)
    drawn = np.where(label.array[0] == 99, 0, label.array[0])
    box = case.boxes[0].slices
    drawn[box].flat[0] = 1 - drawn[box].flat[0]
    write_label(path, to_source(drawn, label), label.source)
    assert exit_code(["adopt", str(loop / "job"), str(path)]) == 0
    assert "where the proposal had 99 (to be ignored): was the whole scan looked at?" in capsys.readouterr().out


def test_what_is_drawn_or_ignored_outside_the_boxes_was_meant_so():
    box = Box((0, 0, 0), (2, 2, 2))
    label = np.zeros((6, 6, 6), np.uint8)
    assert "outside its box is background" in doubt_outside(label, [box], 9)
    assert "outside its boxes is background" in doubt_outside(label, [box, Box((4, 4, 4), (2, 2, 2))], 9)
    assert doubt_outside(label, [], 9) == doubt_outside(label, [box], None) == ""
    drawn, ignored = label.copy(), np.full_like(label, 9)
    drawn[5, 5, 5] = 1
    ignored[box.slices] = 0
    assert doubt_outside(drawn, [box], 9) == doubt_outside(ignored, [box], 9) == ""


@pytest.mark.parametrize(
    ("voxels", "code", "said"),
    [
        (0.005, 0, ""),
        (0.3, 0, "lie up to 2.4 mm apart at the corners (a voxel is 8 mm), and it was taken voxel by voxel"),
        (
            0.5,
            2,
            "half a voxel left-right, as where one program counts from the corners of voxels",
        ),
    ],
)
def test_a_label_that_lies_a_little_off_its_scan_is_judged_as_check_judges_it(loop, free, capsys, voxels, code, said):
    name, volume, found = free
    moved = volume.source.affine.copy()
    moved[0, 3] += 8 * voxels
    grid = type(volume.source)(volume.source.shape, moved)
    write_label(loop / "mine" / f"{name}.nii.gz", to_source(np.roll(found, 1, 0), volume), grid)
    assert exit_code(["adopt", str(loop / "job"), str(loop / "mine")]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert ("apart" in told.out + told.err) == bool(said)
