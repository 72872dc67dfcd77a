"""Models as files of other programs: the same labels, or a sentence and no file."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch

import semivox
from semivox.cli import exit_code
from semivox.data.formats.volume import read_label
from semivox.export import onnx_file
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.data.formats.dicom import made_up
from tests.training import tiny

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    store, split, plan = tiny.prepared(folder, steps=20)
    train_run(RunSpec(RunFolder(folder / "run"), store, split, plan, tiny.config("mean_teacher")))
    return folder / "run"


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx") / "out"
    assert exit_code(["export", str(run), "-o", str(out), "--to", "onnx"]) == 0
    return out


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    values = np.random.default_rng(0).normal(size=(30, 26, 17)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 2.0, 3.0, 1.0])), folder / "a.nii.gz")
    return folder


def predict(model, scans, out, *more):
    return exit_code(["predict", str(model), "-i", str(scans), "-o", str(out), *more])


def test_onnxruntime_writes_the_labels_that_torch_writes(run, exported, scans, tmp_path):
    assert predict(run, scans, tmp_path / "torch", "--device", "cpu", "--precision", "32-true") == 0
    assert predict(exported / "model.onnx", scans, tmp_path / "file", "--save", "probabilities") == 0
    assert predict(exported, scans, tmp_path / "folder", "--backend", "onnxruntime") == 0
    labels = [read_label(tmp_path / name / "a.nii.gz").array for name in ("torch", "file", "folder")]
    assert len(np.unique(labels[0])) > 1
    assert np.array_equal(labels[0], labels[1])
    assert np.array_equal(labels[0], labels[2])
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in exported.iterdir()}
    assert len(digests) == 1  # one file, nothing half-written beside it


def test_a_file_names_no_folder_of_this_machine(exported):
    """torch notes beside each node in which files its code stands; a path may name a person."""
    content = (exported / "model.onnx").read_bytes()
    assert b"semivox" in content
    assert not [package for package in (semivox, torch) if str(Path(package.__file__).parent).encode() in content]


def test_a_file_that_says_something_else_is_not_kept(run, tmp_path, monkeypatch, capsys):
    session = onnx_file.session

    def wrong(path, patch):
        predict = session(path, patch)
        return lambda image: predict(image).flip(1)

    monkeypatch.setattr(onnx_file, "session", wrong)
    assert exit_code(["export", str(run), "-o", str(tmp_path / "out"), "--to", "onnx"]) == 1
    assert "was not kept" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("opset", [7, 999])
def test_an_opset_that_is_missing_is_a_sentence(run, tmp_path, capsys, opset):
    assert exit_code(["export", str(run), "-o", str(tmp_path / "out"), "--to", "onnx", "--opset", str(opset)]) == 2
    assert f"no opset {opset}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_no_exported_model_is_a_sentence(run, exported, scans, tmp_path, capsys):
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    cases = {
        "semivox export": (run, "--backend", "onnxruntime"),
        "damaged": (tmp_path / "model.onnx",),
        "computes on the CPU": (exported / "model.onnx", "--precision", "bf16-mixed"),
        "no backend": (run, "--backend", "onnxruntim"),
        "exists already": None,
    }
    for said, words in cases.items():
        if words is None:
            assert exit_code(["export", str(run), "-o", str(exported), "--to", "onnx"]) == 2
        else:
            assert predict(words[0], scans, tmp_path / "labels", *words[1:]) == 2, said
        assert said in capsys.readouterr().err
    assert not (tmp_path / "labels").exists()


def test_predict_saves_what_other_tools_open_and_keeps_it_up_to_date(run, tmp_path, capsys):
    made_up.series(tmp_path / "scans" / "ct", made_up.noise((9, 14, 11)))
    words = (tmp_path / "scans", tmp_path / "out", "--save", "entropy,dicom-seg,rtstruct,seg.nrrd,itksnap,nifti,csv")
    code = predict(run, *words)
    assert code == 0, capsys.readouterr().err
    out = tmp_path / "out"
    names = {"dicom-seg": "ct_seg.dcm", "rtstruct": "ct_rtstruct.dcm", "seg-nrrd": "ct.seg.nrrd", "itksnap": "ct.label"}
    names |= {"nifti": "ct.nii.gz", "csv": "classes.csv"}
    for folder, name in names.items():
        assert [path.name for path in (out / folder).iterdir()] == [name]
    label = read_label(out / "ct.nii.gz").array
    assert np.array_equal(read_label(out / "seg-nrrd" / "ct.seg.nrrd").array, label)
    assert pydicom.dcmread(out / "dicom-seg" / "ct_seg.dcm").Modality == "SEG"
    before = {name: (out / folder / name).stat().st_mtime_ns for folder, name in names.items() if folder != "csv"}
    assert predict(run, *words) == 0
    assert before == {
        name: (out / folder / name).stat().st_mtime_ns for folder, name in names.items() if folder != "csv"
    }
    assert predict(run, *words, "--largest-component") == 0  # another label: all follows it
    capsys.readouterr()
    (out / "itksnap" / "ct.label").write_text("mine")
    assert predict(run, *words, "--largest-component") == 2
    assert "left alone" in capsys.readouterr().err
    assert (out / "itksnap" / "ct.label").read_text() == "mine"


def test_a_scan_without_slices_has_no_dicom_segmentation_but_its_label(run, scans, tmp_path, capsys):
    assert predict(run, scans, tmp_path / "out", "--save", "dicom-seg") == 2
    assert "DICOM slices" in capsys.readouterr().err
    assert (tmp_path / "out" / "a.nii.gz").exists()
    assert not (tmp_path / "out" / "dicom-seg").exists()
    assert predict(run, scans, tmp_path / "other", "--save", "dicom-sec") == 2
    assert "dicom-seg" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
