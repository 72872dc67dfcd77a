"""How many batches a second do worker processes hand over? Semivox' pipes against PyTorch's loader (shared memory).

    python benchmarks/loading.py --workers 2

Both prepare the same batches of 2 + 2 patches in as many processes, with as many batches ahead; who takes them does
nothing but look at each voxel of the images once, as copying to a GPU would. Rounds alternate, so that other work on
the machine disturbs both alike. Without augmentation the hand-over itself counts; with it, what training sees.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader

sys.path.append(str(Path(__file__).parent))
from augmentation import SPLIT, MappedStore, make_plan
from semivox.core.batch import Batch
from semivox.data.augmentation.schemes import SETS
from semivox.data.batches.loading import AHEAD, loader
from semivox.data.batches.patches import Patches


def torch_loader(patches: Patches, steps: int, workers: int) -> Iterator[Batch]:
    """PyTorch's loader with the same order of batches."""
    return iter(
        DataLoader(
            patches,
            sampler=range(steps),
            batch_size=None,
            num_workers=workers,
            collate_fn=lambda batch: batch,
            prefetch_factor=AHEAD,
        )
    )


def rate(batches: Iterable[Batch], skip: int) -> tuple[float, float]:
    """Batches a second after the first ``skip``, and milliseconds of this process' CPU time for each of them."""
    count, began, used = 0, 0.0, 0.0
    for index, batch in enumerate(batches):
        batch.image.sum()
        if index + 1 == skip:
            began, used = time.perf_counter(), time.process_time()
        count += index >= skip
    return count / (time.perf_counter() - began), 1e3 * (time.process_time() - used) / count


def compare(side: tuple[int, int, int], name: str, steps: int, rounds: int, workers: int) -> None:
    """Print a row for a patch and a set of augmentations."""
    with tempfile.TemporaryDirectory() as folder:
        store = MappedStore(Path(folder), tuple(2 * length for length in side))
        patches = Patches(store, SPLIT, make_plan(side), 0, steps, 2, 2, augmentation=SETS[name])
        skip = 2 * workers * AHEAD
        pairs = []
        for _ in range(rounds):
            ours = rate(loader(patches, 0, steps, workers), skip)
            theirs = rate(torch_loader(patches, steps, workers), skip)
            pairs.append((*ours, *theirs))
        ours, ours_cpu, theirs, theirs_cpu = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(one[0] / one[2] for one in pairs)
        print(
            f"{'x'.join(map(str, side)):12s} {name:9s} pipes {ours:7.1f}/s ({ours_cpu:5.1f} ms CPU)   "
            f"shared memory {theirs:7.1f}/s ({theirs_cpu:5.1f} ms CPU)   ratio {ratio:.2f}",
            flush=True,
        )


def main() -> None:
    """Two patches, with and without augmentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.workers} workers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for side, steps in (((32, 48, 32), 200), ((64, 64, 48), 100), ((112, 112, 80), 40)):
        for name in ("none", "standard"):
            compare(side, name, steps, options.rounds, options.workers)


if __name__ == "__main__":
    main()
