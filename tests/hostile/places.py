"""Where things lie: empty paths, results within data, circles of links, deep folders, long names, odd times."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests import corpus
from tests.hostile.kinds import CHECK, SMALL, Words, hostile

EMPTY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "check --out": (("check", "scans", "--workers", "0", "--out", ""), ("scans",)),
    "check --split": (("check", "scans", "--workers", "0", "--split", ""), ("scans",)),
    "check --report": (("check", "scans", "--workers", "0", "--report", ""), ("scans",)),
    "plan DATA": (("plan", "", "-o", "new.json"), ("scans",)),
    "plan --out": (("plan", "scans", "-o", "", "--workers", "0"), ("scans",)),
    "prepare --out": (("prepare", "scans", "-o", "", "--plan", "plan.json", "--workers", "0"), ("scans", "plan.json")),
    "prepare --plan": (("prepare", "scans", "-o", "out", "--plan", "", "--workers", "0"), ("scans",)),
    "train --plan": (("train", "scans", "-o", "out", "--plan", ""), ("scans",)),
    "train --prepared": (("train", "scans", "-o", "out", "--prepared", ""), ("scans",)),
    "train --start": (("train", "scans", "-o", "out", "--start", ""), ("scans",)),
    "train --out": (("train", "scans", "-o", "", *SMALL[:2]), ("scans",)),
    "run --out": (("run", "scans", "-o", "", *SMALL), ("scans",)),
    "run DATA": (("run", "", "-o", "out", *SMALL), ("scans",)),
    "pretrain --out": (("pretrain", "scans", "-o", "", *SMALL), ("scans",)),
    "predict RUN": (("predict", "", "-i", "in", "-o", "out"), ("job", "in")),
    "predict --in": (("predict", "job", "-i", "", "-o", "out"), ("job", "in")),
    "predict --out": (("predict", "job", "-i", "in", "-o", ""), ("job", "in")),
    "evaluate --reference": (("evaluate", "-r", "", "-p", "labels"), ("labels",)),
    "evaluate --prediction": (("evaluate", "-r", "labels", "-p", ""), ("labels",)),
    "evaluate --out": (("evaluate", "-r", "refs", "-p", "labels", "-o", ""), ("refs", "labels")),
    "export SOURCE": (("export", "", "-o", "out", "--to", "csv"), ("labels",)),
    "export --out": (("export", "labels", "-o", "", "--to", "csv"), ("labels",)),
    "export --source": (("export", "labels", "-o", "out", "--to", "dicom-seg", "--source", ""), ("labels",)),
    "export --model": (("export", "labels", "-o", "out", "--to", "csv", "--model", ""), ("labels",)),
    "export --images": (("export", "labels", "-o", "out", "--to", "csv", "--images", ""), ("labels",)),
    "suggest JOB": (("suggest", "", "-o", "out"), ("job",)),
    "suggest --out": (("suggest", "job", "-o", ""), ("scans", "job")),
    "suggest --ratings": (("suggest", "job", "-o", "out", "--ratings", ""), ("scans", "job")),
    "adopt JOB": (("adopt", "", "labels"), ("labels",)),
    "adopt CORRECTED": (("adopt", "scans", ""), ("scans",)),
    "rounds JOB": (("rounds", ""), ("job",)),
    "watch --out": (("watch", "scans", "-o", "", "--last", "1"), ("scans",)),
    "patches --out": (("patches", "scans", "-o", ""), ("scans",)),
    "view DATA": (("view", "", "--no-browser"), ("scans",)),
    "view --labels": (("view", "scans", "--no-browser", "--labels", ""), ("scans",)),
    "study FILE": (("study", "", "-o", "out"), ("scans", "study.toml")),
    "study --out": (("study", "study.toml", "-o", ""), ("scans", "study.toml")),
    "study --data": (("study", "study.toml", "-o", "out", "--data", ""), ("scans", "study.toml")),
    "report FOLDER": (("report", ""), ("job",)),
    "fetch --out": (("fetch", "hippocampus", "--accept-license", "--mirror", "http://127.0.0.1:1", "-o", ""), ()),
    "demo --out": (("demo", "-o", ""), ()),
}
"""An empty argument, as a variable that a script forgot to set leaves it: never the current folder."""
for _name, (_words, _needs) in EMPTY.items():
    hostile("places", f"an empty {_name}", lambda root, words=_words: words, *(_needs or ("plan.json",)))


FOLDERS = (".", "..", "/", "scans/", "scans/..")
"""Folders where a file is to be written."""
for _folder in FOLDERS:
    for _words in (
        ("check", "scans", "--workers", "0", "--out"), ("check", "scans", "--workers", "0", "--report"),
        ("plan", "scans", "--workers", "0", "--spacing", "1.5", "--time", "1", "-o"),
    ):  # fmt: skip
        hostile("places", f"{_words[0]} {_words[-1]} {_folder}",
                lambda root, words=(*_words, _folder): words, may_pass=_words[-1] != "--report")  # fmt: skip


def _linked(target: str, words: tuple[str, ...], root: Path) -> Words:
    (root / "out").symlink_to(target)
    return words


PREDICT = ("predict", "job/supervised", "-i", "in", "--device", "cpu")
PREPARE = ("prepare", "scans", "--plan", "plan.json", "--workers", "0")
RESULTS: dict[str, tuple[Callable[[Path], Words], tuple[str, ...], bool]] = {
    "predict: labels into the folder of the scans": (lambda root: (*PREDICT, "-o", "in"), ("job", "in"), False),
    "predict: labels into a link to the scans": (
        partial(_linked, "in", (*PREDICT, "-o", "out")), ("job", "in"), False),
    "predict: labels into a link to nothing": (
        partial(_linked, "gone/gone", (*PREDICT, "-o", "out")), ("job", "in"), False),
    "predict: labels into a link to itself": (partial(_linked, "out", (*PREDICT, "-o", "out")), ("job", "in"), False),
    "predict: labels into the model": (lambda root: (*PREDICT, "-o", "job/supervised/model"), ("job", "in"), True),
    "predict: labels into the training labels": (
        lambda root: (*PREDICT, "-o", "scans/labels"), ("job", "in", "scans"), False),
    "predict: labels below a file": (lambda root: (*PREDICT, "-o", "in/a.nii.gz/x"), ("job", "in"), False),
    "predict: labels below a device": (lambda root: (*PREDICT, "-o", "/dev/null/x"), ("job", "in"), False),
    "predict: labels into the system": (lambda root: (*PREDICT, "-o", "/proc/self/fd"), ("job", "in"), False),
    "predict: labels at the longest name": (lambda root: (*PREDICT, "-o", "x" * 256), ("job", "in"), False),
    "predict: labels at the longest path": (lambda root: (*PREDICT, "-o", "x/" * 2100), ("job", "in"), False),
    "prepare: into the scans": (lambda root: (*PREPARE, "-o", "scans"), ("scans", "plan.json"), False),
    "prepare: into the images": (lambda root: (*PREPARE, "-o", "scans/images"), ("scans", "plan.json"), False),
    "run: into the scans": (lambda root: ("run", "scans", "-o", "scans", *SMALL), ("scans",), False),
    "train: into another's job": (lambda root: ("train", "scans", "-o", "job", *SMALL[:2]), ("scans", "job"), False),
    "run: into another's study": (lambda root: ("run", "scans", "-o", "study", *SMALL), ("scans", "study"), False),
    "study: into a job": (lambda root: ("study", "study.toml", "-o", "job"), ("scans", "study.toml", "job"), False),
    "evaluate: scores over the labels": (
        lambda root: ("evaluate", "-r", "refs", "-p", "labels", "-o", "labels/a.nii.gz"), ("refs", "labels"), False),
    "evaluate: a folder against itself": (
        lambda root: ("evaluate", "-r", "refs", "-p", "refs"), ("refs",), True),
    "export: into the labels": (lambda root: ("export", "labels", "-o", "labels", "--to", "nifti"), ("labels",), True),
    "patches: into the scans": (lambda root: ("patches", "scans", "-o", "scans/images"), ("scans",), False),
    "check: its answer over a scan": (lambda root: (*CHECK, "-o", "scans/images/a.nii.gz"), ("scans",), False),
    "check: its report over a scan": (lambda root: (*CHECK, "--report", "scans/images/a.nii.gz"), ("scans",), False),
    "plan: over a scan": (
        lambda root: ("plan", "scans", "-o", "scans/images/a.nii.gz", "--workers", "0"), ("scans",), False),
}  # fmt: skip
for _name, (_make, _needs, _may) in RESULTS.items():
    hostile("places", _name, _make, *_needs, may_pass=_may)


def deep(levels: int, root: Path) -> Words:
    """Folders within folders, a scan at the end."""
    here = os.open(root / "scans" / "images", os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 20, dir_fd=here)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    content = (root / "scans" / "images" / "u.nii.gz").read_bytes()
    file = os.open("z.nii.gz", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, content[:-2])
    os.close(file)
    os.close(here)
    return CHECK


def _circle(root: Path) -> Words:
    (root / "scans" / "images" / "again").symlink_to("..")
    (root / "scans" / "again").symlink_to(".")
    return CHECK


def _many(root: Path) -> Words:
    for number in range(3000):
        (root / "scans" / "images" / f"n{number}.nii.gz").touch()
    return CHECK


def _socket(root: Path) -> Words:
    (root / "scans" / "images" / "a.nii.gz").unlink()
    here = os.getcwd()
    os.chdir(root / "scans" / "images")
    socket.socket(socket.AF_UNIX).bind("a.nii.gz")
    os.chdir(here)
    return CHECK


def _link(target: str, root: Path) -> Words:
    path = root / "scans" / "images" / "a.nii.gz"
    path.unlink()
    path.symlink_to(target)
    return CHECK


def _chain(root: Path) -> Words:
    """A link to a link to ... a scan, longer than systems follow."""
    images = root / "scans" / "images"
    (images / "a.nii.gz").rename(root / "l0")
    for number in range(60):
        (root / f"l{number + 1}").symlink_to(f"l{number}")
    (images / "a.nii.gz").symlink_to(root / "l60")
    return CHECK


def _time(seconds: int, root: Path) -> Words:
    for file in (root / "scans" / "images").iterdir():
        os.utime(file, (seconds, seconds))
    return CHECK


def _pair_of_links(root: Path) -> Words:
    """Label and image of a case are one file."""
    (root / "scans" / "labels" / "a.nii.gz").unlink()
    os.link(root / "scans" / "images" / "a.nii.gz", root / "scans" / "labels" / "a.nii.gz")
    return CHECK


def _twins(root: Path) -> Words:
    """Two names of one file."""
    os.link(root / "scans" / "test_images" / "t.nii.gz", root / "scans" / "images" / "v.nii.gz")
    return CHECK


def _names(root: Path) -> Words:
    """A folder of cases whose names differ in what cannot be seen."""
    for number, name in enumerate(("\u200bz", "z\u200b", "z\u00a0", "\uff5a", "z\u0007", "z\n", "\x1b[31mz")):
        corpus.save(root / "scans" / "images" / f"{name}.nii.gz", corpus.gray(60 + number))
    return CHECK


LIE: dict[str, tuple[Callable[[Path], Words], bool]] = {
    "folders 60 deep": (partial(deep, 60), True),
    "folders 400 deep": (partial(deep, 400), True),
    "links to the folders above": (_circle, True),
    "three thousand empty scans": (_many, False),
    "a socket for a scan": (_socket, False),
    "a link to a pipe of the process": (partial(_link, "/dev/stdin"), False),
    "a link to the memory of the process": (partial(_link, "/proc/self/mem"), False),
    "a link to a terminal": (partial(_link, "/dev/tty"), False),
    "a link to noise without end": (partial(_link, "/dev/urandom"), False),
    "a link to a folder": (partial(_link, ".."), False),
    "a link to another scan": (partial(_link, "b.nii.gz"), True),
    "a chain of sixty links": (_chain, False),
    "times in the year 2500": (partial(_time, 16_725_225_600), True),
    "times before 1970": (partial(_time, -5_000_000), True),
    "an image that is its label": (_pair_of_links, False),
    "one file for training and test": (_twins, False),
    "names that differ in what is not seen": (_names, True),
}
for _name, (_make, _may) in LIE.items():
    hostile("places", _name, _make, may_pass=_may)
