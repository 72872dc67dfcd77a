"""suggest, adopt, rounds, watch, pretrain, demo, fetch: wrong options, damaged labels that come back, and records."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tests import corpus
from tests.hostile.formats import DAMAGES, NO_FILES, damaged, replaced, whole
from tests.hostile.kinds import SMALL, Words, hostile
from tests.hostile.options import FILE, TRIPLE, WHOLE
from tests.hostile.records import CHANGES

SUGGEST = ("suggest", "job", "-o", "out", "--device", "cpu")
ADOPT = ("adopt", "scans", "back")
PRETRAIN = ("pretrain", "scans", "-o", "out", *SMALL)
STARTED = (
    *("train", "scans", "-o", "out", "--method", "supervised", "--workers", "0", "--device", "cpu"),
    *("--plan", "plan.json", "--start", "pre"),
)
WRONG: Mapping[tuple[str, ...], Mapping[str, Sequence[str]]] = {
    SUGGEST: {
        "--number": WHOLE, "--seed": WHOLE[:7], "--look-at": ("0", "-1", "x"), "--strategy": ("", "x", "Mixture."),
        "--ratings": FILE, "--out": ("noise", "/proc/x", "noise/x", "/dev/null"), "--device": ("x", "cuda:99"),
        "--report": ("pipe", "/proc/x", "noise/x", "scans"),
    },
    ADOPT: {"--origin": ("", "x", "nobody", "Expert!"), "--nonsense": ("1",)},
    ("rounds", "job"): {"--rounds": (*WHOLE, "0"), "--keep": ("x", "-0.1", "1.1", "nan", "inf"),
                        "--workers": ("-1", "x", "99999")},
    ("watch", "scans", "-o", "out"): {
        "--every": ("x", "0", "-1", "nan"), "--last": (*WHOLE[:7], "0"), "--begin": ("", "x"), "--method": ("x",),
        "--spacing": TRIPLE[:6], "--out": ("noise", "/proc/x"),
    },
    PRETRAIN: {"--steps": ("0", "-1", "x"), "--split": FILE[:5], "--patch": TRIPLE[:6], "--workers": ("-1", "x"),
               "--out": ("noise", "/proc/x", "scans"), "--device": ("x",)},
    STARTED[:-2]: {"--start": FILE, "--extend-to": ("0", "-1", "x", "1")},
    ("demo", "-o", "noise"): {"--nonsense": ("1",)},
    ("fetch", "hippocampus", "--accept-license"): {
        "--mirror": ("x", "", "file:///etc/passwd", "ftp://127.0.0.1:1", "http://", "http://[x"),
        "--out": ("noise", "/proc/x"),
    },
}  # fmt: skip


def given(words: Sequence[str], option: str, value: str, root: Path) -> Words:
    """A command with one option of this value; noise and a pipe lie about."""
    (root / "noise").write_bytes(bytes(range(256)) * 10)
    os.mkfifo(root / "pipe")
    (root / "back").mkdir()
    short = {"--out": "-o", "--number": "-n"}.get(option, option)
    if short in words:
        place = list(words).index(short)
        return (*words[: place + 1], value, *words[place + 2 :])
    return (*words, option, value)


for _words, _options in WRONG.items():
    for _option, _values in _options.items():
        for _value in _values:
            hostile("rounds", f"{_words[0]} {_option} {_value[:40]!r}",
                    partial(given, _words, _option, _value), "scans", "job", "plan.json")  # fmt: skip
for _target in ("gone", "noise", "pipe", "/dev/zero", "a" * 5000, "job/supervised", "scans/images/a.nii.gz"):
    for _words in (("suggest", _target, "-o", "out"), ("adopt", _target, "scans/labels"), ("rounds", _target)):
        _option = ("--origin", "expert") if _words[0] == "adopt" else ("--report", "report.json")
        hostile("rounds", f"{_words[0]}: the target is {_target[:40]!r}", partial(given, _words, *_option),
                "scans", "job")  # fmt: skip
for _target in ("gone", "noise", "pipe", "", "/dev/zero", "a" * 5000, "job", "scans"):
    hostile("rounds", f"adopt: what comes back is {_target[:40]!r}",
            partial(given, ("adopt", "scans", _target), "--origin", "expert"), "scans", "job")  # fmt: skip


def came_back(spoil: Callable[[Path], object], suffix: str, root: Path) -> Words:
    """A label of the unlabeled case that somebody has drawn, spoiled."""
    (root / "back").mkdir()
    path = whole(root / "back", suffix, label=True)
    spoil(path)
    for file in (root / "back").glob("a.*"):
        file.rename(file.with_name("u" + file.name[1:]))
    return ADOPT


for _number, (_name, _spoil) in enumerate([
    *((name, partial(damaged, change)) for name, change in DAMAGES.items()),
    *((name, partial(replaced, make)) for name, make in NO_FILES.items()),
]):  # fmt: skip
    for _suffix in (".nii.gz", (".nrrd", ".mha", ".nii", ".seg.nrrd")[_number % 4]):
        hostile(
            "rounds",
            f"adopt: a label {_suffix} that is {_name}",
            partial(came_back, _spoil, _suffix),
            may_pass=(_suffix, _name) == (".nii.gz", "the first 400 bytes"),
        )  # it is shorter


def drawn(array: np.ndarray, affine: np.ndarray, name: str, root: Path) -> Words:
    """A whole file with voxels that fit no label of the case."""
    corpus.save(root / "back" / f"{name}.nii.gz", array, affine)
    return ADOPT


_box, _moved = corpus.box(), corpus.AFFINE.copy()
_moved[0, 3] = 100
_nan = _box.astype(np.float32)
_nan[0, 0, 0] = np.nan
for _name, _array, _affine, _case in (
    ("of another shape", _box[:-1], corpus.AFFINE, "u"),
    ("that lies elsewhere", _box, _moved, "u"),
    ("mirrored", _box, corpus.AFFINE @ np.diag([-1, 1, 1, 1]), "u"),
    ("of fractions", _box * np.float32(0.5), corpus.AFFINE, "u"),
    ("with NaN", _nan, corpus.AFFINE, "u"),
    ("below 0", -_box.astype(np.int16), corpus.AFFINE, "u"),
    ("of an unknown class", _box * 9, corpus.AFFINE, "u"),
    ("of huge values", _box.astype(np.float64) * 1e300, corpus.AFFINE, "u"),
    ("of four axes", np.stack([_box] * 2, -1), corpus.AFFINE, "u"),
    ("of a scan that is scored", _box, corpus.AFFINE, "t"),
    ("of a scan that has one", _box, corpus.AFFINE, "a"),
    ("of nobody", _box, corpus.AFFINE, "zz"),
    ("named with markup", _box, corpus.AFFINE, "<b>u&amp;"),
):
    hostile("rounds", f"adopt: a label {_name}", partial(drawn, _array, _affine, _case))

SUGGESTION = {
    "version": 1, "data": "x", "round": 0, "unit": "scans", "seed": 1, "gain": "", "notes": [],
    "cases": [{"case": "u", "reasons": ["random"], "proposal": "0" * 64}],
}  # fmt: skip
RATINGS = {"version": 1, "ratings": [{"case": "u", "rating": "correct", "note": None}]}
ORIGINS = {"version": 1, "labels": {"u": {"origin": "pseudo", "digest": "0" * 64}}}


def record(place: str, content: object, change: Callable[[bytes], bytes], words: Words, root: Path) -> Words:
    """A record of somebody's work, damaged."""
    corpus.save(root / "back" / ("labels" if place.startswith("back") else "") / "u.nii.gz", corpus.box())
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(change(json.dumps(content).encode()))
    return words


