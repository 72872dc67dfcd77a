"""A result is known by what made it: none is taken for another's, none of another's is overwritten."""

import os

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.data.formats import volume
from semivox.data.formats.sources import fresh_digest_of
from semivox.data.origins import Origin, made_since
from semivox.inference.folder import predict_folder
from semivox.inference.jobs import safe_name
from semivox.inference.predictor import ScanPredictor

from .conftest import ball, bands, save

SHAPE = (20, 18, 16)


def small(radius=6.0, shape=SHAPE):
    return ball(shape, (1.0, 1.0, 1.0), radius=radius)


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", "in"):
        (tmp_path / name).mkdir()
    return tmp_path


class Counting:
    """A network that counts the scans it sees."""

    def __init__(self, make_plan, **options):
        self.calls = 0
        self.plan = make_plan(patch=(64, 64, 64))
        self.options = options

    def __call__(self, image):
        self.calls += 1
        return bands(image)

    def into(self, inputs, out, maps=(), overwrite=False, **options):
        given = {"model": "first", **self.options, **options}
        return predict_folder(inputs, out, ScanPredictor(self.plan, self, **given), 1, maps=maps, overwrite=overwrite)


@pytest.fixture
def network(make_plan):
    return Counting(make_plan)


def content(path):
    return np.asarray(nib.load(path).dataobj)


