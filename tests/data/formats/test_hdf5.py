"""Image and label of one HDF5 file: read apart, and what is wrong with a file is said."""

from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest

from semivox.core.geometry import Grid
from semivox.data.formats.scan import ScanError
from semivox.data.formats.volume import read, read_grid, read_label, stem
from tests.data.released import made_up, write_h5


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Q1" / "mri_norm2.h5"
    write_h5(path, *made_up(0))
    return path


def test_image_and_label_are_read_as_they_lie_in_the_file(file):
    image, label = made_up(0)
    volume = read([file])
    np.testing.assert_array_equal(volume.array, image[None])
    assert volume.array.dtype == np.float32
    assert volume.spacing == (0.625, 0.625, 0.625)
    np.testing.assert_array_equal(volume.grid.affine, np.diag([0.625, 0.625, 0.625, 1]))
    np.testing.assert_array_equal(read_label(file, volume.source).array[0], label)
    assert isinstance(read_grid(file), Grid)
    assert read_grid(file).shape == image.shape


def test_the_case_is_named_after_the_folder(file, monkeypatch):
    assert stem(file) == "Q1"
    monkeypatch.chdir(file.parent)
    assert stem(file.relative_to(file.parent)) == "Q1"


def test_the_image_is_read_without_the_label(file):
    with h5py.File(file, "a") as inside:
        del inside["label"]
    assert read([file]).array.shape[0] == 1
    with pytest.raises(ScanError, match="has no dataset 'label' of its own; it holds image"):
        read_label(file)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-500])


def damaged(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


def replaced(make):
    def change(path):
        with h5py.File(path, "a") as inside:
            del inside["image"]
            make(inside)

    return change


def sized(edge):
    return lambda inside: inside.create_dataset("image", (edge, edge, edge), "f4", chunks=True)


def linked(link):
    return lambda inside: inside.__setitem__("image", link)


def outside(inside):
    inside.create_dataset("image", (4, 4, 4), "f4", external=[("/etc/passwd", 0, 256)])


def virtual(inside):
    layout = h5py.VirtualLayout((4, 4, 4), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "image", (4, 4, 4))
    inside.create_virtual_dataset("image", layout)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut_short, "is damaged"),
        (damaged, "is damaged"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"no such thing"), r"is not a \.h5 file"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"),
        (lambda path: path.unlink(), "does not exist"),
        (replaced(lambda inside: None), "has no dataset 'image' of its own; it holds label"),
        (replaced(lambda inside: inside.create_group("image")), "has no dataset 'image' of its own"),
        (replaced(lambda inside: inside.create_dataset("image", data=np.zeros((4, 4)))), "is not a volume"),
        (replaced(lambda inside: inside.create_dataset("image", data=b"text")), "not of plain numbers"),
        (replaced(sized(1 << 20)), "damaged or made up"),
        (replaced(sized(1024)), "cannot hold"),
        (replaced(linked(h5py.ExternalLink("/etc/passwd", "/image"))), "of its own"),
        (replaced(linked(h5py.SoftLink("/label"))), "of its own"),
        (replaced(virtual), "stands in other files"),
        (replaced(outside), "stands in other files"),
    ],
)
def test_what_is_wrong_is_a_sentence_that_names_the_file(file, change, says):
    change(file)
    with pytest.raises(ScanError, match=says) as caught:
        read([file])
    assert str(file) in str(caught.value)


def test_without_h5py_the_sentence_says_what_to_install(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ScanError, match=r"needs h5py\. Run: python -m pip install 'semivox\[h5\]'"):
        read([file])
