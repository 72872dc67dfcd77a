"""A network as an ONNX file: fixed patch, any batch; it gets its name once its numbers are those of torch."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from semivox.core.errors import InputError, SemivoxError
from semivox.core.files import beside, put, writing
from semivox.core.geometry import Shape
from semivox.core.randomness import generator
from semivox.export.onnx_norms import exact_norms

Predict = Callable[[Tensor], Tensor]
"""(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
LOWEST, DEFAULT = 18, 20
"""Opsets: the oldest that torch's exporter writes, and ours."""
CLOSE = 1e-4
"""Largest difference of a probability between torch and the file: both compute in float32, in another order."""
COMPARED = ((1, 0.3), (1, 1.0), (1, 3.0), (2, 1.0), (3, 1.0))
"""Batch size and strength of the noise on which numbers are compared; a batch that was fixed by mistake fails."""
STREAM = 0x0881
NEEDED = "ONNX files need onnx, onnxscript and onnxruntime: pip install 'semivox[onnx]'"


class Averaged(nn.Module):
    """Modules with ``predict`` as one whose ``forward`` is the mean of their probabilities."""

    def __init__(self, methods: Sequence[nn.Module]) -> None:
        super().__init__()
        self.methods = nn.ModuleList(methods)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
        outputs = [cast(Predict, method.predict)(image) for method in self.methods]
        return torch.stack(outputs).mean(0) if len(outputs) > 1 else outputs[0]


def write_onnx(
    target: Path, network: nn.Module, channels: int, patch: Shape, about: Mapping[str, str], opset: int = DEFAULT
) -> float:
    """Write the file; returns the largest difference of a probability that the comparison with torch found.

    ``about``: texts that are kept in the file. Raises InputError for an opset that does not exist or cannot say what
    the network does, SemivoxError where the file's numbers are not torch's: then there is no file.
    """
    onnx = require_onnx(opset)
    example = torch.zeros(2, channels, *patch)
    exported = _exported(network.eval(), example, opset)
    for name, text in about.items():
        onnx.helper.set_model_props(exported, {**_props(exported), name: text})
    temporary = beside(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with writing(target):
            temporary.write_bytes(exported.SerializeToString())
        found = difference(network, session(temporary, patch), channels, patch)
        if found > CLOSE:
            raise SemivoxError(
                f"the ONNX file does not do what the model does (probabilities differ by up to {found:.2g}, allowed "
                f"are {CLOSE:.0e}; inf: it cannot be run), so it was not kept; try another --opset, or use torch"
            )
        with writing(target):
            put(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return found


def require_onnx(opset: int = DEFAULT) -> Any:
    """The package ``onnx``. Raises InputError where it or the opset is missing."""
    try:
        import onnx
        import onnxruntime  # noqa: F401 - the comparison needs it
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError:
        raise InputError(NEEDED) from None
    newest = onnx.defs.onnx_opset_version()
    if not LOWEST <= opset <= newest:
        raise InputError(
            f"there is no opset {opset} here; there are {LOWEST} to {newest}, and {DEFAULT} is the default"
        )
    return onnx


def session(path: Path, patch: Shape) -> Predict:
    """The network of a file, by onnxruntime on the CPU. Raises InputError where it cannot be loaded."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError(NEEDED) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        loaded = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises a kind of its own for each cause
        raise InputError(f"cannot load {path}: {str(error).splitlines()[0]}") from error
    (given,) = loaded.get_inputs()

    def predict(image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
        (found,) = loaded.run(None, {given.name: np.ascontiguousarray(image.float().cpu().numpy())})
        return torch.from_numpy(found)

    if tuple(given.shape[2:]) != tuple(patch):
        raise InputError(f"{path} is for patches of {given.shape[2:]} voxels, its description says {list(patch)}")
    return predict


@torch.inference_mode()
def difference(network: nn.Module, other: Predict, channels: int, patch: Shape) -> float:
    """Largest difference of a probability over noise of several batch sizes and strengths; infinite where it fails."""
    random, largest = generator(0, STREAM), 0.0
    for size, strength in COMPARED:
        image = torch.from_numpy(strength * random.standard_normal((size, channels, *patch)).astype(np.float32))
        ours = network(image)
        try:
            theirs = other(image)
        except Exception:  # the library's own kinds: a batch that was fixed by mistake, for instance
            return float("inf")
        if ours.shape != theirs.shape or not bool(torch.isfinite(theirs).all()):
            return float("inf")
        largest = max(largest, float((ours - theirs).abs().max()))
    return largest


def _exported(network: nn.Module, example: Tensor, opset: int) -> Any:
    """The ONNX model of torch's exporter. Raises InputError where the opset lacks what the network does."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    quiet, said = logging.getLogger("torch.onnx"), io.StringIO()
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), torch.no_grad(), exact_norms(network):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=opset,
                input_names=["image"],
                output_names=["probabilities"],
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its parts raise
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(
            f"torch cannot write this network as ONNX with opset {opset}: {reason[:200]}. Try another --opset, or use "
            "the model with torch"
        ) from error
    finally:
        quiet.setLevel(level)
    assert program is not None
    model = _without_origins(program.model_proto)
    written = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    if written != opset:
        raise InputError(
            f"torch wrote opset {written} where {opset} was asked for: it has no way from the one to the other"
        )
    return model


def _without_origins(model: Any) -> Any:
    """The model without what torch notes beside each node: in which file of this machine its code stands, whose path
    may name a person."""
    for graph in (model.graph, *model.functions):
        _clear_origins(graph)
    return model


def _clear_origins(graph: Any) -> None:
    for name in ("node", "initializer", "input", "output", "value_info"):
        for one in getattr(graph, name, ()):
            if not isinstance(one, str):  # the names of a function's inputs
                one.ClearField("doc_string")
                one.ClearField("metadata_props")
            for attribute in one.attribute if name == "node" else ():
                for inner in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                    _clear_origins(inner)
    graph.ClearField("doc_string")
    graph.ClearField("metadata_props")


def _props(model: Any) -> dict[str, str]:
    return {one.key: one.value for one in model.metadata_props}
