"""No header reads a file outside of its folder, whatever looks like a line's end; no claim takes memory or time."""

from __future__ import annotations

import bz2
import gzip
import os
import random
import time
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.data.formats import integrity, volume
from tests import bombs as zeros
from tests.data.formats.text_files import META, NRRD, NRRD_MORE, metaimage, nrrd

LINE_ENDS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\0"]
"""What Python takes for the end of a line and a header does not, and a zero byte."""
SECRET = b"secret" * 1000


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_no_line_hides_another_file(tmp_path, end):
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "data").mkdir()
    hidden = {
        "a.nrrd": (nrrd, {"content": f"a{end}data file: ../secret"}),
        "a.nhdr": (nrrd, {"content": f"a{end}data file: ../secret"}),
        "a.mha": (metaimage, {"Comment": f"a{end}ElementDataFile = ../secret"}),
        "a.mhd": (metaimage, {"Comment": f"a{end}ElementDataFile = ../secret"}),
    }
    for name, (write, fields) in hidden.items():
        path = write(tmp_path / "data" / name, fields)
        if ord(end) > 0x7F:  # such characters are part of the comment
            assert SECRET[:100] not in volume.read_scan(path).array.tobytes("F")
        else:
            with pytest.raises(InputError, match="control character"):
                volume.read_scan(path)
        assert all(file.parent == path.parent for file in volume.registry.require(path).files(path))


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "..", "b\\..\\secret", "LIST", "a%03d.raw 1 9 1", "", "../data/a.bin"]
)
def test_voxels_lie_beside_their_header(tmp_path, name):
    for path, write, key in ((tmp_path / "a.nrrd", nrrd, "data file"), (tmp_path / "a.nhdr", nrrd, "data file")):
        write(path, {})
        lines = [line for line in path.read_bytes().split(b"\n\n")[0].split(b"\n") if not line.startswith(b"data")]
        path.write_bytes(b"\n".join([*lines, f"{key}: {name}".encode()]) + b"\n\n")
        with pytest.raises(InputError, match=r"another folder|no single file"):
            volume.read_scan(path)


def bombs(folder):
    """Files of some kilobytes that claim, or unpack to, gigabytes."""
    claim = {"sizes": "1500 1500 1500"}
    yield nrrd(folder / "a.nrrd", {"encoding": "gzip", **claim}, gzip.compress(bytes(1 << 20)))
    yield nrrd(folder / "b.nrrd", {"encoding": "gzip"}, zeros.gzipped(256))
    yield nrrd(folder / "c.nrrd", {"encoding": "bzip2"}, bz2.compress(bytes(1 << 24), 9) * 16)
    yield metaimage(folder / "d.mha", {"CompressedData": "True"}, zeros.zlibbed(256))
    yield metaimage(folder / "e.mha", {"DimSize": "1500 1500 1500"})
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    nib.save(image, folder / "f.nii")
    head = bytearray((folder / "f.nii").read_bytes())
    (folder / "g.nii.gz").write_bytes(zeros.gzipped(256, bytes(head)))
    head[42:48] = np.int16([1500, 1500, 1500]).tobytes()
    (folder / "h.nii.gz").write_bytes(gzip.compress(bytes(head)))
    yield from (folder / "g.nii.gz", folder / "h.nii.gz")


def test_bombs_end_in_a_sentence_in_little_memory(tmp_path):
    for path in bombs(tmp_path):
        tracemalloc.start()
        begin = time.process_time()
        with pytest.raises(InputError, match=path.name):
            volume.read_scan(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 << 20
        assert time.process_time() - begin < 10


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.nhdr", "a.mhd", "a.bin of a.nhdr"])
def test_far_more_bytes_than_the_header_calls_for_are_refused_unread(tmp_path, name):
    """A terabyte of zeros takes no room on a disk, and hours to read."""
    name, _, header = name.partition(" of ")
    path = tmp_path / (header or name)
    if path.suffix in (".nrrd", ".nhdr"):
        nrrd(path, {})
    elif path.suffix in (".mha", ".mhd"):
        metaimage(path, {})
    else:
        nib.save(nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), path)
    assert volume.read_scan(path).array.shape == (1, 4, 5, 6)
    os.truncate(tmp_path / name, 1 << 40)
    with pytest.raises(InputError, match=r"holds far more than|header"):
        volume.read_scan(path)


@pytest.mark.parametrize(
    ("fields", "said"), [({"ObjectType": "Mesh"}, "is no image"), ({"CompressedData": "perhaps"}, "neither True nor")]
)
def test_a_metaimage_that_is_none_or_says_neither_yes_nor_no_is_refused(tmp_path, fields, said):
    with pytest.raises(InputError, match=said):
        volume.read_scan(metaimage(tmp_path / "a.mha", fields))


def test_what_does_not_fit_in_the_free_memory_is_refused(tmp_path, monkeypatch):
    path = nrrd(tmp_path / "a.nrrd", {})
    monkeypatch.setattr(integrity, "available", lambda: 100)
    with pytest.raises(InputError, match=r"a\.nrrd takes 240 bytes of memory, and 100 bytes are free"):
        volume.read_scan(path)


def mutants(seed: int, rounds: int, folder):
    """Headers of all variants with bytes changed, cut, doubled, and values put where others were."""
    chance = random.Random(seed)
    files = [nrrd(folder / f"{number}.nrrd", *given) for number, given in enumerate((NRRD | NRRD_MORE).values())]
    files += [metaimage(folder / f"{number}.mha", *given) for number, given in enumerate(META.values())]
    wild = (
        b"-1",
        b"99999999999",
        b"1e308",
        b"nan",
        b"none",
        b"(",
        b"",
        b"\xff\xfe",
        b":=",
        b"= =",
        b"%d",
        b"4294967296",
    )
    for _ in range(rounds):
        path = chance.choice(files)
        data = path.read_bytes()
        end = max(data.find(b"\n\n"), data.find(b"LOCAL")) + 8
        head = bytearray(data[:end])
        for _ in range(chance.choice((1, 1, 2, 5))):
            place, kind = chance.randrange(len(head)), chance.randrange(4)
            if kind == 0:
                head[place] = chance.randrange(256)
            elif kind == 1:
                del head[place : place + chance.choice((1, 3, 20))]
            elif kind == 2:
                head[place:place] = head[place : place + chance.choice((1, 8, 40))]
            else:
                words = bytes(head).split(b" ")
                words[chance.randrange(len(words))] = chance.choice(wild)
                head = bytearray(b" ".join(words))
        mutant = folder / f"mutant{path.suffix}"
        mutant.write_bytes(bytes(head) + data[end:])
        yield mutant


def survive(seed: int, rounds: int, folder) -> None:
    for path in mutants(seed, rounds, folder):
        tracemalloc.start()
        begin = time.process_time()
        try:
            scan = volume.read_scan(path)
            assert scan.array.shape == (scan.header.channels, *scan.header.grid.shape)
        except InputError as error:
            told = str(error)
            assert path.name in told
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 << 20
        assert time.process_time() - begin < 2


def test_changed_headers_are_read_or_refused(tmp_path):
    survive(1, 400, tmp_path)


@pytest.mark.slow
def test_very_many_changed_headers_are_read_or_refused(tmp_path):
    survive(2, 50_000, tmp_path)


def test_a_name_of_voxels_that_no_system_allows_is_a_missing_file(tmp_path):
    head = f"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = {'a' * 400}\n"
    (tmp_path / "a.mhd").write_text(head)
    with pytest.raises(InputError, match="does not exist"):
        volume.read_scan(tmp_path / "a.mhd")
