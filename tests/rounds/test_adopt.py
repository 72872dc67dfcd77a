"""Labels are taken back only where they fit and somebody stands for them."""

import json
import shutil

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats.volume import read, read_label, to_source, write_label
from semivox.rounds.adopt import Terms, adopt
from semivox.rounds.origins import origins_of
from tests.rounds.loop import refused, suggested


def test_labels_that_do_not_fit_are_refused_in_a_sentence_and_nothing_is_written(loop, tmp_path):
    split = Split.load(loop / "job" / "split.json")
    free, other = split.unlabeled[:2]
    data = layouts.find(loop / "data")
    volume = read(data.entry(free).images)
    good = np.zeros(volume.shape, np.uint8)
    good[3:8, 3:8, 3:8] = 1
    bad = tmp_path / "bad"

    def put(name, array, grid=volume.source):
        shutil.rmtree(bad, ignore_errors=True)
        write_label(bad / f"{name}.nii.gz", array, grid)
        write_label(bad / f"{other}.nii.gz", to_source(good, volume), volume.source)

    put("nobody", to_source(good, volume))
    assert "there is no scan 'nobody'" in refused(loop, bad)
    put(split.test[0], to_source(good, volume))
    assert "test or validation scan" in refused(loop, bad)
    put(split.labeled[0], to_source(good, volume))
    assert "--overwrite" in refused(loop, bad)
    put(free, to_source(good * 77, volume))
    assert "holds the value 77" in refused(loop, bad)
    small = type(volume.source)((10, 10, 10), volume.source.affine)
    put(free, np.ones((10, 10, 10), np.uint8), small)
    assert "has (10, 10, 10) voxels, its image (24, 18, 16)" in refused(loop, bad)
    moved = volume.source.affine.copy()
    moved[:3, 3] += 40
    put(free, to_source(good, volume), type(volume.source)(volume.source.shape, moved))
    assert "mm apart" in refused(loop, bad)
    assert "does not exist" in refused(loop, tmp_path / "nowhere")


def test_a_proposal_that_nobody_changed_is_no_label_unless_said(loop):
    suggested(loop)
    assert "nobody has changed" in refused(loop, loop / "s")
    assert exit_code(["adopt", str(loop / "job"), str(loop / "s"), "--unchanged", "--origin", "pseudo"]) == 0
    assert {one.origin for one in origins_of(loop / "data").values()} == {"pseudo"}
    assert exit_code(["adopt", str(loop / "job"), str(loop / "s"), "--origin", "robot"]) == 2


def test_an_experts_label_is_replaced_when_told(loop, tmp_path, capsys):
    name = Split.load(loop / "job" / "split.json").labeled[0]
    entry = layouts.find(loop / "data").entry(name)
    label = read_label(entry.label)
    array = np.array(label.array[0])
    array[:4, :4, :4] = 1
    write_label(tmp_path / "mine" / f"{name}.nii.gz", to_source(array, label), label.source)
    assert exit_code(["adopt", str(loop / "job"), str(tmp_path / "mine"), "--overwrite", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["case"], line["origin"], line["replaced"]) == (name, "expert", True)
    np.testing.assert_array_equal(read_label(entry.label).array[0], array)


def test_a_label_of_a_class_that_was_not_looked_for_is_refused_until_the_data_set_says_so(loop, tmp_path):
    name = Split.load(loop / "job" / "split.json").labeled[0]
    description = json.loads((loop / "data" / "dataset.json").read_text())
    description["labels"]["pelvis"] = 2
    (loop / "data" / "dataset.json").write_text(json.dumps({**description, "annotated": {name: ["pelvis"]}}))
    label = read_label(layouts.find(loop / "data").entry(name).label)
    array = np.array(label.array[0])
    array[:4, :4, :4] = 1
    write_label(tmp_path / "mine" / f"{name}.nii.gz", to_source(array, label), label.source)
    command = ["adopt", str(loop / "data"), str(tmp_path / "mine"), "--overwrite"]
    with pytest.raises(InputError, match="only pelvis was looked for; add it"):
        adopt(loop / "data", tmp_path / "mine", Terms(overwrite=True))
    (loop / "data" / "dataset.json").write_text(json.dumps(description))
    assert exit_code(command) == 0


def test_a_folder_can_be_given_again_with_more_labels_in_it(loop, tmp_path, capsys):
    one, other = Split.load(loop / "job" / "split.json").unlabeled[:2]
    data = layouts.find(loop / "data")
    mine = tmp_path / "mine"

    def draw(name, size):
        volume = read(data.entry(name).images)
        array = np.zeros(volume.shape, np.uint8)
        array[3:size, 3:8, 3:8] = 1
        write_label(mine / f"{name}.nii.gz", to_source(array, volume), volume.source)

    def adopted():
        assert exit_code(["adopt", str(loop / "job"), str(mine)]) == 0
        told = capsys.readouterr()
        return told.out, told.err

    draw(one, 8)
    assert "1 label is in the data set now" in adopted()[1]
    draw(other, 8)
    out, err = adopted()
    assert f"In the data set already: {one}" in out
    assert f"{other}: expert" in out
    assert "1 label is in the data set now" in err
    assert adopted() == (f"In the data set already: {one}, {other}\n", "")
    draw(one, 9)  # another label than the one that was taken: somebody must say that it replaces that
    assert "give --overwrite to replace it" in refused(loop, mine)
