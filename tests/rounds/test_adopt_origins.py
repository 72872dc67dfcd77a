"""What is noted of a label that came back: how far it is from the proposal, and whether it is of boxes alone."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.data.formats.volume import read, to_source, write_label
from semivox.rounds import adopt as taking_back
from semivox.rounds.adopt import LOCK, Terms, adopt
from semivox.rounds.origins import FILE, origins_of
from semivox.rounds.proposal import RECORD, SuggestedCase, Suggestion, voxel_digest
from tests.rounds.layouts_of_two import SHAPE, label, nnunet, scan, table, two_folders

IGNORED = 9
OWN = (LOCK, FILE)


@pytest.fixture
def proposed(tmp_path):
    """A data folder, and what adopting a drawing gives where 8 voxels of the scan ``b`` were proposed."""
    data, folder = tmp_path / "data", tmp_path / "suggested"
    data.mkdir()
    two_folders(data)
    content = {"labels": {"background": 0, "liver": 1, "ignore": IGNORED}}
    (data / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    volume = read(layouts.find(data).entry("b").images)
    proposal = np.zeros(SHAPE, np.uint8)
    proposal[:2, 2:4, 1:3] = 1
    drawn = to_source(proposal, volume)
    write_label(folder / "proposals" / "b.nii.gz", drawn, volume.source)
    case = SuggestedCase(case="b", reasons=(), proposal=voxel_digest(drawn))
    Suggestion(data="", round=1, unit="scans", seed=1, cases=(case,), gain="").save(folder / RECORD)

    def given(change):
        label = proposal.copy()
        change(label)
        write_label(folder / "labels" / "b.nii.gz", to_source(label, volume), volume.source)
        (found,) = adopt(data, folder, Terms()).adopted
        assert origins_of(data)["b"] == found.origin
        return found

    return given


def test_a_correction_is_measured_by_the_voxels_that_changed_and_by_its_dice(proposed):
    def larger(label):
        label[2, 2:4, 1:3] = 1

    found = proposed(larger)
    assert found.text() == "b: corrected, 4 voxels changed (Dice to the proposal 0.800)"
    assert not found.origin.boxes_only


def test_a_correction_is_doubted_by_the_proposal_where_no_model_is_at_hand(proposed):
    def mirrored(label):
        label[:] = label[::-1].copy()

    assert "would be 1.00 mirrored along x: was it saved mirrored?" in proposed(mirrored).doubt


def test_a_label_of_boxes_says_so_and_one_of_nothing_is_refused(proposed):
    def box(label):
        label[3:] = IGNORED

    with pytest.raises(InputError, match="every voxel has the value to ignore, so it says nothing"):
        proposed(lambda label: label.fill(IGNORED))
    found = proposed(box)
    assert found.origin.boxes_only
    assert found.origin.dice_to_proposal == 1.0


@pytest.mark.parametrize("case", ["a", "b"])
def test_a_label_that_the_data_set_does_not_take_leaves_all_as_it_was(tmp_path, monkeypatch, case):
    """``a`` has a label, which would be replaced; ``b`` none, and a row of the table would name it."""

    def files():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name not in OWN}

    data = tmp_path / "data"
    data.mkdir()
    table(data)
    label(tmp_path / "mine" / f"{case}.nii.gz", 2)
    before, found = files(), layouts.find(data)
    unlabeled = replace(found, entries=tuple(replace(entry, label=None) for entry in found.entries))
    monkeypatch.setattr(taking_back, "layouts", SimpleNamespace(find=lambda _: unlabeled))
    with pytest.raises(InputError, match="the data set does not take"):
        adopt(data, tmp_path / "mine", Terms(overwrite=True))
    assert files() == before
    assert not origins_of(data)


def test_a_test_scan_of_a_data_folder_gets_no_label(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    nnunet(data)
    scan(data / "imagesTs" / "c_0000.nii.gz")
    label(tmp_path / "mine" / "c.nii.gz")
    with pytest.raises(InputError, match="'c' is a test or validation scan, and stays one"):
        adopt(data, tmp_path / "mine", Terms())
