"""Plans, models and study files that claim what no machine can do, or what nobody can mean."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.hostile.kinds import STUDY, Words, hostile

VNET = {"width": 8, "strides": [[2, 2, 2], [2, 2, 2]], "convolutions": [1, 2, 3], "dropout": 0.1, "coarse": 2}
CLAIMS: dict[str, tuple[Sequence[str], Any]] = {
    "a million convolutions": (("network", "options", "convolutions"), [10**6, 1, 1]),
    "a million levels": (("network", "options", "strides"), [[2, 2, 2]] * 10**5),
    "a width of a million": (("network", "options", "width"), 10**6),
    "a width of 1000 at six levels": (("network", "options"), {"width": 1000, "strides": [[2, 2, 2]] * 5,
                                                              "convolutions": [1] * 6}),
    "a width of nothing": (("network", "options", "width"), 0),
    "a network of no name": (("network", "name"), "../../vnet"),
    "an unknown option": (("network", "options", "widht"), 8),
    "a patch of 17": (("patch",), [17, 16, 16]),
    "a patch of nothing": (("patch",), [0, 16, 16]),
    "a patch below nothing": (("patch",), [-16, 16, 16]),
    "a huge patch": (("patch",), [65536, 65536, 65536]),
    "a patch of two axes": (("patch",), [16, 16]),
    "a spacing of 1e-9": (("spacing",), [1e-9, 1.5, 1.5]),
    "a spacing of 1e-4": (("spacing",), [1e-4, 1e-4, 1e-4]),
    "a spacing of 1e30": (("spacing",), [1e30, 1.5, 1.5]),
    "a spacing of nothing": (("spacing",), [0, 1.5, 1.5]),
    "a std of 0": (("intensity",), [{"scheme": "ct", "std": 0}]),
    "a std below 0": (("intensity",), [{"scheme": "ct", "std": -1}]),
    "a std of 1e-300": (("intensity",), [{"scheme": "ct", "lower": 0, "upper": 1, "std": 1e-300}]),
    "bounds the wrong way round": (("intensity",), [{"scheme": "ct", "lower": 5, "upper": 3}]),
    "bounds of 1e300": (("intensity",), [{"scheme": "ct", "lower": -1e300, "upper": 1e300, "std": 1e-9}]),
    "no intensity": (("intensity",), []),
    "two intensities of one channel": (("intensity",), [{"scheme": "none"}] * 2),
    "a scheme of no name": (("intensity",), [{"scheme": "magic"}]),
    "no class": (("classes",), []),
    "one class": (("classes",), [{"name": "background", "value": 0}]),
    "two classes of one value": (("classes",), [{"name": "a", "value": 0}, {"name": "b", "value": 0}]),
    "a class of a huge value": (("classes",), [{"name": "a", "value": 0}, {"name": "b", "value": 10**9}]),
    "a class below 0": (("classes",), [{"name": "a", "value": 0}, {"name": "b", "value": -5}]),
    "ten thousand classes": (("classes",), [{"name": str(n), "value": n} for n in range(10_000)]),
    "no channel": (("channels",), []),
    "a thousand channels": (("channels",), ["MR"] * 1000),
    "a version of the future": (("version",), 99),
    "an augmentation of no name": (("augmentation",), "magic"),
    "a precision of no name": (("precision",), "64-true"),
    "steps of 1e30": (("steps",), 10**30),
    "no step": (("steps",), 0),
    "a billion patches a step": (("labeled_per_step",), 10**9),
    "a mirror of two axes": (("mirror",), [True, False]),
    "no case": (("fingerprint", "cases"), []),
    "a case of no voxels": (("fingerprint", "cases", 0, "shape"), [0, 0, 0]),
    "a case of a huge shape": (("fingerprint", "cases", 0, "shape"), [10**9, 10**9, 10**9]),
    "a case of no spacing": (("fingerprint", "cases", 0, "spacing"), [0, 0, 0]),
}  # fmt: skip
MAY = {"no case", "a case of no voxels", "a case of a huge shape", "a case of no spacing", "bounds of 1e300",
       "a std of 1e-300", "an augmentation of no name"}  # fmt: skip


def put(value: Any, place: Sequence[str | int], new: Any) -> None:
    """Put something into nested JSON values."""
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new


def claimed(file: str, place: Sequence[str], new: Any, command: Words, root: Path) -> Words:
    path = root / file
    content = json.loads(path.read_text())
    put(content, (["plan", *place] if "model" in file else place), new)
    path.write_text(json.dumps(content))
    return command


PREDICT = ("predict", "job/supervised", "-i", "in", "-o", "out", "--device", "cpu")
TRAINED = ("train", "scans", "-o", "out", "--plan", "plan.json", "--method", "supervised", "--workers", "0",
           "--device", "cpu")  # fmt: skip
for _name, (_place, _new) in CLAIMS.items():
    _harmless = _name in MAY
    hostile(
        "claims", f"model: {_name}",
        partial(claimed, "job/supervised/model/model.json", _place, _new, PREDICT), "job", "in", may_pass=_harmless,
    )  # fmt: skip
    hostile(
        "claims", f"plan: {_name}", partial(claimed, "plan.json", _place, _new, TRAINED), "scans", "plan.json",
        may_pass=_harmless,
    )  # fmt: skip

WEIGHTS = {
    "NaN": lambda tensor: tensor.fill_(math.nan),
    "infinity": lambda tensor: tensor.fill_(math.inf),
    "1e38": lambda tensor: tensor.fill_(1e38),
    "another type": lambda tensor: tensor.to(torch.int64),
    "another shape": lambda tensor: tensor.flatten()[:1].clone(),
}


def weights(change: Any, number: int, signed: bool, root: Path) -> Words:
    """A tensor of the model holds something else; ``signed``: the description goes with it, as after bad training."""
    folder = root / "job" / "supervised" / "model"
    tensors = load_file(folder / "weights.safetensors")
    floats = sorted(name for name, tensor in tensors.items() if tensor.is_floating_point())
    name = floats[number % len(floats)]
    tensors[name] = change(tensors[name].clone())
    save_file(tensors, folder / "weights.safetensors")
    if signed:
        card = json.loads((folder / "model.json").read_text())
        card["weights"] = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
        (folder / "model.json").write_text(json.dumps(card))
    return PREDICT


for _name, _change in WEIGHTS.items():
    for _number in (0, -1):
        for _signed in (False, True):
            _how = " with its digest" if _signed else ""
            hostile(
                "claims", f"weights: {_name} in tensor {_number}{_how}",
                partial(weights, _change, _number, _signed), "job", "in", may_pass=_name == "1e38",
            )  # fmt: skip

SETS: dict[str, tuple[str, ...]] = {
    "cases.draws": ("1000000000", "-1", "1.5", "[1,1]", "[]", '"a"', "1e300"),
    "cases.labeled": ("0", "[0]", "[2,2]", "1000000000", '["a"]', "[1,2,3,99]"),
    "cases.folds": ("1", "1000000000", "-2", '"many"'),
    "cases.test": ("-1", "99", '["nobody"]', '"gone.txt"', "1.5"),
    "cases.validation": ("-1", "99", '["nobody"]', "[1]"),
    "cases.exclude": ('["nobody"]', "1", '[["a"]]'),
    "cases.order": ('"gone.txt"', '"scans"', "5"),
    "cases.split": ('"gone.json"', '"../../etc/passwd"', '"study.toml"'),
    "cases.draw_seed": ("-1", "1.5", '"a"'),
    "methods": ("[]", '["magic"]', "5", '["supervised", 5]', "{}", '["os.system"]', '"__import__"'),
    "seeds": ("3", "[]", "[1,1]", "[-1]", '["a"]', "[1.5]", "[100000000000000000000000000]"),
    "plan.steps": ("0", "-1", "1e30", '"a"'),
    "plan.patch": ("[17,16,16]", "[0,0,0]", "[1e9,1e9,1e9]", "5.5"),
    "plan.spacing": ("[1e-9,1,1]", "[0,1,1]", "[1,1]", '"a"'),
    "plan.network": ('"magic"', "5"),
    "plan.fields.width": ("5",),
    "train.steps": ("5",),
    "train.seed": ("5",),
    "train.workers": ("-1", "1000000"),
    "train.device": ('"tpu"',),
    "predict.overlap": ("1", "-1", "5"),
    "predict.stride": ("[0,0,0]", "[-1,1,1]", "[1]"),
    "predict.blend": ('"magic"',),
    "method.supervised.ablations": ('["magic"]',),
    "method.mean_teacher.recipe": ('"magic"',),
    "method.supervised.network.name": ('"magic"',),
    "method.supervised.options.network.rate": ("-1", '"a"', "1e999"),
    "protocol": ('"magic"', "5"),
    "data": ('"gone"', "5", '""'),
    "surplus": ("1",),
    "cases": ("5", "[]", '"a"'),
    "legacy.voxels": ('"perhaps"', "7"),
}
for _key, _texts in SETS.items():
    for _text in _texts:
        hostile(
            "studies", f"{_key}={_text}",
            lambda root, key=_key, text=_text: ("study", "study.toml", "-o", "out", "--set", f"{key}={text}"),
            "scans", "study.toml",
        )  # fmt: skip

FILES = {
    "nothing": b"",
    "noise": bytes(range(256)),
    "half of it": STUDY[:40].encode(),
    "deep lists": b"a = " + b"[" * 100_000,
    "deep tables": b"a = " + b"{a=" * 100_000,
    "a deep key": b"a" + b".a" * 100_000 + b" = 1",
    "deep headers": b"[" + b"a." * 50_000 + b"a]\n",
    "a key twice": STUDY.encode() + b'\nworkers = 1\n',
    "a table twice": STUDY.encode() + b"\n[cases]\n",
    "a long number": b"seeds = [" + b"9" * 10_000 + b"]\n",
    "a date": b"methods = 1979-05-27T07:32:00Z\n",
    "UTF-16": STUDY.encode("utf-16"),
    "a zero byte": STUDY.encode() + b"\0",
    "JSON": b'{"methods": ["supervised"]}',
    "infinity": STUDY.encode() + b"save_every = inf\n",
    "nan": STUDY.encode() + b"clip = nan\n",
    "many methods": b'data = "scans"\nmethods = [' + b'"supervised",' * 100_000 + b"]\n[cases]\nlabeled=[9]\n",
    "many seeds": b'data = "scans"\nmethods = ["supervised"]\nseeds = ' + str(list(range(100_000))).encode() + b"\n",
    "many counts": b'data = "scans"\nmethods = ["supervised"]\n[cases]\nlabeled = '
    + str(list(range(1, 50_000))).encode(),
    "all of it": b'data = "scans"\nmethods = ["supervised"]\nseeds = ' + str(list(range(9_000))).encode()
    + b"\n[cases]\nlabeled = [1,2]\ndraws = 1000\n",
}  # fmt: skip


def written(content: bytes, root: Path) -> Words:
    (root / "study.toml").write_bytes(content)
    return ("study", "study.toml", "-o", "out")


for _name, _content in FILES.items():
    hostile("studies", f"a file of {_name}", partial(written, _content))
