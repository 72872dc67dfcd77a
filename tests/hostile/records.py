"""Records of our own that are damaged: of a run, a job, a study, prepared scans, a model, labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.kinds import JOB, Words, hostile

Change = Callable[[bytes], bytes]


def rewritten(change: Callable[[dict], object], content: bytes) -> bytes:
    """Another JSON object; what is none stays as it is but for a half of it."""
    try:
        value = json.loads(content)
    except ValueError:
        return content[: len(content) // 2]
    if not isinstance(value, dict):
        return b"[" + content + b"]"
    return json.dumps(change(value) or value).encode()


def _doubled(content: bytes) -> bytes:
    """The first key stands there twice."""
    try:
        key, value = next(iter(json.loads(content).items()))
    except (ValueError, AttributeError, StopIteration):
        return content + content[: len(content) // 3]
    return content.rstrip()[:-1] + f', "{key}": {json.dumps(value)}}}'.encode()


CHANGES: dict[str, Change] = {
    "nothing": lambda content: b"",
    "its first half": lambda content: content[: len(content) // 2],
    "no end": lambda content: content[:-3],
    "noise": lambda content: bytes(range(256)) * 4,
    "zeros": lambda content: bytes(len(content)),
    "a list": lambda content: b"[]",
    "an empty object": lambda content: b"{}",
    "null": lambda content: b"null",
    "a number": lambda content: b"17",
    "deep lists": lambda content: b"[" * 200_000,
    "deep objects": lambda content: b'{"a":' * 100_000,
    "a key twice": _doubled,
    "a key too many": partial(rewritten, lambda value: value | {"surplus": 1}),
    "a version of the future": partial(rewritten, lambda value: value | {"version": 99}),
    "a huge number": partial(rewritten, lambda value: value | {next(iter(value)): 10**400} if value else None),
    "words for values": partial(rewritten, lambda value: dict.fromkeys(value, "words")),
    "nulls for values": partial(rewritten, lambda value: dict.fromkeys(value)),
    "a key too few": partial(rewritten, lambda value: value.pop(next(iter(value))) and None if value else None),
    "UTF-16": lambda content: content.decode("utf-8", "replace").encode("utf-16"),
}
RESUMED = (
    *("train", "scans", "-o", "run", "--method", "supervised", "--workers", "0", "--device", "cpu", "--steps", "4"),
    *("--precision", "32-true", "--set", "train.save_every=1e-6", "--set", "train.validate_every=1"),
    *("--set", "train.selection=validation", "--set", "plan.patch=[16,16,16]", "--set", "plan.spacing=[1.5,1.5,1.5]"),
)
"""The unfinished run, gone on with."""
REPORT_JOB, REPORT_STUDY = ("report", "job"), ("report", "study")
STUDY = ("study", "study.toml", "-o", "study")
PREDICT = ("predict", "job/supervised", "-i", "in", "-o", "labels", "--device", "cpu")
RUN_OF_STUDY = "study/labeled-2/draw-0/seed-1/supervised"
RECORDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], bool], ...] = (
    # file, command, folders it needs, whether the command may do without the file
    ("run/config.json", RESUMED, ("scans", "run"), False),
    ("run/plan.json", RESUMED, ("scans", "run"), False),
    ("run/split.json", RESUMED, ("scans", "run"), False),
    ("run/data.json", RESUMED, ("scans", "run"), False),
    ("run/environment.json", RESUMED, ("scans", "run"), True),
    ("run/log.jsonl", RESUMED, ("scans", "run"), True),
    ("run/warnings.jsonl", RESUMED, ("scans", "run"), True),
    ("run/checkpoints/step-00000003.pt", RESUMED, ("scans", "run"), True),
    ("run/checkpoints/best.safetensors", RESUMED, ("scans", "run"), True),
    ("run/prepared/plan.json", RESUMED, ("scans", "run"), True),
    ("run/prepared/cases/a/case.json", RESUMED, ("scans", "run"), True),
    ("run/prepared/cases/a/image.npy", RESUMED, ("scans", "run"), True),
    ("job/job.json", JOB, ("scans", "job"), False),
    ("job/plan.json", JOB, ("scans", "job"), False),
    ("job/split.json", JOB, ("scans", "job"), True),
    ("job/summary.json", JOB, ("scans", "job"), True),
    ("job/summary.json", REPORT_JOB, ("scans", "job"), True),
    ("job/supervised/scores.json", JOB, ("scans", "job"), True),
    ("job/supervised/cost.json", JOB, ("scans", "job"), True),
    ("job/supervised/log.jsonl", REPORT_JOB, ("scans", "job"), True),
    ("job/supervised/model/model.json", ("predict", "job/supervised", "-i", "in", "-o", "out"), ("job", "in"), False),
    ("job/supervised/model/weights.safetensors", ("predict", "job/supervised", "-i", "in", "-o", "out"), ("job", "in"),
     False),
    ("study/study.json", STUDY, ("scans", "study", "study.toml"), False),
    ("study/plan.json", STUDY, ("scans", "study", "study.toml"), True),
    ("study/study.json", REPORT_STUDY, ("study",), False),
    (f"{RUN_OF_STUDY}/scores.json", REPORT_STUDY, ("study",), True),
    (f"{RUN_OF_STUDY}/config.json", REPORT_STUDY, ("study",), True),
    (f"{RUN_OF_STUDY}/log.jsonl", REPORT_STUDY, ("study",), True),
    (f"{RUN_OF_STUDY}/cost.json", REPORT_STUDY, ("study",), True),
    ("prepared/plan.json", ("prepare", "scans", "-o", "prepared", "--plan", "plan.json", "--workers", "0"),
     ("scans", "prepared", "plan.json"), True),
    ("prepared/cases/b/case.json", ("prepare", "scans", "-o", "prepared", "--plan", "plan.json", "--workers", "0"),
     ("scans", "prepared", "plan.json"), True),
    ("labels/origins/a.json", PREDICT, ("job", "in", "labels"), True),
    ("split.json", ("check", "scans", "--split", "split.json", "--workers", "0"), ("scans", "split.json"), False),
    ("plan.json", ("prepare", "scans", "-o", "out", "--plan", "plan.json", "--workers", "0"), ("scans", "plan.json"),
     False),
)  # fmt: skip


def changed(file: str, change: Change, command: tuple[str, ...], root: Path) -> Words:
    path = root / file
    path.write_bytes(change(path.read_bytes() if path.exists() else b""))
    return command


for _file, _command, _needs, _free in RECORDS:
    for _name, _change in CHANGES.items():
        hostile(
            "records",
            f"{_command[0]}: {_file} is {_name}",
            partial(changed, _file, _change, _command),
            *_needs,
            # what has a default may lack
            may_pass=_free or _name == "a key too few",
        )

WHOLE_FILES: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {
    ("run", RESUMED, ("scans", "run")): (
        "config.json", "plan.json", "split.json", "data.json", "environment.json", "log.jsonl", "warnings.jsonl",
        "lock", "checkpoints/step-00000003.pt", "checkpoints/anchor.pt", "prepared/plan.json", "prepared/.claims",
        "prepared/cases/a/case.json", "prepared/cases/a/image.npy", "prepared/cases/a/label.npy",
        "prepared/cases/a/foreground.npy", "prepared/cases/u/image.npy",
    ),
    ("job", JOB, ("scans", "job")): (
        "job.json", "check.json", "plan.json", "split.json", "summary.json", "summary.txt", "report.html", "lock",
        "labels/u.nii.gz", "labels/origins/u.json", "labels/origins/.claims", "prepared/plan.json",
        "prepared/cases/a/case.json", "prepared/cases/b/label.npy", ".supervised.lock",
        *(f"supervised/{name}" for name in (
            "config.json", "plan.json", "split.json", "data.json", "environment.json", "log.jsonl", "cost.json", "done",
            "lock", "scores.csv", "scores.json", "model/model.json", "model/weights.safetensors",
            "predictions/t.nii.gz", "predictions/origins/t.json", "checkpoints/step-00000002.pt",
        )),
    ),
    ("half", (*JOB[:3], "half", *JOB[4:]), ("scans", "half")): (
        "job.json", "plan.json", "split.json", "prepared/plan.json", "prepared/cases/a/case.json",
        "prepared/cases/u/image.npy", "supervised/done", "supervised/scores.json", "supervised/predictions/t.nii.gz",
        "supervised/model/weights.safetensors",
        *(f"mean_teacher/{name}" for name in (
            "config.json", "plan.json", "split.json", "data.json", "environment.json", "log.jsonl", "lock",
            "checkpoints/step-00000002.pt",
        )),
    ),
    ("study", STUDY, ("scans", "study", "study.toml")): (
        "study.json", "check.json", "plan.json", "lock", "labeled-2/draw-0/plan.json", "labeled-2/draw-0/split.json",
        "labeled-2/draw-0/prepared/plan.json", "labeled-2/draw-0/prepared/cases/a/image.npy",
        "labeled-2/draw-0/seed-1/supervised/scores.json", "labeled-2/draw-0/seed-1/supervised/config.json",
        "labeled-2/draw-0/seed-1/supervised/done", "report/report.html",
    ),
    ("labels", PREDICT, ("job", "in", "labels")): (
        "a.nii.gz", "origins/a.json", "origins/.claims",
    ),
}  # fmt: skip
"""Folder, the command that goes on with it, what it needs -> all kinds of files of the folder."""


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def gone(path: Path) -> None:
    path.unlink(missing_ok=True)


INSTEAD: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if path.exists() else b"{"),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "a pipe": pipe,
    "a folder": folder,
    "a device": device,
    "gone": gone,
}


def other(file: str, make: Callable[[Path], object], command: tuple[str, ...], root: Path) -> Words:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    make(root / file)
    return command


for (_folder, _command, _needs), _files in WHOLE_FILES.items():
    for _file in _files:
        for _name, _make in INSTEAD.items():
            hostile(
                "whole files", f"{_command[0]}: {_folder}/{_file} is {_name}",
                partial(other, f"{_folder}/{_file}", _make, _command), *_needs, may_pass=True,
            )  # fmt: skip


for _words, _needs in dict.fromkeys((_command, _needs) for _, _command, _needs, _ in RECORDS) | dict.fromkeys(
    (_command, _needs) for _, _command, _needs in WHOLE_FILES
):
    hostile("unbroken", " ".join(_words[:6]), lambda root, words=_words: words, *_needs, may_pass=True)
