"""The two files that make a folder a MONAI bundle: what the model is, and how MONAI's own parts run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from semivox.core.plan import Intensity, Plan
from semivox.data.prepared.intensity import padding
from semivox.training.model import ModelCard

SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
"""What MONAI's verifier holds metadata.json to."""
MONAI = "1.6.1"
"""A version that bundles were run with."""
IGNITE = "0.5.2"
"""MONAI's evaluators need pytorch-ignite; a version that they are known to run with."""


def _monai() -> str:
    """The version of MONAI that the bundle is for: the one that is here, or one that is known to run it."""
    try:
        return version("monai")
    except PackageNotFoundError:  # nothing else of the export needs it
        return MONAI


def metadata(card: ModelCard) -> Mapping[str, Any]:
    """metadata.json: versions, what goes in and what comes out."""
    plan = card.plan
    names = {str(index): info.name for index, info in enumerate(plan.classes)}
    space = {"num_channels": len(plan.channels), "spatial_shape": list(plan.patch), "dtype": "float32"}
    return {
        "schema": SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": f"exported by Semivox {version('semivox')}"},
        "monai_version": _monai(),
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
    return {
        "imports": ["$import glob", "$import os", "$import re", "$import torch", "$import numpy as np"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/scans'",
        "output_dir": "$@bundle_root + '/labels'",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "datalist": datalist(len(plan.channels)),
        "network_def": "$torch.jit.load(@bundle_root + '/models/model.ts', map_location=@device).eval()",
        "preprocessing": {"_target_": "Compose", "transforms": _before(plan)},
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
        "postprocessing": {"_target_": "Compose", "transforms": _after(plan)},
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


def _before(plan: Plan) -> list[dict[str, Any]]:
    """From a file to what the network sees."""
    return [
        {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True, "image_only": True},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
        {"_target_": "Lambdad", "keys": "image", "func": intensity(plan.intensity), "track_meta": True},
        {"_target_": "Spacingd", "keys": "image", "pixdim": list(plan.spacing), "mode": "bilinear"},
        {"_target_": "EnsureTyped", "keys": "image", "dtype": "$torch.float32"},
    ]


def _after(plan: Plan) -> list[dict[str, Any]]:
    """From probabilities on the network's grid to a label file on the scan's own, with the data set's values."""
    values = [info.value for info in plan.classes]
    classes = list(range(len(values)))
    numbered = [{"_target_": "MapLabelValued", "keys": "pred", "orig_labels": classes, "target_labels": values}]
    return [
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        *([] if values == classes else numbered),
        {
            "_target_": "SaveImaged",
            "keys": "pred",
            "output_dir": "@output_dir",
            "output_dtype": f"$np.{'uint8' if max(values) < 256 else 'uint16'}",
            "resample": False,
        },
    ]


def datalist(channels: int) -> str:
    """An expression for the scans of a folder: files, or groups of files that end in _0000, _0001, ..."""
    files = "sorted(glob.glob(@dataset_dir + '/*.nii*'))"
    if channels == 1:
        return f"$[{{'image': name}} for name in {files}]"
    return (
        f"$[{{'image': [re.sub(r'_0000\\.nii', '_%04d.nii' % number, name) for number in range({channels})]}} "
        f"for name in {files} if '_0000.nii' in name]"
    )


def intensity(intensities: Sequence[Intensity]) -> str:
    """An expression that brings each channel of (C, X, Y, Z) to the network's scale by the plan."""
    parts = [f"({_one(one)})(x[{index}])" for index, one in enumerate(intensities)]
    return f"$lambda x: torch.stack([{', '.join(parts)}])"


def _one(intensity: Intensity) -> str:
    if intensity.scheme == "none":
        return "lambda v: v"
    if intensity.scheme == "ct":
        return f"lambda v: (v.clamp({intensity.lower!r}, {intensity.upper!r}) - {intensity.mean!r}) / {intensity.std!r}"
    if intensity.scheme == "range":
        return "lambda v: (v - v.min()) / (v.max() - v.min()).clamp_min(1e-8)"
    counted = "v[v != 0]" if intensity.nonzero else "v"
    return f"lambda v: (v - {counted}.mean()) / {counted}.std(unbiased=False).clamp_min(1e-8)"
