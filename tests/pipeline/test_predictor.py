"""The model as an object: what it says of an array is what the command writes for the file that holds it."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests.fresh import printed
from tests.training import tiny

VALUES = {0, 200}
LAS = np.array([[-0.9, 0, 0, 5], [0, 1.1, 0, -7], [0, 0, 1.5, 3], [0, 0, 0, 1.0]])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model that knows bright balls, whose label value is 200."""
    root = tmp_path_factory.mktemp("run")
    store, split, plan = tiny.prepared(root, steps=60)
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="ball", value=200))
    plan = plan.model_copy(update={"classes": classes, "precision": "bf16-mixed"})
    train_run(RunSpec(RunFolder(root / "run"), store, split, plan, tiny.config("supervised")))
    return root / "run"


@pytest.fixture(scope="module")
def image(run):
    return np.asarray(nib.load(run.parent / "data" / "images" / "case5.nii.gz").dataobj)


@pytest.mark.parametrize("affine", [None, LAS], ids=["spacing", "affine"])
def test_an_array_gets_the_label_that_its_file_gets(run, image, tmp_path, affine):
    matrix = np.diag([1.0, 1.0, 1.5, 1.0]) if affine is None else affine
    (tmp_path / "in").mkdir()
    nib.save(nib.Nifti1Image(image, matrix), tmp_path / "in" / "scan.nii.gz")
    semivox.predict(run, tmp_path / "in", tmp_path / "out", device="cpu", save=["probabilities"])
    written = np.asarray(nib.load(tmp_path / "out" / "scan.nii.gz").dataobj)
    predictor = semivox.Predictor(run, device="cpu")
    where = {"spacing": (1.0, 1.0, 1.5)} if affine is None else {"affine": affine}
    found = predictor(image, **where, maps=["probabilities"])
    assert set(np.unique(written)) == VALUES == {info.value for info in predictor.plan.classes}
    np.testing.assert_array_equal(found.label, written)
    ball = np.asarray(nib.load(tmp_path / "out" / "scan_probability_ball.nii.gz").dataobj)
    np.testing.assert_array_equal(found.probabilities[1], ball)
    np.testing.assert_array_equal(predictor(tmp_path / "in" / "scan.nii.gz").label, written)
    np.testing.assert_array_equal(predictor([str(tmp_path / "in" / "scan.nii.gz")]).label, written)
    assert predictor(image, **where).probabilities is None


def test_windows_are_placed_as_the_command_places_them(run, image, tmp_path):
    nib.save(nib.Nifti1Image(image, np.eye(4)), tmp_path / "scan.nii.gz")
    windows = {"stride": (5, 7, 3), "blend": "uniform"}
    semivox.predict(run, tmp_path / "scan.nii.gz", tmp_path / "out", device="cpu", save=["probabilities"], **windows)
    written = np.asarray(nib.load(tmp_path / "out" / "scan_probability_ball.nii.gz").dataobj)
    found = semivox.Predictor(run, device="cpu", **windows)(image, (1, 1, 1), maps=["probabilities"])
    np.testing.assert_array_equal(found.probabilities[1], written)
    plain = semivox.Predictor(run, device="cpu")(image, (1, 1, 1), maps=["probabilities"])
    assert not np.array_equal(plain.probabilities[1], written)


def test_channels_first_and_any_number_type_are_understood(run, image):
    predictor = semivox.Predictor(run, device="cpu")
    plain = predictor(image, (1.0, 1.0, 1.5)).label
    np.testing.assert_array_equal(predictor(image[None].astype(np.float64), (1.0, 1.0, 1.5)).label, plain)
    whole = (1000 * image).astype(np.int16)
    assert (predictor(whole, (1.0, 1.0, 1.5)).label == plain).mean() > 0.999


@pytest.mark.parametrize(
    ("scan", "where", "said"),
    [
        (np.zeros((8, 8)), {"spacing": (1, 1, 1)}, r"array of numbers.*received float64 of shape \(8, 8\)"),
        (np.zeros((8, 8, 8), complex), {"spacing": (1, 1, 1)}, "received complex128"),
        (np.zeros((8, 8, 0)), {"spacing": (1, 1, 1)}, "an axis of no voxels"),
        (np.zeros((2, 8, 8, 8)), {"spacing": (1, 1, 1)}, "2 channel.*trained on 1: MR"),
        (np.full((8, 8, 8), np.nan), {"spacing": (1, 1, 1)}, "the array: 512 of 512 voxels are NaN"),
        (np.zeros((8, 8, 8)), {}, "how large its voxels are; give spacing"),
        (np.zeros((8, 8, 8)), {"spacing": (1, 1)}, "three positive numbers"),
        (np.zeros((8, 8, 8)), {"spacing": (1, 1, -1)}, "three positive numbers"),
        (np.zeros((8, 8, 8)), {"spacing": (1, 1, 1e9)}, "the header gives voxels of"),
        (np.zeros((8, 8, 8)), {"affine": np.eye(3)}, r"\(4, 4\) matrix"),
        (np.zeros((8, 8, 8)), {"affine": np.zeros((4, 4))}, "can be inverted"),
        (np.zeros((8, 8, 8)), {"affine": LAS, "spacing": (1, 1, 1)}, "not that of the affine"),
        ("scan.nii.gz", {"spacing": (1, 1, 1)}, "for arrays"),
        ([3], {}, "received 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(run, scan, where, said):
    with pytest.raises(InputError, match=said):
        semivox.Predictor(run, device="cpu")(scan, **where)


def test_the_same_model_and_scan_give_the_same_bits_in_every_process(run, tmp_path):
    """As an array and by the command, whatever the machine does meanwhile: nothing is timed."""
    scans = run.parent / "data" / "images"
    asked = ["predict", run, "-i", scans, "--device", "cpu", "--save", "probabilities,entropy"]
    words = [[str(word) for word in (*asked, "-o", tmp_path / out)] for out in ("here", "elsewhere")]
    code = (
        "import hashlib, numpy as np, semivox; from semivox.cli import exit_code; "
        f"image = np.random.default_rng(0).normal(size=(20, 24, 16)).astype('float32'); "
        f"found = semivox.Predictor({str(run)!r}, device='cpu')(image, (1, 1, 1.5), maps=['probabilities']); "
        "print(hashlib.sha256(found.probabilities.tobytes()).hexdigest()); "
        f"assert exit_code({words[1]!r}) == 0"
    )
    image = np.random.default_rng(0).normal(size=(20, 24, 16)).astype("float32")
    here = semivox.Predictor(run, device="cpu")(image, (1, 1, 1.5), maps=["probabilities"]).probabilities
    assert printed(code).split()[0] == hashlib.sha256(here.tobytes()).hexdigest()
    single = semivox.Predictor(run, device="cpu", precision="32-true")
    assert (single(image, (1, 1, 1.5), maps=["probabilities"]).probabilities != here).any()
    assert exit_code(words[0]) == 0
    found = [{path.name: path.read_bytes() for path in Path(out).glob("*.nii.gz")} for *_, out in words]
    assert len(found[0]) == 4 * len(list(scans.glob("*.nii.gz")))  # label, entropy, and two classes
    assert found[0] == found[1]
