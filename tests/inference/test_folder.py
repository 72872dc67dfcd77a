"""A folder of scans becomes a folder of labels; nothing else is touched."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.inference.folder import predict_folder
from semivox.inference.jobs import safe_name
from semivox.inference.predictor import ScanPredictor

from .conftest import VALUES, ball, bands, save

SHAPE = (20, 18, 16)


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


@pytest.fixture
def predictor(make_plan):
    return ScanPredictor(make_plan(), bands)


def array(spacing=(1.0, 1.0, 1.0)):
    return ball(SHAPE, spacing, radius=6.0)


def labels(values):
    return np.array(VALUES)[values.astype(int)]


def test_every_scan_gets_a_label_on_its_own_grid(scans, tmp_path, predictor):
    save(scans / "knee 1.nii.gz", array(), "LPS")
    save(scans / "hip_0000.nii", array(), "PIR")
    save(scans / "._knee 1.nii.gz", array())
    (scans / "notes.txt").write_text("hello")
    out = tmp_path / "out"
    seen = []
    paths = predict_folder(scans, out, predictor, 1, progress=lambda *state: seen.append(state)).labels
    assert [path.name for path in paths] == ["hip.nii.gz", "knee 1.nii.gz"]
    assert seen == [(1, 2, "hip"), (2, 2, "knee 1")]
    assert {path.name for path in out.iterdir()} == {"hip.nii.gz", "knee 1.nii.gz", "origins"}
    for path, source in zip(paths, ("hip_0000.nii", "knee 1.nii.gz")):
        result, original = nib.load(path), nib.load(scans / source)
        np.testing.assert_allclose(result.affine, original.affine, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(result.dataobj), labels(array()))


def test_maps_stand_beside_the_label(scans, tmp_path, make_plan):
    save(scans / "a.nii.gz", array())
    predictor = ScanPredictor(make_plan(), bands, other=bands)
    predict_folder(scans, tmp_path / "out", predictor, 1, maps=("probabilities", "entropy", "disagreement"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.nii.gz", "a_entropy.nii.gz", "a_disagreement.nii.gz",
        "a_probability_class_0.nii.gz", "a_probability_class_7.nii.gz", "a_probability_class_300.nii.gz", "origins",
    }  # fmt: skip
    probability = nib.load(tmp_path / "out" / "a_probability_class_7.nii.gz")
    np.testing.assert_allclose(probability.get_fdata(), array() == 1, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_other_formats_keep_theirs(scans, tmp_path, predictor, suffix):
    image = sitk.GetImageFromArray(array().transpose(2, 1, 0))
    image.SetOrigin((5.0, 6.0, 7.0))
    sitk.WriteImage(image, str(scans / f"a{suffix}"))
    (path,) = predict_folder(scans / f"a{suffix}", tmp_path / "out", predictor, 1).labels
    assert path.name == f"a{suffix}"
    result = sitk.ReadImage(str(path))
    assert result.GetOrigin() == (5.0, 6.0, 7.0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result).transpose(2, 1, 0), labels(array()))


def write_series(folder):
    """A CT series as a scanner would write it: one file a slice, Hounsfield units by a slope and intercept."""
    folder.mkdir()
    image = sitk.Cast(sitk.GetImageFromArray(array().transpose(2, 1, 0)), sitk.sitkInt16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(SHAPE[2]):
        plane = image[:, :, k]
        for tag, value in {
            "0008|0060": "CT", "0020|000d": "1.2.3", "0020|000e": "1.2.3.4", "0008|0018": f"1.2.3.4.{k + 1}",
            "0020|0032": f"0\\0\\{k}", "0020|0037": "1\\0\\0\\0\\1\\0", "0020|0013": str(k + 1),
        }.items():  # fmt: skip
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k:03d}.dcm"))
        writer.Execute(plane)


def test_a_dicom_series_is_one_scan_alone_or_among_others(scans, tmp_path, predictor):
    write_series(scans / "patient 1")
    save(scans / "b.nii.gz", array())
    both = predict_folder(scans, tmp_path / "both", predictor, 1).labels
    (alone,) = predict_folder(scans / "patient 1", tmp_path / "alone", predictor, 1).labels
    assert [path.name for path in both] == ["b.nii.gz", "patient 1.nii.gz"]
    for path in (alone, both[1]):
        image = nib.as_closest_canonical(nib.load(path))
        # DICOM's first two axes run to the left and back, RAS+ the other way
        np.testing.assert_array_equal(np.asarray(image.dataobj), labels(array())[::-1, ::-1])


def test_channels_of_a_case_go_together(scans, tmp_path, make_plan):
    for number in range(2):
        save(scans / f"a_{number:04d}.nii.gz", array() + 9 * number)
        save(scans / f"b_{number:04d}.nii.gz", array() + 9 * number)
    predictor = ScanPredictor(make_plan(channels=2), bands)
    assert [path.name for path in predict_folder(scans, tmp_path / "out", predictor, 2).labels] == [
        "a.nii.gz",
        "b.nii.gz",
    ]
    (single,) = predict_folder(scans / "b_0001.nii.gz", tmp_path / "one", predictor, 2).labels
    np.testing.assert_array_equal(np.asarray(nib.load(single).dataobj), labels(array()))


def test_a_missing_channel_is_named(scans, tmp_path, make_plan):
    save(scans / "a_0001.nii.gz", array())
    for number in (0, 2):
        save(scans / f"b_{number:04d}.nii.gz", array())
    with pytest.raises(InputError, match=r"(?s)2 of 2.*a: .*the model needs 2.*b: channel 1 is missing.*b_0002"):
        predict_folder(scans, tmp_path / "out", ScanPredictor(make_plan(channels=2), bands), 2)


def test_numbered_scans_of_a_one_channel_model_are_scans(scans, tmp_path, predictor):
    for number in range(3):
        save(scans / f"frame_{number:04d}.nii.gz", array())
    names = [path.name for path in predict_folder(scans, tmp_path / "out", predictor, 1).labels]
    assert names == [f"frame_{number:04d}.nii.gz" for number in range(3)]


def test_finished_scans_are_left_alone_unless_overwritten(scans, tmp_path, make_plan):
    save(scans / "a.nii.gz", array())
    save(scans / "b.nii.gz", array())
    calls = []

    def counting(image):
        calls.append(1)
        return bands(image)

    predictor, out = ScanPredictor(make_plan(patch=SHAPE), counting), tmp_path / "out"
    first = predict_folder(scans, out, predictor, 1).labels
    assert len(calls) == 2
    (out / "b.nii.gz").unlink()
    assert predict_folder(scans, out, predictor, 1).labels == first
    assert len(calls) == 3
    predict_folder(scans, out, predictor, 1, maps=("entropy",))  # a map is missing: not finished
    assert len(calls) == 5
    predict_folder(scans, out, predictor, 1, overwrite=True)
    assert len(calls) == 7


def test_a_bad_scan_does_not_stop_the_others_and_is_named(scans, tmp_path, predictor):
    save(scans / "good.nii.gz", array())
    (scans / "bad.nii.gz").write_bytes((scans / "good.nii.gz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"(?s)1 of 2 scans.*bad: "):
        predict_folder(scans, tmp_path / "out", predictor, 1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.nii.gz", "origins"]


def test_a_fault_of_the_network_is_not_hidden(scans, tmp_path, make_plan):
    save(scans / "a.nii.gz", array())

    def broken(image):
        raise KeyError("fault")

    with pytest.raises(KeyError):
        predict_folder(scans, tmp_path / "out", ScanPredictor(make_plan(), broken), 1)


def test_the_input_folder_is_never_written_to(scans, predictor):
    path = save(scans / "a.nii.gz", array())
    before = path.read_bytes()
    for inputs, out in ((scans, scans), (path, scans), (scans, scans / "x" / "..")):
        with pytest.raises(InputError, match="folder of the scans"):
            predict_folder(inputs, out, predictor, 1)
    with pytest.raises(InputError, match="must be a folder"):
        predict_folder(scans, scans.parent / "result.nii.gz", predictor, 1)
    assert [file.name for file in scans.iterdir()] == ["a.nii.gz"]
    assert path.read_bytes() == before


def test_a_whole_data_set_is_answered_with_its_folder_of_scans(scans, tmp_path, predictor):
    path = tmp_path / "set"
    for name in ("imagesTr", "imagesTs", "labelsTr"):
        (path / name).mkdir(parents=True)
        save(path / name / "a_0000.nii.gz", array())
    with pytest.raises(
        InputError, match=r"holds no scan itself; give the folder of its scans: \S*imagesTs or \S*imagesTr$"
    ):
        predict_folder(path, tmp_path / "out", predictor, 1)


def test_nothing_to_do_is_an_error(scans, tmp_path, predictor):
    with pytest.raises(InputError, match="holds no scan"):
        predict_folder(scans, tmp_path / "out", predictor, 1)
    with pytest.raises(InputError, match="does not exist"):
        predict_folder(scans / "nowhere", tmp_path / "out", predictor, 1)


def test_two_scans_with_one_result_are_refused_before_any_work(scans, tmp_path, predictor):
    save(scans / "A.nii.gz", array())
    save(scans / "a.nii.gz", array())
    with pytest.raises(InputError, match="the same name"):
        predict_folder(scans, tmp_path / "out", predictor, 1)
    assert not (tmp_path / "out").exists()


def test_names_cannot_lead_out_of_the_folder():
    for name in ("../../etc/passwd", "..", "a/b", "a\\b", "c:d", "x" * 400, "é" * 300, "", "\n"):
        safe = safe_name(name)
        assert safe
        assert not set(safe) & set('/\\:*?"<>|\n')
        assert not safe.startswith(".")
        assert len(safe.encode()) <= 120
    assert safe_name("Knie links (2), größer") == "Knie links (2), größer"
    assert safe_name("x" * 400) != safe_name("x" * 401)
