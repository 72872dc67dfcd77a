"""ONNX files that somebody sends, and what people say of results."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from tests.hostile.kinds import Words, hostile


def network(change: Callable[[onnx.ModelProto], onnx.ModelProto | bytes], root: Path) -> Words:
    """An exported model is changed; onnxruntime runs it."""
    path = root / "onnx" / "model.onnx"
    found = change(onnx.load(path))
    path.write_bytes(found if isinstance(found, bytes) else found.SerializeToString())
    return ("predict", "onnx/model.onnx", "-i", "in", "-o", "out", "--backend", "onnxruntime")


def _external(target: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """The first weights stand in another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", target), ("offset", "0"), ("length", "64")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


def _node(kind: str, domain: str, model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.node[0].op_type, model.graph.node[0].domain = kind, domain
    return model


def _shape(size: int, model: onnx.ModelProto) -> onnx.ModelProto:
    for dimension in model.graph.input[0].type.tensor_type.shape.dim:
        dimension.dim_value = size
    return model


def _meta(value: str | None, model: onnx.ModelProto) -> onnx.ModelProto:
    """What the file says of itself, all of it, is another text."""
    for entry in model.metadata_props:
        entry.value = value or ""
    if value is None:
        del model.metadata_props[:]
    return model


def _nan(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(onnx.numpy_helper.from_array(
                np.full(tuple(tensor.dims), np.nan, np.float32), tensor.name))  # fmt: skip
    return model


ONNX: dict[str, Callable[[onnx.ModelProto], onnx.ModelProto | bytes]] = {
    "nothing": lambda model: b"",
    "noise": lambda model: bytes(range(256)) * 20,
    "half of it": lambda model: model.SerializeToString()[:-2000],
    "words": lambda model: b"name,age\n" * 100,
    "a web page": lambda model: b"<!DOCTYPE html><html>404</html>",
    "weights in a file of the system": partial(_external, "/etc/passwd"),
    "weights in a file outside": partial(_external, "../../../../../../etc/passwd"),
    "weights in a file that is gone": partial(_external, "gone.bin"),
    "an operator of no name": partial(_node, "Quark", ""),
    "an operator of somebody": partial(_node, "System", "evil.domain"),
    "an input of another size": partial(_shape, 7),
    "an input of a huge size": partial(_shape, 2**40),
    "no word of itself": partial(_meta, None),
    "nothing said of itself": partial(_meta, ""),
    "deep lists said of itself": partial(_meta, "[" * 200_000),
    "a null said of itself": partial(_meta, "null"),
    "numbers that are none": _nan,
}
for _name, _alter in ONNX.items():
    hostile("models", f"ONNX: {_name}", partial(network, _alter), "onnx", "in")
hostile("unbroken", "predict with onnxruntime", partial(network, lambda model: model), "onnx", "in", may_pass=True)

SUGGEST = ("suggest", "job", "-o", "out", "--device", "cpu", "--ratings", "ratings.json", "-n", "1")
RATINGS: dict[str, tuple[object, bool]] = {
    "a case rated twice in two ways": ([{"case": "u", "rating": "use"}, {"case": "u", "rating": "reject"}], False),
    "a case of a path": ([{"case": "../../etc/passwd", "rating": "use"}], True),
    "a case of markup": ([{"case": "<script>\x1b[2J", "rating": "use"}], True),
    "a rating of no name": ([{"case": "u", "rating": "perfect"}], False),
    "a rating of a number": ([{"case": "u", "rating": 1}], False),
    "a rating of a list": ([{"case": "u", "rating": ["use"]}], False),
    "a case of a number": ([{"case": 7, "rating": "use"}], False),
    "a note of 5 MB": ([{"case": "u", "rating": "use", "note": "x" * 5_000_000}], True),
    "a hundred thousand ratings": ([{"case": f"c{n}", "rating": "use"} for n in range(100_000)], True),
    "ratings as an object": ({"u": "use"}, False),
    "a case of the test": ([{"case": "t", "rating": "use"}], True),
    "a surplus word": ([{"case": "u", "rating": "use", "by": "me"}], False),
}


def rated(content: object, root: Path) -> Words:
    (root / "ratings.json").write_text(json.dumps({"version": 1, "ratings": content}))
    return SUGGEST


for _name, (_content, _may) in RATINGS.items():
    hostile("models", f"ratings: {_name}", partial(rated, _content), "scans", "job", may_pass=_may)
