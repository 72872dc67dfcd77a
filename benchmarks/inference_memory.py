"""How much memory does labeling a large CT take, from file to file?

A made-up scan of 512 x 512 x 600 voxels at 0.8 x 0.8 x 1.0 mm (int16 NIfTI) is read, labeled with 3 classes, and its
label written, once with a plan of 1.25 mm and once with a plan of the scan's own spacing, each in a process of its own,
with and without maps. The network is a softmax of three lines through each voxel's value: memory is that of the
pipeline, not of a network's layers. Prints the peak resident memory of each process (torch included); fails above
the limit.

    python benchmarks/inference_memory.py [--limit-gb 8]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.inference.folder import predict_folder
from semivox.inference.predictor import ScanPredictor

SHAPE, SPACING = (512, 512, 600), (0.8, 0.8, 1.0)
RUNS = {
    "1.25 mm": ((1.25, 1.25, 1.25), False, ()),
    "own spacing": (SPACING, False, ()),
    "own spacing, largest component": (SPACING, True, ()),
    "own spacing, all maps": (SPACING, False, ("probabilities", "entropy", "disagreement")),
}


def network(image: torch.Tensor) -> torch.Tensor:
    """Air, soft tissue or bone by the voxel's own value: (B, 1, X, Y, Z) -> (B, 3, X, Y, Z)."""
    slope = torch.tensor([-4.0, 0.0, 4.0]).view(1, 3, 1, 1, 1)
    offset = torch.tensor([-1.0, 0.0, -2.0]).view(1, 3, 1, 1, 1)
    return (image * slope + offset).softmax(1)


def write_scan(path: Path) -> None:
    """An elliptic body with a few bones, in Hounsfield units with noise; made plane by plane."""
    x, y = np.meshgrid(np.linspace(-1, 1, SHAPE[0]), np.linspace(-1, 1, SHAPE[1]), indexing="ij")
    stream, scan = np.random.default_rng(0), np.empty(SHAPE, np.int16)
    for k in range(SHAPE[2]):
        plane = np.where((x / 0.9) ** 2 + (y / 0.6) ** 2 < 1, 40.0, -1000.0)
        plane[(np.abs(x) - 0.4) ** 2 + (y - 0.3 * np.sin(k / 60)) ** 2 < 0.01] = 700
        scan[:, :, k] = plane + stream.normal(0, 15, SHAPE[:2])
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])  # LPS, as most CT: results must be turned
    nib.save(nib.Nifti1Image(scan, affine), path)


def make_plan(spacing: tuple[float, float, float]) -> Plan:
    """CT intensities, patch 128 x 128 x 128, three classes."""
    classes = tuple(ClassInfo(name=name, value=value) for value, name in enumerate(("air", "soft tissue", "bone")))
    return Plan(
        dataset="large CT",
        classes=classes,
        channels=("CT",),
        spacing=spacing,
        patch=(128, 128, 128),
        intensity=(Intensity(scheme="ct", lower=-1000, upper=1000, mean=0, std=300),),
        network=NetworkChoice(name="vnet"),
        steps=1,
        fingerprint=Fingerprint(dataset="large CT", channels=("CT",), classes=classes, cases=()),
        reasons={},
    )


def measure(name: str, scan: Path, out: Path) -> dict[str, object]:
    """Label the scan in this process; its peak memory and the time."""
    spacing, largest, maps = RUNS[name]
    predictor = ScanPredictor(make_plan(spacing), network, other=network, largest_component=largest)
    idle = peak_gb()
    begin = time.perf_counter()
    predict_folder(scan, out, predictor, channels=1, maps=maps)
    return {"run": name, "peak_gb": peak_gb(), "idle_gb": idle, "seconds": time.perf_counter() - begin}


def peak_gb() -> float:
    """Peak resident memory of this process so far, in 10^9 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit-gb", type=float, default=8.0)
    parser.add_argument("--run", choices=RUNS, help="measure one run in this process (used by the script itself)")
    parser.add_argument("--scan", type=Path)
    options = parser.parse_args()
    if options.run:
        with tempfile.TemporaryDirectory() as out:
            print(json.dumps(measure(options.run, options.scan, Path(out) / "labels")))
        return 0
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "large.nii.gz"
        write_scan(scan)
        for name in RUNS:
            command = [sys.executable, __file__, "--run", name, "--scan", str(scan)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{name:42s} peak {result['peak_gb']:.2f} GB, {result['seconds']:.0f} s", flush=True)
            worst = max(worst, result["peak_gb"])
    print(f"worst {worst:.2f} GB, limit {options.limit_gb:g} GB: {'kept' if worst < options.limit_gb else 'BROKEN'}")
    return int(worst >= options.limit_gb)


if __name__ == "__main__":
    raise SystemExit(main())
