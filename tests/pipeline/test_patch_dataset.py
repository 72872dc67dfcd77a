"""A data set of patches is a data set: found, checked, grouped by scan; and studies are scored by difficulty."""

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.data import layouts, phantom
from semivox.data.fixed_patches import PatchChoice
from semivox.data.formats.volume import read, read_label
from semivox.experiments.collect import collect
from semivox.experiments.labeled_sets import labeled_sets_of
from semivox.experiments.study_file import CaseChoice
from semivox.pipeline.patch_dataset import make_patches
from semivox.reports.difficulty import deviations, grouped, read_difficulty, strata, write_difficulty
from semivox.reports.study import report_study
from tests.experiments import made
from tests.reports.parsed_page import Page

CHOICE = PatchChoice(size=(8, 8, 8), spacing=None, per_scan=3, overlap=0.4)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scans"
    phantom.write(folder, 4, 0, 2, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


@pytest.fixture(scope="module")
def patches(scans, tmp_path_factory):
    out = tmp_path_factory.mktemp("patches") / "patches"
    assert make_patches(scans, out, CHOICE) > 6
    return out


def test_patches_are_a_data_set_with_parts_and_groups_by_scan(scans, patches):
    dataset = layouts.find(patches)
    assert dataset.layout == "CSV"
    assert dataset.classes == layouts.find(scans).classes
    parts = {entry.group: set() for entry in dataset.entries}
    for entry in dataset.entries:
        parts[entry.group].add(entry.part)
        assert entry.name.startswith(entry.group)
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"training", "test"}


def test_image_and_label_of_a_patch_are_those_of_its_scan(scans, patches):
    entry = next(entry for entry in layouts.find(patches).entries if entry.part == "training")
    whole, label = read(layouts.find(scans).entry(entry.group).images), read_label(entry.label)
    piece = read(entry.images)
    at = np.linalg.inv(whole.grid.affine) @ np.append(piece.grid.affine[:3, 3], 1)
    x, y, z = np.rint(at[:3]).astype(int)
    np.testing.assert_allclose(piece.array[0], whole.array[0, x : x + 8, y : y + 8, z : z + 8])
    assert label.shape == piece.shape == (8, 8, 8)
    assert (label.array > 0).mean() >= 0.01


def test_labeled_subsets_of_patches_take_whole_scans_first(patches):
    dataset = layouts.find(patches)
    group = {entry.name: entry.group for entry in dataset.entries}
    for setting in labeled_sets_of(CaseChoice(labeled=(4,), draws=(0, 1, 2)), dataset, patches):
        assert len({group[name] for name in setting.split.labeled}) <= 2
        assert {group[name] for name in setting.split.test} == {"hip_1000", "hip_1001"}


def test_a_folder_with_something_in_it_is_left_alone(scans, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        make_patches(scans, tmp_path, CHOICE)
    with pytest.raises(InputError, match="no patch"):
        make_patches(scans, tmp_path / "out", CHOICE.model_copy(update={"foreground": 1.0}))


def test_a_label_that_lies_beside_its_scan_is_refused_by_name(scans, tmp_path):
    copied = shutil.copytree(scans, tmp_path / "scans")
    path = copied / "labelsTr" / "hip_0000.nii.gz"
    label = nib.load(path)
    moved = label.affine.copy()
    moved[:3, 3] += 20
    nib.save(nib.Nifti1Image(np.asanyarray(label.dataobj), moved), path)
    with pytest.raises(InputError, match=r"hip_0000.nii.gz: label and image lie up to .* mm apart"):
        make_patches(copied, tmp_path / "patches", CHOICE)


def test_what_nobody_annotated_is_no_object(scans, tmp_path):
    copied = shutil.copytree(scans, tmp_path / "scans")
    description = json.loads((copied / "dataset.json").read_text())
    (copied / "dataset.json").write_text(json.dumps(description | {"labels": description["labels"] | {"ignore": 2}}))
    for path in (copied / "labelsTr").iterdir():
        label = nib.load(path)
        array = np.asanyarray(label.dataobj).copy()
        array[array.shape[0] // 2 :] = 2
        nib.save(nib.Nifti1Image(array, label.affine), path)
    assert make_patches(copied, tmp_path / "patches", CHOICE) > 0
    for path in (tmp_path / "patches" / "labels").glob("hip_000*"):
        assert (read_label(path).array == 1).mean() >= CHOICE.foreground


def test_every_labeled_patch_has_a_difficulty(patches):
    found = read_difficulty(patches / "difficulty.csv")
    with (patches / "cases.csv").open(newline="") as stream:
        labeled = {row["case_id"] for row in csv.DictReader(stream) if row["label"]}
    assert set(found) <= labeled
    assert len(found) > 0.8 * len(labeled)
    assert all(value >= 0 for value in found.values())


def test_difficulty_of_scans_is_measured_with_models_of_training_labels(scans):
    dataset, counted = layouts.find(scans), []
    values = [info.value for info in dataset.classes[1:]]
    training = [f"hip_000{index}" for index in range(4)]
    found = deviations(dataset, training, ["hip_1000", "hip_1001"], values, lambda *done: counted.append(done))
    assert set(found) == {"hip_1000", "hip_1001"}
    assert all(0 <= value < 60 for value in found.values())
    assert counted == [(1, 2), (2, 2)]


def test_groups_are_of_equal_size_from_common_to_unusual():
    groups = grouped({f"c{index:02d}": float(index) for index in range(14)})
    assert [len(group) for group in groups] == [3, 3, 2, 2, 2, 2]
    assert [case for group in groups for case in group] == [f"c{index:02d}" for index in range(14)]
    assert len(grouped({"a": 1.0, "b": 2.0, "c": 3.0})) == 1


def test_reports_score_by_difficulty_where_it_is_known(tmp_path):
    asked = made.study_file(cases={"labeled": [4], "test": 12}, method={})
    folder = made.study(tmp_path / "study", asked)
    (folder / "report").mkdir()
    write_difficulty(folder / "report" / "difficulty.csv", {case: float(i) for i, case in enumerate(made.CASES)})
    found = read_difficulty(folder / "report" / "difficulty.csv")
    jaccard, _ = strata(collect(folder), "labeled-4", found)
    assert len(jaccard.heads) == 7
    assert jaccard.heads[1] == "0.00–1.00 (2)"
    rows = {row.case: row.jaccard for row in collect(folder).of("labeled-4")[0].runs[0, 1].rows}
    assert jaccard.rows[0][1] == f"{(rows['case_00'] + rows['case_01']) / 2:.3f}"
    assert "by difficulty" in Page(report_study(folder).read_text(encoding="utf-8")).text
    (folder / "report" / "difficulty.csv").write_text("case,x\na,1\n")
    with pytest.raises(InputError, match="case_id"):
        read_difficulty(folder / "report" / "difficulty.csv")
