"""A trained model as a file that other programs run, and such a file as a predictor."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.export.onnx_file import DEFAULT, Averaged, require_onnx, session, write_onnx
from semivox.inference.predictor import ScanPredictor
from semivox.training.ensemble import load_models, models_digest
from semivox.training.model import ModelCard

ONNX = "model.onnx"
CARD = "semivox"
"""Key under which the file keeps the model's description."""


def export_onnx(model: Path, out: Path, opset: int = DEFAULT) -> tuple[Path, float]:
    """Write ``out/model.onnx``; returns it and the largest difference from torch that was found.

    Raises InputError for a model or opset that is missing, and where the file is there already.
    """
    require_onnx(opset)
    if out.is_file() or (out / ONNX).exists():
        raise InputError(f"{out if out.is_file() else out / ONNX} exists already; remove it or give another --out")
    methods, card = load_models(model)
    about = {CARD: card.model_dump_json(), "model": models_digest(model), "members": str(len(methods))}
    plan = card.plan
    found = write_onnx(out / ONNX, Averaged(methods), len(plan.channels), plan.patch, about, opset)
    return out / ONNX, found


def onnx_file(model: Path) -> Path | None:
    """The ONNX file that is meant by a path; None where it means none."""
    if model.suffix == ".onnx":
        return model
    return next((path for path in (model / ONNX, model / "onnx" / ONNX) if path.exists()), None)


def onnx_predictor(model: Path, **options: Any) -> ScanPredictor:
    """The predictor of an exported file, by onnxruntime on the CPU. Raises InputError."""
    path = onnx_file(model)
    if path is None:
        command = shlex.join(["semivox", "export", str(model), "-o", str(model / "onnx"), "--to", "onnx"])
        raise InputError(f"{model} holds no {ONNX}; make one: {command}")
    onnx = require_onnx()
    try:
        content = path.read_bytes()
        about = {one.key: one.value for one in onnx.load_model_from_string(content).metadata_props}
        card = ModelCard.model_validate_json(about[CARD])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except KeyError:
        raise InputError(f"{path} was not written by semivox export, so its classes and spacing are unknown") from None
    except ValidationError as error:
        raise InputError(f"{path} holds no valid description:\n{explain(error, ModelCard)}") from error
    except Exception as error:  # protobuf's own kinds
        raise InputError(f"{path} is damaged or no ONNX file: {str(error)[:100]}; export it again") from error
    return ScanPredictor(
        card.plan,
        session(path, card.plan.patch),
        device=torch.device("cpu"),
        channels_last=False,
        model=hashlib.sha256(content).hexdigest(),
        **options,
    )
