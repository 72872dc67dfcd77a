"""How long does one training patch take to read? The store's memory-mapped float16 against plain float32 .npy files.

    python benchmarks/patch_reading.py --repeats 200

Each read copies a patch at a random place out of the file, as the loader does. Files are in the page cache (they were
just written): this is the steady state of training, in which every scan is read again and again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.data.prepared.store import CaseRecord, Store, case_folder

AIM_MS = 1.0
Patch = tuple[slice, ...]


def write_store(folder: Path, image: np.ndarray, label: np.ndarray) -> Store:
    """A store with the one case "scan"."""
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="organ", value=1))
    plan = Plan(
        dataset="benchmark",
        classes=classes,
        channels=("image",),
        spacing=(1, 1, 1),
        patch=(112, 112, 80),
        intensity=(Intensity(scheme="none"),),
        network=NetworkChoice(name="vnet"),
        steps=1,
        fingerprint=Fingerprint(dataset="benchmark", channels=("image",), classes=classes, cases=()),
        reasons={},
    )
    plan.save(folder / "plan.json")
    case = case_folder(folder, "scan")
    case.mkdir(parents=True)
    np.save(case / "image.npy", image.astype(np.float16))
    np.save(case / "label.npy", label)
    np.save(case / "foreground.npy", np.zeros((0, 4), np.int32))
    rows = tuple(tuple(row) for row in np.eye(4).tolist())
    CaseRecord(
        name="scan", plan=plan.digest(), sources=(), source_shape=label.shape, source_affine=rows, channels=1,
        shape=label.shape, spacing=(1, 1, 1), labeled=True, content="",
    ).save(case / "case.json")  # fmt: skip
    return Store(folder)


def timed(read: Callable[[Patch], object], patches: list[Patch]) -> list[float]:
    """Milliseconds of each read, after one to warm up."""
    read(patches[0])
    result = []
    for patch in patches:
        begin = time.perf_counter()
        read(patch)
        result.append(1e3 * (time.perf_counter() - begin))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--shape", type=int, nargs=3, default=(300, 300, 200), help="voxels of the scan")
    parser.add_argument("--patch", type=int, nargs=3, default=(112, 112, 80))
    options = parser.parse_args()
    stream = np.random.default_rng(0)
    image = stream.standard_normal((1, *options.shape), dtype=np.float32)
    label = (image[0] > 1).astype(np.uint8)
    space = np.subtract(options.shape, options.patch) + 1
    corners = [stream.integers(0, space).tolist() for _ in range(options.repeats)]
    patches = [tuple(slice(c, c + p) for c, p in zip(corner, options.patch, strict=True)) for corner in corners]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = write_store(folder, image, label)
        single = folder / "single.npy"
        np.save(single, image)
        mapped = np.load(single, mmap_mode="r")
        readings = {
            "store, image (float16)": lambda p: np.array(store.case("scan", label=False).image[:, *p]),
            "store, image + label": lambda p: [
                np.array(store.case("scan", label=True).image[:, *p]),
                np.array(np.asarray(store.case("scan", label=True).label)[p]),
            ],
            "store, image as float32": lambda p: store.case("scan", label=False).image[:, *p].astype(np.float32),
            "float32 .npy, mapped": lambda p: np.array(mapped[:, *p]),
            "float32 .npy, whole file": lambda p: np.load(single)[:, *p].copy(),
        }
        results = {}
        for title, read in readings.items():
            few = patches[: max(3, options.repeats // 20)] if "whole" in title else patches
            results[title] = timed(read, few)
    print(
        f"{'x'.join(map(str, options.patch))} patch of a {'x'.join(map(str, options.shape))} scan, milliseconds a read"
    )
    print(f"{'':28s}{'median':>8s}{'90 %':>8s}{'reads':>7s}")
    for title, values in results.items():
        print(f"{title:28s}{statistics.median(values):8.2f}{np.percentile(values, 90):8.2f}{len(values):7d}")
    median = statistics.median(results["store, image (float16)"])
    print(
        f"aim: under {AIM_MS:g} ms for the image; {'reached' if median < AIM_MS else 'NOT reached'} ({median:.2f} ms)"
    )


if __name__ == "__main__":
    main()