for _place, _content, _words in (
    ("back/suggestion.json", SUGGESTION, ADOPT),
    ("ratings.json", RATINGS, (*SUGGEST, "--ratings", "ratings.json", "-n", "1")),
    ("scans/label_origins.json", ORIGINS, ADOPT),
):
    for _name, _change in CHANGES.items():
        hostile("rounds", f"{_words[0]}: {_place} is {_name}",
                partial(record, _place, _content, _change, _words), "scans", "job", may_pass=True)  # fmt: skip


STARTED_NEEDS = ("scans", "pre", "plan.json")


def started(file: str, change: Callable[[bytes], bytes], root: Path) -> Words:
    """A model to start from, damaged."""
    path = root / "pre" / "model" / file
    path.write_bytes(change(path.read_bytes()))
    return STARTED


for _file in ("model.json", "weights.safetensors"):
    for _name, _change in CHANGES.items():
        hostile("rounds", f"train --start: {_file} is {_name}", partial(started, _file, _change), *STARTED_NEEDS,
                may_pass=_name == "a key too few")  # fmt: skip


def ensemble(file: str, change: Callable[[bytes], bytes], root: Path) -> Words:
    """The job's own model, damaged."""
    path = root / "job" / "model" / file
    path.write_bytes(change(path.read_bytes()))
    return ("predict", "job", "-i", "in", "-o", "out", "--device", "cpu")


for _file in ("model.json", "weights.safetensors"):
    for _name, _change in CHANGES.items():
        hostile("rounds", f"predict: the job's {_file} is {_name}", partial(ensemble, _file, _change), "job", "in",
                may_pass=_name == "a key too few")  # fmt: skip


UNBROKEN = (
    (SUGGEST, ("scans", "job")), (PRETRAIN, ("scans",)), (("predict", "job", "-i", "in", "-o", "out"), ("job", "in")),
)  # fmt: skip
"""Commands of this file that succeed where nothing is broken, and what they need."""
for _words, _needs in UNBROKEN:
    hostile("unbroken", " ".join(_words[:2]), lambda root, words=_words: words, *_needs, may_pass=True)
hostile("unbroken", "adopt", partial(drawn, _box, corpus.AFFINE, "u"), may_pass=True)
hostile("unbroken", "train --start", partial(started, "model.json", lambda content: content), *STARTED_NEEDS,
        may_pass=True)  # fmt: skip
for _place, _content, _words in (
    ("back/suggestion.json", SUGGESTION, ADOPT),
    ("ratings.json", RATINGS, (*SUGGEST, "--ratings", "ratings.json", "-n", "1")),
    ("scans/label_origins.json", ORIGINS, ADOPT),
):
    _make = partial(record, _place, _content, lambda content: content, _words)
    hostile("unbroken", f"{_words[0]} with {_place}", _make, "scans", "job", may_pass=True)
