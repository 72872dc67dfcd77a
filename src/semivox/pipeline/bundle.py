"""A model as a MONAI bundle: license, metadata, traced network, and an inference config of MONAI's own parts.

Nothing of this package is needed to run it. Scans are brought to the network by MONAI's transforms, whose resampling
differs a little from ours, so labels are close to those of ``semivox predict`` and not the same.
"""

from __future__ import annotations

import json
import shutil
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from semivox.core.errors import InputError, SemivoxError
from semivox.core.files import beside, writing
from semivox.core.plan import Plan
from semivox.export.onnx_file import CLOSE, Averaged, difference
from semivox.pipeline.bundle_config import inference, metadata
from semivox.training.ensemble import load_models
from semivox.training.model import ModelCard

LICENSE = (
    "The weights in this bundle were trained by whoever made it, on data of their own; they decide who may use them.\n"
    "Replace this file by your license. The configuration files were written by Semivox (Apache License 2.0).\n"
)
README = """# {title}

Segments {classes}. Trained with Semivox {semivox} ({method}, {steps} steps). Research use; not a medical device.

    python -m monai.bundle run --config_file configs/inference.json --bundle_root . \\
        --dataset_dir SCANS --output_dir LABELS

SCANS is a folder of NIfTI files{channels}. Labels are written to LABELS/CASE/CASE_trans.nii.gz on each scan's own grid.
MONAI's resampling differs a little from Semivox's: labels are close to those of `semivox predict`, not the same.
"""


def export_bundle(model: Path, out: Path) -> None:
    """Write the bundle folder ``out``, whole or not at all.

    Raises InputError where ``out`` is there already or the model cannot be traced, SemivoxError where the traced
    network says something else than the model.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise InputError(f"{out} exists already; remove it or give another --out")
    methods, card = load_models(model)
    temporary = beside(out)
    try:
        with writing(out):
            for name in ("configs", "models", "docs"):
                (temporary / name).mkdir(parents=True)
            (temporary / "LICENSE").write_text(LICENSE, encoding="utf-8")
            (temporary / "docs" / "README.md").write_text(_readme(card), encoding="utf-8")
        _trace(Averaged(methods).eval(), card.plan, temporary / "models" / "model.ts", out)
        with writing(out):
            _put(temporary / "configs" / "metadata.json", metadata(card))
            _put(temporary / "configs" / "inference.json", inference(card.plan))
            if out.exists():
                out.rmdir()
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _trace(network: torch.nn.Module, plan: Plan, target: Path, out: Path) -> None:
    """Write the network as TorchScript, which needs no code of ours. Raises InputError, SemivoxError."""
    example = torch.randn(1, len(plan.channels), *plan.patch, generator=torch.Generator().manual_seed(0))
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(network, (example,), check_trace=False)
            with writing(out):
                torch.jit.save(traced, str(target))
                _drop_origins(target)
            found = difference(network, torch.jit.load(str(target)).eval(), len(plan.channels), plan.patch)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"torch cannot trace this network: {str(error).strip().splitlines()[0][:200]}") from error
    if found > CLOSE:
        raise SemivoxError(f"the traced network differs from the model by up to {found:.2g}, so no bundle was written")


def _drop_origins(target: Path) -> None:
    """Take out of TorchScript which file of this machine each line comes from: a path may name a person."""
    named = target.with_name("named.ts")
    target.rename(named)
    with zipfile.ZipFile(named) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                new.writestr(entry.filename, old.read(entry))
    named.unlink()


def _readme(card: ModelCard) -> str:
    plan = card.plan
    several = f", {len(plan.channels)} a case, ending in _0000, _0001, ..." if len(plan.channels) > 1 else ""
    return README.format(
        title=plan.dataset,
        classes=", ".join(info.name for info in plan.classes[1:]),
        semivox=card.semivox,
        method=card.method,
        steps=card.steps,
        channels=several,
    )


def _put(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
