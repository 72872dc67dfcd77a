"""Labels are taken back only where they fit and somebody stands for them."""

import json
import shutil

import numpy as np

from semivox.cli import exit_code
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats.volume import read, read_label, to_source, write_label
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
    assert "shape" in refused(loop, bad)
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
