"""Whatever a file claims, the answer is one sentence, at once, and without the memory that it claims."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from tests import bombs
from tests.data.formats.dicom import made_up

MOST_SECONDS, MOST_BYTES = 10, 1 << 30


def one(path, **tags):
    """A series of three slices, the middle one with these attributes."""
    made_up.series(path / "d", made_up.noise((3, 8, 8)), each={1: tags})
    return path / "d"


def cut(path, keep: float):
    folder = one(path)
    file = folder / "IM001.dcm"
    file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])
    return folder


def multi_frame(path, **tags):
    data = made_up.enhanced(made_up.noise((4, 8, 8)))
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    return made_up.write(data, path / "x.dcm")


def claiming_compressed_frames(path, count: int):
    data = made_up.enhanced(made_up.noise((4, 8, 8)))
    data.compress(RLELossless)
    data.NumberOfFrames = count
    return made_up.write(data, path / "x.dcm")


def compressed_of_huge_size(path):
    data = made_up.slice_of(made_up.noise((8, 8)))
    data.compress(RLELossless)
    data.Rows = data.Columns = 16000
    made_up.write(data, path / "d" / "a.dcm")
    data.ImagePositionPatient = [0, 0, 3]
    made_up.write(data, path / "d" / "b.dcm")
    return path / "d"


def deflate_bomb(path):
    file = made_up.write(made_up.slice_of(made_up.noise((8, 8))), path / "d" / "a.dcm")
    data = pydicom.dcmread(file)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    made_up.write(data, file)
    content = file.read_bytes()
    start = content.index(b"1.2.840.10008.1.2.1.99") + 22
    file.write_bytes(content[:start] + bombs.deflated(2000))
    return path / "d"


def nested(path):
    """Sequences of undefined length, a hundred thousand deep."""
    folder = one(path)
    file = folder / "IM001.dcm"
    content = file.read_bytes()
    start = content.index(b"\x20\x00\x32\x00DS")
    deep = (b"\x08\x00\x40\x11SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4) * 100_000
    file.write_bytes(content[:start] + deep + content[start:])
    return folder


def claiming_a_long_value(path):
    folder = one(path)
    file = folder / "IM001.dcm"
    content = file.read_bytes()
    start = content.index(b"\x28\x00\x02\x00US")
    file.write_bytes(content[:start] + b"\x20\x00\x37\x00OB\0\0" + struct.pack("<I", 0xFFFFFFF0) + content[start:])
    return folder


def without_pixels(path):
    folder = one(path)
    data = pydicom.dcmread(folder / "IM001.dcm")
    del data.PixelData
    made_up.write(data, folder / "IM001.dcm")
    return folder


def segmentation(path, **tags):
    seg = made_up.segmentation({"a": np.ones((3, 8, 8), bool)}, [[0, 0, 3 * n] for n in range(3)])
    for keyword, value in tags.items():
        setattr(seg, keyword, value)
    return made_up.write(seg, path / "seg.dcm")


def frames_on_one_another(path):
    seg = made_up.segmentation({"a": np.ones((3, 8, 8), bool)}, [[0, 0, 0], [0, 0, 3], [0, 0, 3]])
    return made_up.write(seg, path / "seg.dcm")


def sequence_without_end(path):
    folder = one(path)
    file = folder / "IM001.dcm"
    content = file.read_bytes()
    start = content.index(b"\x28\x00\x10\x00US")
    file.write_bytes(content[:start] + b"\x08\x00\x40\x11SQ\0\0" + b"\xff" * 4 + content[start:])
    return folder


def structures(path):
    data = made_up.structures({"a": [np.zeros((3, 3))]})
    data.ROIContourSequence[0].ContourSequence[0].ContourData = ["nan", "1", "2"] * 3
    return made_up.write(data, path / "rs.dcm")


def wide_table(path):
    table = Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [0, 0, 16], b"\0\0" * 10, "US"
    return one(path, ModalityLUTSequence=Items([table]))


HOSTILE = {
    "cut in its meta information": (lambda path: cut(path, 0.25), "nothing else|no pixels"),
    "cut before the name of its series": (lambda path: cut(path, 0.3), "no pixels"),
    "cut in its header": (lambda path: cut(path, 0.7), "no pixels"),
    "cut in its pixels": (lambda path: cut(path, 0.97), "truncated"),
    "huge rows": (lambda path: one(path, Rows=65535, Columns=65535), "claims|truncated"),
    "a row of nothing": (lambda path: one(path, Rows=0), "axis of no voxels"),
    "more rows than pixels": (lambda path: one(path, Rows=400), "truncated"),
    "a thousand million frames": (lambda path: multi_frame(path, NumberOfFrames=10**9), "claims"),
    "more frames than pixels": (lambda path: multi_frame(path, NumberOfFrames=500), "truncated"),
    "fewer frames than descriptions": (lambda path: multi_frame(path, NumberOfFrames=2), "descriptions of frames"),
    "no descriptions of frames": (
        lambda path: multi_frame(path, PerFrameFunctionalGroupsSequence=Items([])),
        "descriptions",
    ),
    "many compressed frames": (lambda path: claiming_compressed_frames(path, 10**9), "claims"),
    "more compressed frames than there are": (lambda path: claiming_compressed_frames(path, 5), "holds 4"),
    "compressed pixels of huge size": (compressed_of_huge_size, "."),
    "a deflate bomb": (deflate_bomb, "unpacks to more than"),
    "deep sequences": (nested, "too deep|cannot be read as DICOM"),  # Pythons differ in how deep they go
    "a value longer than the file": (claiming_a_long_value, "no pixels|truncated"),
    "no pixels": (without_pixels, "no pixels"),
    "a lookup table that is too short": (wide_table, "."),
    "a long attribute": (lambda path: one(path, ImageType="a" * 60000), None),
    "a segmentation of many frames": (lambda path: segmentation(path, NumberOfFrames=10**8), "claims|truncated"),
    "a segmentation of huge size": (lambda path: segmentation(path, Rows=60000, Columns=60000), "claims|truncated"),
    "a segmentation without segments": (lambda path: segmentation(path, SegmentSequence=Items([])), "not described"),
    "a segmentation of no kind": (lambda path: segmentation(path, SegmentationType="QUARK"), "cannot be of the type"),
    "a fraction of one bit": (lambda path: segmentation(path, SegmentationType="FRACTIONAL"), "cannot be of the type"),
    "two frames of a segment at one place": (frames_on_one_another, "lie at one place"),
    "a sequence without end": (sequence_without_end, "cannot be read as DICOM|no pixels"),
    "contours that are no numbers": (structures, "."),
}
PROGRAM = """
import json, re, resource, sys, time
from pathlib import Path
import numpy
from semivox.core.geometry import Grid
from semivox.data.formats.scan import ScanError
from semivox.data.formats.volume import read_label_scan, read_scan
def largest():
    # of this program alone: ru_maxrss begins with that of the process that started it
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
grid = Grid((8, 8, 3), numpy.diag([-1.5, -1.5, 3, 1]))
for line in sys.stdin:
    path = Path(line.rstrip("\\n"))
    start = time.process_time()
    try:
        read_label_scan(path, grid) if path.name in ("seg.dcm", "rs.dcm") else read_scan(path)
        said = "READ"
    except ScanError as error:
        said = f"REFUSED {error}"
    print(json.dumps([said, time.process_time() - start, largest()]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Name -> what was said, seconds, and the memory of the process so far; all in one process of its own."""
    paths = {name: make(tmp_path_factory.mktemp("hostile")) for name, (make, _) in HOSTILE.items()}
    listed = "".join(f"{path}\n" for path in paths.values())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=listed, capture_output=True, encoding="utf-8", timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(zip(paths, map(json.loads, done.stdout.splitlines())))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_at_once_and_without_much_memory(answers, name):
    said, seconds, used = answers[name]
    assert seconds < MOST_SECONDS
    assert used < MOST_BYTES
    words = HOSTILE[name][1]
    assert said == "READ" if words is None else re.fullmatch(f"REFUSED .*({words}).*", said), said
