"""A model as a MONAI bundle: license, metadata, traced network, and an inference config of MONAI's own parts.

Nothing of this package is needed to run it. Scans are brought to the network by MONAI's transforms, whose resampling
differs a little from ours, so labels are close to those of ``semivox predict`` and not the same.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from semivox.core.errors import InputError, SemivoxError
from semivox.core.files import beside, writing
from semivox.core.plan import Intensity, Plan
from semivox.data.batches.patches import padding
from semivox.export.onnx_file import CLOSE, Averaged, difference
from semivox.training.ensemble import load_models
from semivox.training.model import ModelCard

SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
"""What MONAI's verifier holds metadata.json to."""
IGNITE = "0.5.2"
"""MONAI's evaluators need pytorch-ignite; a version that they are known to run with."""
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


def metadata(card: ModelCard) -> Mapping[str, Any]:
    """metadata.json: versions, what goes in and what comes out."""
    plan = card.plan
    names = {str(index): info.name for index, info in enumerate(plan.classes)}
    space = {"num_channels": len(plan.channels), "spatial_shape": list(plan.patch), "dtype": "float32"}
    return {
        "schema": SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": f"exported by Semivox {version('semivox')}"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {"nibabel": version("nibabel"), "pytorch-ignite": IGNITE},
        "task": f"segmentation of {', '.join(list(names.values())[1:])}",
        "description": f"{card.method} on {plan.dataset}, {card.steps} steps, trained with Semivox {card.semivox}",
        "authors": "whoever trained this model",
        "copyright": "whoever trained this model",
        "intended_use": "research only; not a medical device",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    **space,
                    "value_range": [-10, 10],
                    "is_patch_data": True,
                    "channel_def": {str(index): name for index, name in enumerate(plan.channels)},
                }
            },
            "outputs": {
                "pred": {
                    "type": "probabilities",
                    "format": "segmentation",
                    **space,
                    "num_channels": len(plan.classes),
                    "value_range": [0, 1],
                    "is_patch_data": True,
                    "channel_def": names,
                }
            },
        },
    }


def inference(plan: Plan) -> Mapping[str, Any]:
    """inference.json: MONAI's own parts from files to labels on the scans' own grids."""
    values = [info.value for info in plan.classes]
    classes = list(range(len(values)))
    numbered = [{"_target_": "MapLabelValued", "keys": "pred", "orig_labels": classes, "target_labels": values}]
    numbered = [] if values == classes else numbered
    kind = "uint8" if max(values) < 256 else "uint16"
    return {
        "imports": ["$import glob", "$import os", "$import re", "$import torch", "$import numpy as np"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/scans'",
        "output_dir": "$@bundle_root + '/labels'",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "datalist": _datalist(len(plan.channels)),
        "network_def": "$torch.jit.load(@bundle_root + '/models/model.ts', map_location=@device).eval()",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True, "image_only": True},
                {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
                {"_target_": "Lambdad", "keys": "image", "func": _intensity(plan.intensity), "track_meta": True},
                {"_target_": "Spacingd", "keys": "image", "pixdim": list(plan.spacing), "mode": "bilinear"},
                {"_target_": "EnsureTyped", "keys": "image", "dtype": "$torch.float32"},
            ],
        },
        "dataset": {"_target_": "Dataset", "data": "@datalist", "transform": "@preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(plan.patch),
            "sw_batch_size": 1,
            "overlap": 0.5,
            "mode": "gaussian",
            "padding_mode": "constant",
            "cval": padding(plan.intensity[0]),
        },
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {
                    "_target_": "Invertd",
                    "keys": "pred",
                    "transform": "@preprocessing",
                    "orig_keys": "image",
                    "nearest_interp": False,
                    "to_tensor": True,
                },
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
                *numbered,
                {
                    "_target_": "SaveImaged",
                    "keys": "pred",
                    "output_dir": "@output_dir",
                    "output_dtype": f"$np.{kind}",
                    "resample": False,
                },
            ],
        },
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network_def",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "run": ["$@evaluator.run()"],
    }


def _datalist(channels: int) -> str:
    """An expression for the scans of a folder: files, or groups of files that end in _0000, _0001, ..."""
    files = "sorted(glob.glob(@dataset_dir + '/*.nii*'))"
    if channels == 1:
        return f"$[{{'image': name}} for name in {files}]"
    return (
        f"$[{{'image': [re.sub(r'_0000\\.nii', '_%04d.nii' % number, name) for number in range({channels})]}} "
        f"for name in {files} if '_0000.nii' in name]"
    )


def _intensity(intensities: Sequence[Intensity]) -> str:
    """An expression that brings each channel of (C, X, Y, Z) to the network's scale by the plan."""
    parts = [f"({_scaled(one)})(x[{index}])" for index, one in enumerate(intensities)]
    return f"$lambda x: torch.stack([{', '.join(parts)}])"


def _scaled(intensity: Intensity) -> str:
    if intensity.scheme == "none":
        return "lambda v: v"
    if intensity.scheme == "ct":
        return f"lambda v: (v.clamp({intensity.lower!r}, {intensity.upper!r}) - {intensity.mean!r}) / {intensity.std!r}"
    counted = "v[v != 0]" if intensity.nonzero else "v"
    return f"lambda v: (v - {counted}.mean()) / {counted}.std(unbiased=False).clamp_min(1e-8)"


def _trace(network: torch.nn.Module, plan: Plan, target: Path, out: Path) -> None:
    """Write the network as TorchScript, which needs no code of ours. Raises InputError, SemivoxError."""
    example = torch.randn(1, len(plan.channels), *plan.patch, generator=torch.Generator().manual_seed(0))
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(network, (example,), check_trace=False)
            with writing(out):
                torch.jit.save(traced, str(target))
            found = difference(network, torch.jit.load(str(target)).eval(), len(plan.channels), plan.patch)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"torch cannot trace this network: {str(error).strip().splitlines()[0][:200]}") from error
    if found > CLOSE:
        raise SemivoxError(f"the traced network differs from the model by up to {found:.2g}, so no bundle was written")


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
