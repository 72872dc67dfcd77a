"""A label goes where its layout has it, the data set takes it, and what else stands in lists and tables stays."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.processes.lock import locked
from semivox.data import layouts
from semivox.data.formats.volume import read_label
from semivox.rounds import adopt as taking_back
from semivox.rounds.adopt import LOCK, Terms, adopt
from semivox.rounds.origins import origins_of
from tests.rounds.layouts_of_two import LAYOUTS, decathlon, label, scan, table, two_folders


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_label_becomes_the_case_s_label(layout, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    LAYOUTS[layout](data)
    before = layouts.find(data)
    assert before.layout == layout
    assert before.entry("b").label is None
    drawn = read_label(before.entry("a").label).array
    label(tmp_path / "mine" / "b.nii.gz")
    (adopted,) = adopt(data, tmp_path / "mine", Terms()).adopted
    assert (adopted.case, adopted.origin.origin, adopted.replaced) == ("b", "expert", False)
    now = layouts.find(data)
    np.testing.assert_array_equal(read_label(now.entry("b").label).array, drawn)
    np.testing.assert_array_equal(read_label(now.entry("a").label).array, drawn)
    assert set(layouts.default_split(now).labeled) == {"a", "b"}
    assert set(origins_of(data)) == {"b"}
    assert {entry.name for entry in now.entries} == {"a", "b"}


def test_what_else_a_table_or_list_says_stays(tmp_path):
    for name, make in (("csv", table), ("json", decathlon)):
        data = tmp_path / name
        data.mkdir()
        make(data)
        label(tmp_path / "mine" / "b.nii.gz")
        adopt(data, tmp_path / "mine", Terms())
    with (tmp_path / "csv" / "cases.csv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [row["comment"] for row in rows] == ["x", "y"]
    assert rows[0]["label"] == "scans/drawn_a.nii.gz"
    content = json.loads((tmp_path / "json" / "dataset.json").read_text())
    assert content["licence"] == "kept"
    assert (len(content["training"]), content["unlabeled"]) == (2, [])


def test_a_table_without_a_column_of_labels_gets_one(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    table(data)
    (data / "cases.csv").write_text("case_id,image\na,scans/a.nii.gz\nb,scans/b.nii.gz\n")
    label(tmp_path / "mine" / "b.nii.gz")
    adopt(data, tmp_path / "mine", Terms())
    assert layouts.find(data).entry("b").label.name == "b.nii.gz"


def test_where_labels_are_not_written_a_sentence_says_so_and_nothing_changes(tmp_path):
    data = tmp_path / "data"
    for name in ("sub-01", "sub-02"):
        scan(data / name / "anat" / f"{name}_T1w.nii.gz")
    place = data / "derivatives" / "manual" / "sub-01" / "anat"
    label(place / "sub-01_label-liver_dseg.nii.gz")
    (data / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.9.0"}))
    case = next(entry.name for entry in layouts.find(data).entries if entry.label is None)
    label(tmp_path / "mine" / f"{case}.nii.gz")
    with pytest.raises(InputError, match="by hand"):
        adopt(data, tmp_path / "mine", Terms())
    assert not origins_of(data)


def test_two_processes_do_not_change_a_data_set_at_once(tmp_path):
    """Each would write the list and the origins as it has read them, and one label would be lost."""
    data = tmp_path / "data"
    data.mkdir()
    two_folders(data)
    label(tmp_path / "mine" / "b.nii.gz")
    with locked(data, LOCK), pytest.raises(InputError, match="another process is working on"):
        adopt(data, tmp_path / "mine", Terms())
    assert not origins_of(data)
    assert adopt(data, tmp_path / "mine", Terms()).adopted


def test_a_label_that_is_about_to_stand_has_its_origin_already(tmp_path, monkeypatch):
    """Killed in between, what a model has drawn would count as an expert's."""
    data = tmp_path / "data"
    data.mkdir()
    two_folders(data)
    label(tmp_path / "mine" / "b.nii.gz")
    with monkeypatch.context() as patch:
        patch.setattr(taking_back, "put", lambda *_: os._exit(9))
        child = os.fork()
        if child == 0:
            adopt(data, tmp_path / "mine", Terms(origin="pseudo"))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert origins_of(data)["b"].origin == "pseudo"
    assert not (data / "labels" / "b.nii.gz").exists()
    adopt(data, tmp_path / "mine", Terms(origin="pseudo"))
    assert (data / "labels" / "b.nii.gz").exists()
    assert origins_of(data)["b"].origin == "pseudo"


def test_a_pseudo_label_may_be_replaced_and_an_experts_may_not(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    two_folders(data)
    label(tmp_path / "mine" / "b.nii.gz")
    adopt(data, tmp_path / "mine", Terms(origin="pseudo"))
    adopt(data, tmp_path / "mine", Terms(origin="corrected"))
    assert origins_of(data)["b"].origin == "corrected"
    label(tmp_path / "mine" / "b.nii.gz", 0)
    with pytest.raises(InputError, match="--overwrite"):
        adopt(data, tmp_path / "mine", Terms())
    shutil.rmtree(tmp_path / "mine")
    label(tmp_path / "mine" / "a.nii.gz", 0)
    with pytest.raises(InputError, match="expert"):
        adopt(data, tmp_path / "mine", Terms())
