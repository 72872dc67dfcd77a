"""Every parser of our own on bytes of any kind: an answer or a sentence, in little time and memory."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc

import pytest
import SimpleITK as sitk  # noqa: N813

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.data.formats import itksnap, volume
from semivox.data.layouts import description
from semivox.evaluation.difficulty import read_difficulty
from semivox.evaluation.tables import read_rows
from semivox.evaluation.voxel_scores import read_voxel_rows
from semivox.experiments.study_text import load_study_file
from semivox.pipeline.assignments import parse_overrides
from semivox.training import environment, run_log
from tests import corpus
from tests.data.mutated import mutated
from tests.hostile.kinds import STUDY

MEMORY, SECONDS = 64 << 20, 2.0
"""Most bytes, and seconds of computing, for one text of some kilobytes."""
DESCRIPTION = b"""################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "one"
    2     0  255    0        1  1  1    "two"
"""
LOG = (
    b'{"step": 0, "player": "network", "total": 1.0, "terms": {"a": 1.0}, "weights": {}, "log": {}, "rate": 0.1, '
    b'"norm": null, "seconds": 0.5}\n{"step": 1, "player": "validation", "dice": 0.5, "hd95_mm": 3.0}\n'
)
ENVIRONMENT = b'[{"python": "3.11", "threads": 1, "packages": {"torch": "2.9", "semivox": "0.1.0"}, "command": "x"}]'
SCORES = b"case,class,dice,jaccard,empty\na,one,0.5,0.3,neither\nb,one,,,both\n"


def segmentation(path):
    """A segmentation of 3D Slicer with two segments."""
    plain = path.with_name("plain.nrrd")
    sitk.WriteImage(corpus.itk_image(corpus.box().T.copy()), str(plain))
    head, _, data = plain.read_bytes().partition(b"\n\n")
    fields = {
        "ID": "s{}",
        "Name": "n{}",
        "LabelValue": "{}",
        "Layer": "0",
        "Extent": "0 23 0 23 0 23",
        "Color": "1 0 0",
    }
    lines = [f"Segment{n}_{key}:={text.format(n + 1)}".encode() for n in (0, 1) for key, text in fields.items()]
    return head + b"\n" + b"\n".join(lines) + b"\n\n" + data


PARSERS = {
    "names.label": (DESCRIPTION, itksnap.described),
    "study.toml": (STUDY.encode(), load_study_file),
    "log.jsonl": (LOG, run_log.rows),
    "environment.json": (ENVIRONMENT, environment.starts),
    "scores.csv": (SCORES, read_rows),
    "voxels.csv": (
        b"case,class_name,dice,jaccard,hd95_voxels,asd_voxels,empty\na,one,1,1,0,0,neither\n",
        read_voxel_rows,
    ),
    "difficulty.csv": (b"case_id,deviation_mm\na,1.5\nb,2.5\n", read_difficulty),
    "a.seg.nrrd": (None, volume.read_label_scan),
    "cases.csv": (
        b'case_id,image,label,split,group\na,a.nii.gz,b.nii.gz,train,p1\nb,"b,b.nii.gz",,test,p2\n',
        layouts.find,
    ),
    "dataset.json": (
        b'{"channel_names": {"0": "MR"}, "labels": {"background": 0, "one": 1, "two": 2}, "file_ending": ".nii"}',
        description.load,
    ),
    "--set": (
        b'method.network.rate=0.1 plan.patch=[16,16,16] train.seed=7 method.x={"a":[1,{"b":2}]} plan.steps=1e3',
        lambda path: parse_overrides(path.read_text(encoding="utf-8", errors="surrogateescape").split(" ")),
    ),
}
NEVER_REFUSE = ("log.jsonl", "environment.json")
"""What decides nothing must stop nothing."""


def survive(path, content: bytes, read, rounds: int) -> None:
    chance = random.Random(path.name)
    head, gap, rest = content.partition(b"\n\n") if path.name.endswith(".nrrd") else (content, b"", b"")
    for _ in range(rounds):
        path.write_bytes(mutated(head, chance) + gap + rest)
        tracemalloc.start()
        begin = time.process_time()
        with contextlib.suppress(*(() if path.name in NEVER_REFUSE else (InputError,))):
            read(path)
        used = time.process_time() - begin
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert used < SECONDS, path.read_bytes()[:500]
        assert peak < MEMORY, path.read_bytes()[:500]


@pytest.mark.parametrize("name", PARSERS)
def test_any_bytes_are_read_or_refused(tmp_path, name):
    content, read = PARSERS[name]
    survive(tmp_path / name, segmentation(tmp_path / name) if content is None else content, read, rounds=150)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_very_many_bytes_are_read_or_refused(tmp_path, name):
    content, read = PARSERS[name]
    survive(tmp_path / name, segmentation(tmp_path / name) if content is None else content, read, rounds=5000)
