"""What do masks at full resolution cost a step of DKUXNet, and what does the supervised step beside it?

    OMP_NUM_THREADS=1 python benchmarks/mask_level.py --patch 32,48,32 --repeats 3

CPU time, which a busy machine disturbs less, of losses and gradients of one step: V-Net of width 8, 3 classes, 2
labeled and 2 unlabeled patches, channels last in memory. All forms take turns in one process; the quickest turn of each
counts.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.networks.vnet import VNet

PRESET: dict[str, Any] = find("dkuxnet").ablations["small"]["clusters"]  # type: ignore[assignment]
FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "supervised": ("supervised", {}),
    "preset `small`: masks at half resolution": ("dkuxnet", {"clusters": PRESET}),
    "the same, masks at full resolution": ("dkuxnet", {"clusters": PRESET | {"mask_level": 0}}),
    "the same, centers half as wide": ("dkuxnet", {"clusters": PRESET | {"mask_level": 0, "width": 16, "hidden": 32}}),
}


def made(name: str, options: dict[str, object]) -> Method:
    """The method on the hippocampus study's V-Net."""
    kind = find(name)
    torch.manual_seed(0)
    network = VNet(width=8, strides=((2, 2, 2),) * 3, convolutions=(1, 2, 3, 3), dropout=0.2)
    method = kind(kind.Config.model_validate(options), Blueprint(network, 1, 3)).train()
    return method.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def seconds(method: Method, batch: Batch) -> float:
    """CPU time of one step without the optimizer."""
    begin = time.process_time()
    for losses in method.step(batch, Progress(500, 1000)):
        losses.total.backward()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patch", default="32,48,32")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    patch = [int(size) for size in options.patch.split(",")]
    image = torch.randn(4, 1, *patch).to(memory_format=torch.channels_last_3d)
    label = torch.zeros(2, *patch, dtype=torch.int64)
    label[:, patch[0] // 3 : 2 * patch[0] // 3, patch[1] // 3 :] = 1
    label[:, patch[0] // 3 : 2 * patch[0] // 3, 2 * patch[1] // 3 :] = 2
    batch = Batch(image, label, tuple("abcd"))
    methods = {name: made(*form) for name, form in FORMS.items()}
    best = dict.fromkeys(methods, float("inf"))
    for turn in range(options.repeats + 1):
        for name, method in methods.items():
            taken = seconds(method, batch)
            best[name] = min(best[name], taken) if turn else best[name]  # the first turn warms up
    print("| step | CPU time (s) | to supervised |\n|---|---|---|")
    for name, taken in best.items():
        print(f"| {name} | {taken:.2f} | {taken / best['supervised']:.1f} |")


if __name__ == "__main__":
    main()
