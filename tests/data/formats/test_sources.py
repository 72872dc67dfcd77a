"""The files of a scan, and a digest that tells whether they are the same ones."""

import gzip
import hashlib
import os
import shutil
import time

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.data.formats import volume
from semivox.data.formats.sources import digest_of, digest_of_files, files_of


@pytest.fixture(params=[".nii.gz", ".nii", ".mhd", ".nhdr"])
def folder(request, tmp_path):
    """Two scans, one of them labeled."""
    for place, names in {"images": ("a", "b"), "labels": ("a",)}.items():
        (tmp_path / "data" / place).mkdir(parents=True)
        for name in names:
            image = sitk.GetImageFromArray(np.arange(512, dtype=np.uint8).reshape(8, 8, 8) % 3)
            sitk.WriteImage(image, str(tmp_path / "data" / place / f"{name}{request.param}"))
    return tmp_path / "data"


def digest(folder):
    return digest_of_files(layouts.find(folder))


def test_a_copy_elsewhere_with_other_times_is_the_same_data_set(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "scratch", copy_function=shutil.copyfile)
    for file in (tmp_path / "scratch").rglob("*.*"):
        os.utime(file, (1, 1))
    assert digest(tmp_path / "scratch") == digest(folder)


def test_one_voxel_of_a_label_counts(folder):
    before = digest(folder)
    path = next(file for file in (folder / "labels").iterdir() if file.suffix not in (".mhd", ".nhdr"))
    packed = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    content[-200] ^= 3
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
    assert digest(folder) != before


def test_names_and_files_count(folder):
    before = digest(folder)
    for path in (folder / "images").glob("b*"):
        path.rename(path.with_name(path.name.replace("b", "c")))
    assert digest(folder) != before


def test_a_scan_has_the_files_that_hold_its_voxels(folder):
    scan = next(iter(sorted((folder / "images").iterdir())))
    found = files_of(scan)
    assert found[0] == scan
    assert sum(path.stat().st_size for path in found) > 512 or scan.name.endswith(".gz")


def test_a_damaged_header_is_left_to_whoever_opens_the_scan(tmp_path):
    (tmp_path / "a.mhd").write_text("not a header")
    assert files_of(tmp_path / "a.mhd") == (tmp_path / "a.mhd",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(folder):
    path = next((folder / "labels").iterdir())
    path.chmod(0)
    with pytest.raises(InputError, match=path.name):
        digest(folder)


def test_every_byte_of_a_file_of_several_gzip_blocks_counts(tmp_path):
    for name, first in (("a", b"1" * 100), ("b", b"2" * 100)):
        (tmp_path / name).write_bytes(gzip.compress(first, mtime=0) + gzip.compress(b"the same end", mtime=0))
    one, other = ((tmp_path / name).read_bytes() for name in "ab")
    assert len(one) == len(other)
    assert one[-8:] == other[-8:]
    assert digest_of(tmp_path / "a") != digest_of(tmp_path / "b")


def test_a_file_is_read_again_when_it_has_changed_and_not_before(tmp_path, monkeypatch):
    path, read = tmp_path / "a", []
    path.write_bytes(b"one")
    hashed, now = hashlib.file_digest, time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3_000_000_000)  # the file was changed a while ago
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: read.append(1) or hashed(*given))
    first = digest_of(path)
    assert digest_of(path) == first
    assert len(read) == 1
    monkeypatch.undo()
    path.write_bytes(b"two")  # the same size, changed just now
    assert digest_of(path) != first
    path.write_bytes(b"six")
    assert digest_of(path) == hashlib.sha256(b"six").hexdigest()


def test_bytes_that_were_exchanged_with_the_times_put_back_are_noticed(tmp_path, monkeypatch):
    path, now = tmp_path / "a", time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3_000_000_000)
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    first = digest_of(path)
    path.write_bytes(b"two")
    os.utime(path, (1, 1))
    assert digest_of(path) != first


def test_pipes_and_devices_are_refused_at_once(folder):
    path = next(iter((folder / "labels").iterdir()))
    for make in (os.mkfifo, lambda name: os.symlink("/dev/zero", name)):
        path.unlink()
        make(path)
        with pytest.raises(InputError, match="is a pipe or a device"):
            digest_of(path)
        with pytest.raises(InputError, match="is a pipe or a device"):
            digest(folder)
        if path.suffix not in (".raw", ".zraw"):
            with pytest.raises(InputError, match="is a pipe or a device"):
                volume.read_label(path)