def test_the_same_scan_model_and_options_are_left_alone_also_after_a_move(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    assert network.into(folder / "in", folder / "out").kept == 0
    again = network.into(folder / "in", folder / "out")
    assert (again.kept, again.again, network.calls) == (1, [], 1)
    (folder / "in").rename(folder / "moved")
    assert network.into(folder / "moved", folder / "out").kept == 1
    assert network.calls == 1


@pytest.mark.parametrize(
    "options",
    [{"model": "second"}, {"mirror": True}, {"largest_component": True}, {"overlap": 0.25}, {"blend": "uniform"},
     {"precision": "bf16-mixed"}, {"stride": (8, 8, 8)}],
)  # fmt: skip
def test_another_model_or_option_labels_again(folder, network, options):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out")
    before = network.calls
    assert network.into(folder / "in", folder / "out", **options).again == ["ct"]
    assert network.calls > before


def test_a_scan_exported_again_under_its_name_is_labeled_again(folder, network):
    path = save(folder / "in" / "ct.nii.gz", small(4.0))
    network.into(folder / "in", folder / "out")
    stamp = path.stat()
    save(folder / "in" / "ct.nii.gz", small(7.0))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # not even its time tells
    assert network.into(folder / "in", folder / "out").again == ["ct"]
    assert (content(folder / "out" / "ct.nii.gz") > 0).sum() == (small(7.0) > 0).sum()


def test_another_grid_under_the_same_name_is_labeled_again(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out")
    save(folder / "in" / "ct.nii.gz", small(shape=(20, 18, 12)))
    network.into(folder / "in", folder / "out")
    assert content(folder / "out" / "ct.nii.gz").shape == (20, 18, 12)


def test_another_patients_label_of_the_same_name_is_not_overwritten(folder, network):
    save(folder / "a" / "ct.nii.gz", small(4.0))
    save(folder / "b" / "ct.nii.gz", small(7.0))
    network.into(folder / "a", folder / "out")
    before = content(folder / "out" / "ct.nii.gz")
    with pytest.raises(InputError, match=r"ct\.nii\.gz is kept: it was made from another scan.*--out"):
        network.into(folder / "b", folder / "out")
    assert np.array_equal(content(folder / "out" / "ct.nii.gz"), before)
    network.into(folder / "b", folder / "out", overwrite=True)
    assert (content(folder / "out" / "ct.nii.gz") > 0).sum() == (small(7.0) > 0).sum()


@pytest.mark.parametrize("how", ["corrected", "foreign", "damaged record"])
def test_what_somebody_else_made_or_changed_is_not_overwritten(folder, network, how):
    save(folder / "in" / "ct.nii.gz", small())
    label = folder / "out" / "ct.nii.gz"
    network.into(folder / "in", folder / "out")
    if how == "corrected":
        save(label, small(2.0).astype(np.uint8))
    elif how == "foreign":
        (folder / "out" / "origins" / "ct.json").unlink()
    else:
        (folder / "out" / "origins" / "ct.json").write_text("{")
    before = label.read_bytes()
    with pytest.raises(InputError, match="is kept"):
        network.into(folder / "in", folder / "out", model="second")
    assert label.read_bytes() == before


def test_a_map_of_an_earlier_model_does_not_stay_beside_a_new_label(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out", maps=("entropy",))
    assert (folder / "out" / "ct_entropy.nii.gz").exists()
    network.into(folder / "in", folder / "out", model="second")
    assert not (folder / "out" / "ct_entropy.nii.gz").exists()


def test_a_map_that_is_gone_or_changed_is_made_again(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out", maps=("entropy",))
    entropy = folder / "out" / "ct_entropy.nii.gz"
    made = content(entropy)
    for spoil in (entropy.unlink, lambda: entropy.write_bytes(b"else")):
        spoil()
        network.into(folder / "in", folder / "out", maps=("entropy",))
        assert np.array_equal(content(entropy), made)


def test_a_label_whose_record_was_cut_off_by_a_kill_counts_as_not_made(folder, network, monkeypatch):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out")

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("semivox.inference.folder.write_label", killed)
    with pytest.raises(KeyboardInterrupt):
        network.into(folder / "in", folder / "out", model="second")
    assert not (folder / "out" / "origins" / "ct.json").exists()
    assert not (folder / "out" / "ct.nii.gz").exists()


def test_a_label_never_stands_without_its_record(folder, network, monkeypatch):
    """A kill between the two would leave a label that the same command takes for somebody's, and refuses to replace."""
    save(folder / "in" / "ct.nii.gz", small())
    label, record, put, placed = folder / "out" / "ct.nii.gz", folder / "out" / "origins" / "ct.json", volume.put, []

    def looking(temporary, path):
        if path == label:
            placed.append(Origin.load(record).files)
            assert placed[-1][label.name] == fresh_digest_of(temporary)
        put(temporary, path)

    monkeypatch.setattr(volume, "put", looking)
    network.into(folder / "in", folder / "out", maps=("entropy",))
    assert [set(files) for files in placed] == [{"ct.nii.gz", "ct_entropy.nii.gz"}]
    label.unlink()  # as after a kill in that moment
    assert not made_since(record, label, 0, "first", Origin.load(record).options)
    assert network.into(folder / "in", folder / "out", maps=("entropy",)).kept == 0
    assert made_since(record, label, 0, "first", Origin.load(record).options)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["patient_0001", "patient_0002"], ["patient_0001", "patient_0002"]),
        (["anna_0001", "bert_0002"], ["anna_0001", "bert_0002"]),
        (["hip_0000", "knee_0000"], ["hip", "knee"]),
        (["frame_0000", "frame_0001"], ["frame_0000", "frame_0001"]),
    ],
)
def test_a_number_is_a_channel_only_where_the_model_can_have_it(folder, network, names, labels):
    for number, name in enumerate(names):
        save(folder / "in" / f"{name}.nii.gz", small(3.0 + number))
    at_once = [path.name for path in network.into(folder / "in", folder / "out").labels]
    assert at_once == [f"{name}.nii.gz" for name in labels]
    one_by_one = [network.into(folder / "in" / f"{name}.nii.gz", folder / "single").labels[0].name for name in names]
    assert one_by_one == at_once


def test_no_two_cases_share_a_file():
    names = ["p 12:30", "p 12_30", "p 12/30", "p 12*30", "a", "a.", " a", "", "scan", "x" * 130, "x" * 131]
    assert len({safe_name(name) for name in names}) == len(names)
    assert safe_name("patient 7") == "patient 7"


def test_a_record_names_no_folder(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    network.into(folder / "in", folder / "out")
    assert str(folder) not in (folder / "out" / "origins" / "ct.json").read_text()


def test_a_pipe_among_the_scans_is_refused_before_it_is_waited_for(folder, network):
    save(folder / "in" / "ct.nii.gz", small())
    os.mkfifo(folder / "in" / "pipe.nii.gz")
    with pytest.raises(InputError, match=r"1 of 2 scans.*\n  pipe: .*pipe\.nii\.gz"):
        network.into(folder / "in", folder / "out")
    assert (folder / "out" / "ct.nii.gz").exists()
