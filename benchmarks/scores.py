"""How much faster are the surface scores than medpy's and MONAI's, and are they the same numbers?

    OMP_NUM_THREADS=1 python benchmarks/scores.py [--repeats 3] [--data FOLDER]

One thread each. All three compute HD95 and the mean surface distances (ASD, ASSD) of the same two masks, alone in the
array as a caller has them. medpy (GPL) is an oracle here and no part of the package. The real label is the first
left-atrium case of ``--data`` or SEMIVOX_DATA; the row is left out where there is none.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from medpy.metric import binary
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy import ndimage

from semivox.core.geometry import Spacing
from semivox.data.formats.volume import read_label
from semivox.evaluation.score import score
from semivox.functional.surface import surface_distances

Masks = tuple[np.ndarray, np.ndarray, Spacing]


def organ(shape: tuple[int, int, int], seed: int, fill: float = 0.6) -> Masks:
    """A lumpy ellipsoid that spans ``fill`` of each axis, and the same moved by 3 voxels with other lumps."""
    rng = np.random.default_rng(seed)
    middle = np.array(shape) / 2

    def lump(center: np.ndarray) -> np.ndarray:
        axes = np.ogrid[: shape[0], : shape[1], : shape[2]]
        radius = sum(((axis - c) / (fill * m)) ** 2 for axis, c, m in zip(axes, center, middle, strict=True))
        noise = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), 4)
        return np.asarray(radius + 0.15 * noise / noise.std() < 1)

    return lump(middle), lump(middle + 3), (0.7, 0.7, 2.0)


def real_label(root: Path) -> Masks | None:
    """A left-atrium label against itself moved and eroded in part: a plausible prediction."""
    folder = root / "left-atrium" / "labelsTr"
    if not folder.is_dir():
        return None
    volume = read_label(sorted(folder.glob("*.nii.gz"))[0])
    reference = volume.array[0] > 0
    prediction = np.roll(reference, (3, -2, 1), (0, 1, 2))
    prediction[: prediction.shape[0] // 2] = ndimage.binary_erosion(prediction[: prediction.shape[0] // 2])
    return prediction, reference, volume.spacing


def with_semivox(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    distances = surface_distances(prediction, reference, spacing)
    assert distances is not None
    return distances.hd95(), distances.asd(), distances.assd(), distances.hd95_max()


def with_medpy(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    return tuple(
        function(prediction, reference, voxelspacing=spacing) for function in (binary.hd95, binary.asd, binary.assd)
    )


def with_monai(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    pair = torch.from_numpy(prediction)[None, None], torch.from_numpy(reference)[None, None]
    values = (
        compute_hausdorff_distance(*pair, percentile=95, spacing=spacing),
        compute_average_surface_distance(*pair, symmetric=False, spacing=spacing),
        compute_average_surface_distance(*pair, symmetric=True, spacing=spacing),
    )
    return tuple(float(value) for value in values)


def timed(function: Callable[..., tuple[float, ...]], masks: Masks, repeats: int) -> tuple[float, tuple[float, ...]]:
    """Least processor time of some calls, in seconds (a shared machine only adds to it), and the values."""
    best, values = float("inf"), tuple[float, ...]()
    for _ in range(repeats):
        start = time.process_time()
        values = function(*masks)
        best = min(best, time.process_time() - start)
    return best, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    default = os.environ.get("SEMIVOX_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets: dict[str, Masks | None] = {
        "112x112x80": organ((112, 112, 80), 0),
        "256x256x160": organ((256, 256, 160), 1),
        "256x256x160, small organ": organ((256, 256, 160), 2, fill=0.25),
        "left atrium (real label)": real_label(options.data),
    }
    columns = f"{'semivox s':>10}{'all scores':>11}{'medpy s':>9}{'ratio':>7}{'MONAI s':>9}{'ratio':>7}"
    print(f"{'masks':26}{columns}  difference")
    for name, masks in sets.items():
        if masks is None:
            print(f"{name:26}left out: no left-atrium data set in {options.data}")
            continue
        ours, values = timed(with_semivox, masks, options.repeats)
        everything, _ = timed(lambda *m: (score(*m).dice or 0.0,), masks, options.repeats)
        medpy, expected = timed(with_medpy, masks, max(1, options.repeats // 2))
        monai, theirs = timed(with_monai, masks, max(1, options.repeats // 2))
        difference = max(abs(a - b) for a, b in zip(values[:3], expected, strict=True))
        other = abs(values[3] - theirs[0])
        print(
            f"{name:26}{ours:10.3f}{everything:11.3f}{medpy:9.2f}{medpy / ours:7.1f}{monai:9.2f}{monai / ours:7.1f}"
            f"  {difference:.0e} mm to medpy, {other:.0e} mm to MONAI's HD95"
        )


if __name__ == "__main__":
    main()
