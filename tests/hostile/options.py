"""Options of the command line with values that they cannot have."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.hostile.kinds import Words, hostile

NUMBER = ("x", "", "nan", "1,5", "--")
FILE = ("gone", "scans", "noise", "pipe", "/dev/zero", "/proc/self/mem", "a" * 5000, "with\nnewline")
WHOLE = (*NUMBER, "-1", "1.5", "1e3", "99999999999999999999999999")
TRIPLE = ("x", "", "1,1", "1,1,1,1", "0,1,1", "-1,1,1", "nan", "inf", "1e-9", "1e300", "1;1;1", ",,")
COMMANDS: Mapping[str, Sequence[str]] = {
    "check": ("check", "scans"),
    "plan": ("plan", "scans", "-o", "plan.json"),
    "prepare": ("prepare", "scans", "-o", "out"),
    "train": ("train", "scans", "-o", "out"),
    "run": ("run", "scans", "-o", "out"),
    "predict": ("predict", "job/supervised", "-i", "in", "-o", "out"),
    "evaluate": ("evaluate", "-r", "refs", "-p", "labels"),
    "export": ("export", "labels", "-o", "out", "--to", "csv"),
    "study": ("study", "study.toml", "-o", "out"),
    "patches": ("patches", "scans", "-o", "out"),
    "view": ("view", "scans", "--no-browser"),
    "report": ("report", "job"),
    "methods": ("methods",),
}
NEEDS = {
    "predict": ("job", "in"),
    "evaluate": ("refs", "labels"),
    "export": ("labels", "job"),
    "study": ("scans", "study.toml"),
    "report": ("job",),
}
WRONG: Mapping[str, Mapping[str, Sequence[str]]] = {
    "check": {"--split": FILE, "--workers": WHOLE, "--out": ("gone/gone/check.json",), "--nonsense": ("1",)},
    "plan": {
        "--memory": ("x", "0", "-1", "nan", "inf", "1e-9"),
        "--time": ("x", "0", "-1", "nan", "inf"),
        "--spacing": TRIPLE,
        "--patch": (*TRIPLE, "1.5", "17,17,17", "99999999999"),
        "--network": ("x", "", "VNet.", "os.system", "../vnet"),
        "--steps": (*WHOLE, "0"),
        "--method": ("x", "", "os.system", "../supervised", "mean teacher!", "a" * 5000),
        "--exclude": ("nobody", "a,b,c", "*", "../a"),
        "--device": ("x", "", "cuda", "cuda:0", "mps", "tpu"),
        "--workers": WHOLE,
        "--split": FILE[:4],
        "--set": ("x", "plan", "plan.x=1", "plan.fingerprint=1", "=", "plan.=1", "plan.steps", "plan.steps=",
                  "plan.steps.x=1", "a.b.c=1", "plan.patch=[17,16,16]", "plan.version=99", "plan.reasons=1",
                  "plan.precision=16", "plan." + "a." * 5000 + "a=1", "plan.steps=" + "[" * 50_000,
                  "plan.steps=" + "9" * 5000),
    },
    "prepare": {"--plan": FILE, "--split": FILE[:4], "--exclude": ("nobody",), "--workers": ("-1", "x")},
    "train": {
        "--plan": FILE[:5],
        "--seed": (*WHOLE[:5], "-1", "99999999999999999999999999"),
        "--devices": ("0", "-1", "x", "99999"),
        "--nodes": ("0", "-1", "x"),
        "--precision": ("x", "16", "64-true"),
        "--steps": ("0", "-1", "x", "1e9", "99999999999"),
        "--ablation": ("x", "", "os.system"),
        "--recipe": ("x", "", "../../etc"),
        "--readers": ("-1", "x", "99999"),
        "--workers": ("-1", "x", "99999"),
        "--prepared": ("noise", "pipe"),
    },
    "run": {
        "--on": ("x", "", "everywhere", "slurm"),
        "--slurm": ("x", "=", "partition", "=gpu"),
        "--processes": ("0", "-1", "x"),
        "--split": FILE[:5],
        "--out": ("noise", "scans", "/proc/x", "/dev/null/x", "a" * 5000, "noise/x"),
    },
    "predict": {
        "--save": ("x", "everything", "entropy,x"),
        "--blend": ("x", ""),
        "--overlap": ("x", "1", "-0.1", "nan", "inf", "0.99"),
        "--stride": (*TRIPLE, "0.5"),
        "--precision": ("x", "16"),
        "--processes": ("0", "-1", "x"),
        "--device": ("x", "cuda"),
        "--in": ("gone", "noise", "pipe", "/dev/zero"),
        "--out": ("noise", "/proc/x", "noise/x"),
    },
    "evaluate": {
        "--reference": ("gone", "noise", "pipe", "/dev/zero", "job"),
        "--prediction": ("gone", "noise", "pipe", "/dev/zero"),
        "--ignore": ("x", "1.5", "nan"),
        "--workers": ("-1", "x"),
        "--out": ("noise", "/proc/x"),
    },
    "export": {
        "--to": ("x", "", "pdf", "../x"),
        "--source": ("gone", "noise"),
        "--model": ("gone", "noise", "labels", "pipe"),
        "--images": ("gone", "noise", "pipe"),
        "--out": ("noise", "/proc/x"),
    },
    "study": {
        "--recipe": ("x", "../x"),
        "--data": ("gone", "noise", "pipe"),
        "--processes": ("0", "-1", "x"),
        "--on": ("x",),
        "--set": ("x", "=", "a.b", "methods", "methods.x=1", "plan.steps=0"),
        "--out": ("noise", "/proc/x", "scans"),
    },
    "patches": {
        "--size": (*TRIPLE, "1.5", "0", "99999999"),
        "--spacing": (*TRIPLE, "theirs"),
        "--per-scan": ("0", "-1", "x", "1.5"),
        "--overlap": ("x", "-0.1", "2", "nan"),
        "--foreground": ("x", "-0.1", "2", "nan"),
        "--seed": ("x", "-1", "1.5"),
        "--split": FILE[:4],
        "--out": ("noise", "scans", "/proc/x"),
    },
    "view": {"--labels": ("gone", "noise", "pipe"), "--port": ("x", "-1", "65536")},
    "report": {"--nonsense": ("1",)},
    "methods": {"--nonsense": ("1",)},
}  # fmt: skip


def given(command: str, option: str, value: str, root: Path) -> Words:
    """A command with one wrong option; files of noise and a pipe lie about."""
    (root / "noise").write_bytes(bytes(range(256)) * 10)
    os.mkfifo(root / "pipe")
    if value == "slurm":
        os.environ["PATH"] = str(root)  # where there is no Slurm
    words = list(COMMANDS[command])
    short = {"--out": "-o", "--in": "-i", "--reference": "-r", "--prediction": "-p"}.get(option, option)
    if short in words or option in words:
        place = words.index(short if short in words else option)
        words[place + 1] = value
        return words
    return [*words, option, value]


for _command, _options in WRONG.items():
    for _option, _values in _options.items():
        for _value in _values:
            hostile(
                "options",
                f"{_command} {_option} {_value[:40]!r}",
                partial(given, _command, _option, _value),
                *NEEDS.get(_command, ("scans",)),
            )

FIELDS: Mapping[str, Sequence[str]] = {
    "train": ("clip", "labeled_per_step", "unlabeled_per_step", "augmentation", "workers", "readers", "device",
              "devices", "nodes", "split_batch", "precision", "save_every", "validate_every", "selection",
              "tensorboard", "keep_names", "seed", "steps"),
    "method": ("decay", "consistency", "network", "network.rate", "network.kind", "network.decay", "ramp", "noise"),
    "plan": ("spacing", "patch", "network", "intensity", "mirror", "labeled_per_step", "unlabeled_per_step", "steps",
             "precision", "channels_last", "augmentation"),
}  # fmt: skip
NONSENSE = ("quatsch", '{"a":{"b":1}}', "[1,2,3,4,5,6,7,8,9,-1]", "nan", "-7")
for _section, _names in FIELDS.items():
    for _field in _names:
        for _value in NONSENSE:
            hostile(
                "options",
                f"--set {_section}.{_field}={_value}",
                lambda root, text=f"{_section}.{_field}={_value}": (
                    "train", "scans", "-o", "out", "--method", "mean_teacher", "--set", text,
                ),
            )  # fmt: skip
for _words in (
    ("nonsense",), ("train",), ("train", "scans"), ("predict", "job"), ("report", "gone"), ("report", "scans"),
    ("report", "pipe"), ("methods", "nonsense"), ("methods", "os.system"), ("methods", "../../x"), ("view", "gone"),
    ("view", "scans", "nobody"), ("view", "noise"), ("study", "gone.toml"), ("study", "noise"), ("study",),
    ("study", "pipe"), ("check", "noise"), ("check", "pipe"), ("check", "/dev/zero"), ("check", "a" * 5000),
    ("check", "scans", "scans"), ("predict", "noise", "-i", "scans/images", "-o", "out"), ("check", ""),
    ("predict", "pipe", "-i", "scans/images", "-o", "out"), ("predict", "scans", "-i", "scans/images", "-o", "out"),
    ("evaluate", "-r", "scans/labels", "-p", "scans/images"), ("train", "", "-o", ""), ("check", "scans\n"),
):  # fmt: skip
    hostile("options", " ".join(_words)[:60], partial(lambda words, root: _about(words, root), _words))


def _about(words: Sequence[str], root: Path) -> Words:
    (root / "noise").write_bytes(bytes(range(256)) * 10)
    os.mkfifo(root / "pipe")
    return words
