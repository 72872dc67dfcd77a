"""Models that somebody sends: headers of safetensors, folders of links, odd descriptions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.kinds import Words, hostile

PREDICT = ("predict", "job/supervised", "-i", "in", "-o", "out", "--device", "cpu")
MODEL = "job/supervised/model"
Header = dict[str, Any]
EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def split(content: bytes) -> tuple[Header, bytes]:
    """The header of a safetensors file, and its numbers."""
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def joined(header: Header | bytes, data: bytes, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def first(header: Header) -> Header:
    return next(value for name, value in header.items() if name != "__metadata__")


def _headed(change: Callable[[Header], object]) -> Callable[[bytes], bytes]:
    def write(content: bytes) -> bytes:
        header, data = split(content)
        found = change(header)
        return joined(found if isinstance(found, (dict, bytes)) else header, data)

    return write


def _sized(size: int) -> Callable[[bytes], bytes]:
    return lambda content: struct.pack("<Q", size) + content[8:]


def _renamed(name: str) -> Callable[[bytes], bytes]:
    return _headed(lambda header: {name: first(header)} | dict(list(header.items())[1:]))


SAFETENSORS: dict[str, Callable[[bytes], bytes]] = {
    "a header of 2**63 bytes": _sized(2**63),
    "a header of 100 MB": _sized(100_000_000),
    "a header of nothing": _sized(0),
    "a header of one byte": _sized(1),
    "eight bytes and no more": lambda content: content[:8],
    "seven bytes": lambda content: content[:7],
    "a header of blanks": lambda content: joined(b" " * 5_000_000, b""),
    "a header that is a list": lambda content: joined(b"[]", b""),
    "a header of deep lists": lambda content: joined(b'{"a":' + b"[" * 200_000, b""),
    "a header that ends in noise": lambda content: joined(json.dumps(split(content)[0]).encode() + b"\xff\xfe", b""),
    "a tensor twice": lambda content: joined(
        json.dumps(split(content)[0]).encode()[:-1] + b"," + json.dumps(split(content)[0]).encode()[1:],
        split(content)[1],
    ),
    "no tensor": lambda content: joined({}, b""),
    "tensors that lie on one another": _headed(
        lambda header: [value.update(data_offsets=[0, 4]) for value in header.values() if "shape" in value] and None
    ),
    "a tensor behind the end": _headed(lambda header: first(header).update(data_offsets=[10**15, 10**15 + 4])),
    "a tensor that ends before it begins": _headed(lambda header: first(header).update(data_offsets=[8, 4])),
    "a tensor below 0": _headed(lambda header: first(header).update(data_offsets=[-8, -4])),
    "a shape of -1": _headed(lambda header: first(header).update(shape=[-1])),
    "a shape whose product is beyond 64 bits": _headed(lambda header: first(header).update(shape=[2**62, 2**62])),
    "a shape of a million axes": _headed(lambda header: first(header).update(shape=[1] * 1_000_000)),
    "a type of no name": _headed(lambda header: first(header).update(dtype="F4096")),
    "a type of four bits": _headed(lambda header: first(header).update(dtype="F4")),
    "a hundred thousand tensors of nothing": _headed(
        lambda header: (
            header | {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(100_000)}
        )
    ),
    "a name with markup": _renamed("<img src=x>\x1b[2J\n\u202e"),
    "a name of a method": _renamed("__class__"),
    "a name of 5 MB": _renamed("x" * 5_000_000),
    "bytes behind it": lambda content: content + bytes(1000),
    "one byte fewer": lambda content: content[:-1],
    "a pickle": lambda content: b"\x80\x04cos\nsystem\n(S'touch evil'\ntR.",
    "a checkpoint's zip": lambda content: b"PK\x03\x04" + content,
}


def weights(change: Callable[[bytes], bytes], signed: bool, root: Path) -> Words:
    """Weights of another content; ``signed``: with the digest that fits, as somebody who means harm writes it."""
    path = root / MODEL / "weights.safetensors"
    path.write_bytes(change(path.read_bytes()))
    if signed:
        card = json.loads((root / MODEL / "model.json").read_text())
        card["weights"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (root / MODEL / "model.json").write_text(json.dumps(card))
    return PREDICT


for _name, _change in SAFETENSORS.items():
    hostile("models", f"weights: {_name}", partial(weights, _change, True), "job", "in",
            may_pass=_name == "a tensor twice")  # fmt: skip


def placed(change: Callable[[Path], object], root: Path) -> Words:
    """The folder of the model is arranged otherwise."""
    change(root / MODEL)
    return PREDICT


def _linked(target: str, folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").symlink_to(target)


def _sparse(folder: Path) -> None:
    os.truncate(folder / "weights.safetensors", 1 << 40)


def _swapped(folder: Path) -> None:
    """The description as weights and the other way round."""
    (folder / "weights.safetensors").rename(folder / "x")
    (folder / "model.json").rename(folder / "weights.safetensors")
    (folder / "x").rename(folder / "model.json")


def _circle(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("model")


def _outside(folder: Path) -> None:
    """The folder is a link to a model elsewhere, as a shared drive has it."""
    folder.rename(folder.parents[2] / "elsewhere")
    folder.symlink_to("../../elsewhere")


def _fields(folder: Path, **changed: Any) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | changed))


PLACES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "weights that are a link to zeros": (partial(_linked, "/dev/zero"), False),
    "weights that are a link to words": (partial(_linked, "/etc/passwd"), False),
    "weights that are a link to themselves": (partial(_linked, "weights.safetensors"), False),
    "weights that are the description": (partial(_linked, "model.json"), False),
    "weights of a terabyte": (_sparse, False),
    "weights and description exchanged": (_swapped, False),
    "a folder that is a link to itself": (_circle, False),
    "a folder that is a link to elsewhere": (_outside, True),
    "a method that is a module": (lambda folder: _fields(folder, method="os.system"), False),
    "a method that is a path": (lambda folder: _fields(folder, method="../../evil"), False),
    "a method of another kind": (lambda folder: _fields(folder, method=["supervised"]), False),
    "a version of words": (lambda folder: _fields(folder, version="one"), False),
    "a version of a truth": (lambda folder: _fields(folder, version=True), True),
    "a program to run": (lambda folder: _fields(folder, command="touch evil"), False),
    "a description with a byte order mark": (
        lambda folder: (folder / "model.json").write_bytes(b"\xef\xbb\xbf" + (folder / "model.json").read_bytes()),
        True,
    ),
    "a description of NaN": (
        lambda folder: (folder / "model.json").write_text((folder / "model.json").read_text()[:-3] + ', "x": NaN}'),
        False,
    ),
}
for _name, (_change, _may) in PLACES.items():
    hostile("models", f"model: {_name}", partial(placed, _change), "job", "in", may_pass=_may)
