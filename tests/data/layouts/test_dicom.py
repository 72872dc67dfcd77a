"""A DICOM export becomes cases by what its headers say, whatever its folders are called; and the commands run on it."""

from __future__ import annotations

import json

import pydicom
import pytest

from semivox.core.errors import InputError
from semivox.data.layouts import find
from tests.data.formats.dicom import made_up
from tests.data.layouts.dicom_export import SHAPE, patient


@pytest.fixture
def export(tmp_path):
    """Three labeled patients, one unlabeled."""
    root = tmp_path / "export"
    for number, (name, kind) in enumerate({"p1": "RTSTRUCT", "p2": "SEG", "p3": "SEG", "p4": ""}.items()):
        patient(root, name, kind, number)
    return root


def test_patients_studies_and_series_become_cases(export):
    dataset = find(export)
    assert dataset.layout == "DICOM"
    assert dataset.channels == ("CT",)
    found = {
        entry.name: (entry.images[0].relative_to(export), entry.label and entry.label.parent.name)
        for entry in dataset.entries
    }
    series = {name: export.__class__(name, "STUDY0", "SERIES0") for name in ("p1", "p2", "p3", "p4")}
    labels = {"p1": "RTSTRUCT", "p2": "SEG", "p3": "SEG", "p4": None}
    assert found == {name: (series[name], labels[name]) for name in labels}


def test_several_series_in_one_folder_are_cases_of_one_patient(tmp_path):
    for number in (1, 2):
        tags = {"SeriesInstanceUID": f"1.2.{number}", "PatientID": "x"}
        made_up.series(tmp_path / str(number), made_up.noise(SHAPE), **tags)
        for path in (tmp_path / str(number)).iterdir():
            (tmp_path / "export" / "p").mkdir(parents=True, exist_ok=True)
            path.rename(tmp_path / "export" / "p" / f"{number}{path.name}")
    entries = find(tmp_path / "export").entries
    assert [(entry.name, entry.images[0].name, entry.group) for entry in entries] == [
        ("p_1", "p#1.2.1", "p"), ("p_2", "p#1.2.2", "p"),
    ]  # fmt: skip


def test_one_patient_in_two_folders_is_one_patient(tmp_path):
    for number, name in enumerate(("first", "second")):
        tags = {"SeriesInstanceUID": f"1.2.{number}", "PatientID": "same"}
        made_up.series(tmp_path / "export" / name, made_up.noise(SHAPE), **tags)
    assert {entry.group for entry in find(tmp_path / "export").entries} == {"first"}


def test_localizers_and_other_modalities_are_passed_over_with_a_note(export):
    made_up.series(
        export / "p4" / "STUDY0" / "LOC", made_up.noise((2, 8, 8)), SeriesInstanceUID="1.2.66", PatientID="p4"
    )
    made_up.series(
        export / "p4" / "STUDY0" / "MR",
        made_up.noise((4, 8, 8)),
        SeriesInstanceUID="1.2.67",
        PatientID="p4",
        Modality="MR",
    )
    dataset = find(export)
    assert len(dataset.entries) == 4
    assert any("LOC" in text and "localizer" in text for text in dataset.skipped)
    assert any("MR; the labeled ones are CT" in text for text in dataset.skipped)


def test_two_labels_of_one_series_are_refused_by_name(export):
    (copy,) = (export / "p2" / "STUDY0" / "SEG").iterdir()
    data = pydicom.dcmread(copy)
    made_up.write(data, export / "p2" / "STUDY0" / "SEG" / "2")
    with pytest.raises(InputError, match=r"SEG.1 and .*SEG.2 are labels of one series"):
        find(export)


def test_a_damaged_file_is_named(export):
    path = export / "p2" / "STUDY0" / "SERIES0" / "IM003"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match="IM003"):
        find(export)


@pytest.mark.parametrize(("name", "right"), [("lesion", "1"), ("Spine", "2")])
def test_of_two_labels_of_one_series_the_declared_classes_choose(export, name, right):
    (copy,) = (export / "p2" / "STUDY0" / "SEG").iterdir()
    data = pydicom.dcmread(copy)
    data.SegmentSequence[0].SegmentLabel = "spine"
    made_up.write(data, export / "p2" / "STUDY0" / "SEG" / "2")
    (export / "dataset.json").write_text(json.dumps({"labels": {"background": 0, name: 1}}))
    dataset = find(export)
    assert {entry.name: entry.label for entry in dataset.entries}["p2"].name == right
    assert any(f"{3 - int(right)}: other labels of the same series" in text for text in dataset.skipped)
    (export / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "heart": 1}}))
    with pytest.raises(InputError, match=r"are labels of one series, with: 1 \(lesion\); 2 \(spine\)"):
        find(export)
