"""Self-training: the most stable pseudo-labels, and a control that is the twin."""

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.data import layouts
from semivox.data.formats.volume import read, to_source, write_label
from semivox.training.model import load_model


def test_self_training_that_keeps_nothing_is_the_twin_bit_for_bit(loop, capsys):
    assert exit_code(["rounds", str(loop / "job"), "--rounds", "1", "--keep", "0", "--workers", "0"]) == 0
    assert "self-training" in capsys.readouterr().out
    twin = load_model(loop / "job" / "supervised")[0].state_dict()
    own = load_model(loop / "job" / "self-training" / "round-1")[0].state_dict()
    assert all((own[key] == value).all() for key, value in twin.items())
    assert load_model(loop / "job" / "self-training" / "all-steps")[1].steps == 4
    assert exit_code(["rounds", str(loop / "job"), "--rounds", "1", "--keep", "0.5", "--workers", "0"]) == 2
    assert "was begun with" in capsys.readouterr().err


def test_pseudo_labels_are_the_most_stable_part_of_the_pool(loop, monkeypatch):
    from semivox.rounds import self_training

    frame = self_training._frame(loop / "job", 0, self_training.Quiet())
    folders = (loop / "a", loop / "b")
    names = frame.split.unlabeled
    for place, folder in enumerate(folders):
        for index, name in enumerate(names):
            volume = read(layouts.find(loop / "data").entry(name).images)
            label = np.zeros(volume.shape, np.uint8)
            for info in frame.plan.classes[1:]:
                label[2 * info.value, : 10 - index * place] = info.value
            write_label(folder / f"{name}.nii.gz", to_source(label * (index < 3), volume), volume.source)
    found = self_training._selected(frame, 1, folders, 0.5)
    assert found.kept == tuple(names[:2])
    assert found.rejected_empty == (names[3],)
    assert found.least_stable == pytest.approx(2 * 9 / 19)
