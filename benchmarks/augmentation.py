"""What does a varied patch cost? Milliseconds per patch and per batch of 2 + 2, in one thread.

Compares the ``standard`` set with the same variations written as one MONAI transform after another, each resampling
on its own, and times the reading of a bare patch from a memory map. Run: ``python benchmarks/augmentation.py``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai import transforms as monai

from semivox.core.case import Case
from semivox.core.geometry import Shape
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import TrainingSplit
from semivox.data.augmentation.schemes import SETS
from semivox.data.augmentation.spatial import PatchPose, crop, window
from semivox.data.batches.patches import Patches

SPLIT = TrainingSplit(("a", "b", "c"), ("u", "v", "w"), ())


class MappedStore:
    """Six scans of noise with two classes, as memory maps in a folder."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.size, self.maps = shape, {}
        for number, name in enumerate((*SPLIT.labeled, *SPLIT.unlabeled)):
            image = np.random.default_rng(number).normal(size=(1, *shape)).astype(np.float16)
            label = np.zeros(shape, np.uint8)
            label[shape[0] // 4 : shape[0] // 2], label[shape[0] // 2 : 3 * shape[0] // 4] = 1, 2
            np.save(folder / f"{name}.npy", image)
            np.save(folder / f"{name}-label.npy", label)
            voxels = np.argwhere(label)[::1000]
            rows = np.column_stack([label[tuple(voxels.T)], voxels]).astype(np.int32)
            maps = (np.load(folder / f"{name}{kind}.npy", mmap_mode="r") for kind in ("", "-label"))
            self.maps[name] = (*maps, rows)

    def shape(self, name: str) -> Shape:
        return self.size

    def case(self, name: str, label: bool) -> Case:
        image, drawn, rows = self.maps[name]
        spacing = (1.0, 1.0, 1.0)
        return Case(name, image, drawn, spacing, rows) if label else Case(name, image, None, spacing)


def make_plan(patch: Shape) -> Plan:
    classes = tuple(ClassInfo(name=name, value=i) for i, name in enumerate(("background", "front", "back")))
    return Plan(
        dataset="noise",
        classes=classes,
        channels=("image",),
        spacing=(1.0, 1.0, 1.0),
        patch=patch,
        intensity=(Intensity(scheme="zscore"),),
        network=NetworkChoice(name="vnet"),
        steps=1,
        fingerprint=Fingerprint(dataset="noise", channels=("image",), classes=classes, cases=()),
        reasons={},
    )


def plain(patch: Shape) -> monai.Compose:
    """The variations of the ``standard`` set as MONAI offers them, without contrast and inverted gamma."""
    both, angle = ("image", "label"), np.pi / 6
    modes = ("bilinear", "nearest")
    return monai.Compose(
        [
            monai.RandRotated(both, angle, angle, angle, prob=0.2, mode=modes, padding_mode="zeros"),
            monai.RandZoomd(both, prob=0.2, min_zoom=1 / 1.4, max_zoom=1 / 0.7, mode=("trilinear", "nearest")),
            monai.RandGaussianNoised("image", prob=0.1, std=0.1),
            monai.RandGaussianSmoothd("image", (0.5, 1), (0.5, 1), (0.5, 1), prob=0.1),
            monai.RandScaleIntensityd("image", 0.25, prob=0.15),
            monai.RandSimulateLowResolutiond("image", prob=0.125, zoom_range=(0.5, 1)),
            monai.RandAdjustContrastd("image", prob=0.3, gamma=(0.7, 1.5), retain_stats=True),
            *(monai.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
        ]
    )


def timed(function: Callable[[int], object], count: int) -> tuple[float, float]:
    """Mean and median milliseconds of processor time of ``function(0), ...``; a busy machine disturbs that least."""
    function(0)
    times = []
    for index in range(count):
        start = time.thread_time()
        function(index)
        times.append(1000 * (time.thread_time() - start))
    return statistics.mean(times), statistics.median(times)


def measure(patch: Shape, scan: Shape, count: int) -> None:
    """Print one row per way of making a batch."""
    with tempfile.TemporaryDirectory() as folder:
        store = MappedStore(Path(folder), scan)
        plan = make_plan(patch)
        print(f"patch {patch} of a scan {scan}, {count} repetitions, one thread")
        map_ = store.case("a", label=False).image
        spare = np.subtract(scan, patch)

        def read(index: int) -> None:
            x, y, z = np.random.default_rng(index).integers(0, spare + 1)
            crop(map_, window(PatchPose(), (int(x), int(y), int(z)), patch, scan), (0.0,))

        row("reading one patch, float16", *timed(read, 4 * count))
        for name in ("none", "la", "light", "standard"):
            patches = Patches(store, SPLIT, plan, 0, count, 2, 2, augmentation=SETS[name])
            row(f"batch 2 + 2, {name}", *timed(patches.__getitem__, count))
        bare = Patches(store, SPLIT, plan, 0, count, 2, 2, augmentation=SETS["none"])
        transform = plain(patch).set_random_state(0)

        def naive(step: int) -> None:
            batch = bare[step]
            for place, image in enumerate(batch.image):
                label = batch.label[place] if place < 2 else torch.zeros(patch, dtype=torch.int64)
                transform({"image": image, "label": label[None].float()})

        row("batch 2 + 2, one MONAI transform after another", *timed(naive, count))


def row(name: str, mean: float, median: float) -> None:
    print(f"  {name:50s} mean {mean:8.2f} ms   median {median:8.2f} ms")


def main() -> None:
    """Both patch sizes, or fewer repetitions with ``--count``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    count = parser.parse_args().count
    torch.set_num_threads(1)
    measure((64, 64, 48), (100, 90, 70), 2 * count)
    measure((112, 112, 80), (180, 140, 88), count)


if __name__ == "__main__":
    main()
