"""Which cluster centers of DKUXNet hold which voxels?

    python results/draw_queries.py RUNS/hc-8-dkuxnet/labeled-8/draw-0/seed-1/dkuxnet --data HIPPOCAMPUS \\
        --prepared PREPARED --cases 40 --picture docs/methods/img/dkuxnet-queries.png

Gives a trained run one patch around the labeled structures of each of the last unlabeled cases of its split, and looks
at the center that each voxel resembles most: in the masks that the segmentation is made of, and in the assignment of
the last update. Prints for each center its group, the class it pulls toward, how many voxels it holds, and what they
are. The first case is drawn. Labels of unlabeled cases are read here to look at a run, never to train or to
choose anything; test cases are left alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor, nn
from torch.nn import functional as F

from semivox.core.geometry import Shape
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.layouts.recognize import find
from semivox.data.prepared.intensity import padding
from semivox.data.prepared.prepare import prepare
from semivox.data.prepared.store import Store
from semivox.methods.dkuxnet import DKUXNet
from semivox.networks.branches import Branches
from semivox.networks.kmax import KMaXDecoder, KMaXSegmenter
from semivox.training.model import load_model

PLANES = (("axial", 2), ("sagittal", 0))
"""Name, and the axis that is cut."""
LEAST = 0.002
"""Share of the patch that a center must hold to be named in the legend."""


@dataclass(frozen=True)
class Seen:
    """What was found in one patch; maps are (X, Y, Z), voxels of coarser ones repeated."""

    image: np.ndarray
    reference: np.ndarray
    prediction: np.ndarray
    masks: np.ndarray
    """The center with the largest share of each voxel."""
    update: np.ndarray
    """The center that each voxel was assigned to in the last update."""
    top: float
    """Mean share, of a voxel, of the center that has the largest; 1 / N if all are equal."""
    pull: np.ndarray
    """(N, K): the centers' class logits above those of the average center. All centers take part in every voxel, so
    that only this difference says which class a voxel turns to as it comes closer to one of them."""


@torch.no_grad()
def look(network: KMaXSegmenter, store: Store, case: str, plan: Plan) -> Seen:
    """One patch of the plan's size around what is labeled."""
    given = store.case(case, label=True)
    assert given.label is not None
    fill = [padding(intensity) for intensity in plan.intensity]
    image, label = cropped(np.asarray(given.image, np.float32), np.asarray(given.label), plan.patch, fill)
    kept: dict[str, Tensor] = {}
    decoder = network.clusters
    watched: dict[str, Any] = {"masks": decoder.mask, "update": decoder.layers[-1].mask, "named": decoder.classifier}
    handles = [watch(module, kept, name) for name, module in watched.items()]
    output = network(torch.from_numpy(image).unsqueeze(0))
    for handle in handles:
        handle.remove()
    size = label.shape
    named = kept["named"][0]  # (N, K)
    nearest = {name: F.interpolate(kept[name].argmax(1, keepdim=True).float(), size) for name in ("masks", "update")}
    return Seen(
        image[0],
        label,
        output.logits[0].argmax(0).numpy(),
        nearest["masks"][0, 0].int().numpy(),
        nearest["update"][0, 0].int().numpy(),
        kept["masks"].softmax(1).amax(1).mean().item(),
        (named - named.mean(0)).numpy(),
    )


def watch(module: nn.Module, kept: dict[str, Tensor], name: str) -> torch.utils.hooks.RemovableHandle:
    """Keep what the module gives."""
    return module.register_forward_hook(lambda _, given, found: kept.update({name: found}))


def cropped(image: np.ndarray, label: np.ndarray, patch: Shape, fill: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The patch around the middle of what is labeled; scans smaller than it are padded."""
    lacking = [max(size - had, 0) for size, had in zip(patch, label.shape, strict=True)]
    around = [(lack // 2, lack - lack // 2) for lack in lacking]
    image = np.stack([np.pad(c, around, constant_values=value) for c, value in zip(image, fill, strict=True)])
    label = np.pad(label, around)
    hit = np.argwhere(label > 0)
    middle = (hit.min(0) + hit.max(0)) // 2
    first = [
        int(np.clip(m - size // 2, 0, had - size)) for m, size, had in zip(middle, patch, label.shape, strict=True)
    ]
    part = tuple(slice(f, f + size) for f, size in zip(first, patch, strict=True))
    return np.ascontiguousarray(image[(slice(None), *part)]), np.ascontiguousarray(label[part])


def describe(seen: Sequence[Seen], decoder: KMaXDecoder, names: Sequence[str]) -> str:
    """A table of the centers: what holds how many voxels, over all cases."""
    of_class, sizes = decoder.options.grouping(len(names))
    group = np.repeat(np.arange(len(sizes)), sizes)
    pull = np.mean([one.pull for one in seen], 0)
    reference = np.concatenate([one.reference.ravel() for one in seen])
    top = np.mean([one.top for one in seen])
    even = 100 / len(group)
    lines = [f"{len(seen)} cases, shares in %; a voxel's largest share: {100 * top:.0f} on average, {even:.0f} if even"]
    for title in ("masks", "update"):
        held = np.concatenate([getattr(one, title).ravel() for one in seen])
        lines += [f"\n{title}:", f"| center | group | pulls toward | voxels | of these {' | '.join(names)} |"]
        for n in range(len(group)):
            mine = reference[held == n]
            parts = [f"{100 * np.mean(mine == k):.0f}" for k in range(len(names))] if mine.size else ["-"] * len(names)
            toward = names[int(pull[n].argmax())]
            share = 100 * np.mean(held == n)
            lines.append(f"| {n} | {group[n]} | {toward} | {share:.2f} | {' | '.join(parts)} |")
        right = np.mean(group[held] == np.array(of_class)[reference])
        lines.append(f"voxels held by a center of the right group: {100 * right:.1f}")
    return "\n".join(lines)


def draw(one: Seen, sizes: Sequence[int], names: Sequence[str], path: Path) -> None:
    """Image, reference, prediction, last update and masks of one patch, in two planes."""
    inks = center_colors(sizes)
    classes = [(0.0, 0.0, 0.0, 0.0), *(colormaps["Set2"](i + 1) for i in range(len(names) - 1))]
    columns = {"reference": one.reference, "prediction": one.prediction}
    centers = {"last update": one.update, "masks": one.masks}
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    heights = [one.image.shape[1], one.image.shape[2]]
    grid = figure.subplots(len(PLANES), 5, height_ratios=heights)
    for row, (plane, axis) in enumerate(PLANES):
        most = int(np.argmax((one.reference > 0).sum(tuple(other for other in range(3) if other != axis))))
        gray = np.take(one.image, most, axis).T
        for column, axes in enumerate(grid[row]):
            axes.imshow(gray, origin="lower", cmap="gray", vmin=np.percentile(gray, 1), vmax=np.percentile(gray, 99))
            axes.set_axis_off()
            title = ["image", *columns, *centers][column]
            if row == 0:
                axes.set_title(title, fontsize=9)
            if title in columns:
                axes.imshow(np.take(np.array(classes), np.take(columns[title], most, axis).T, 0), origin="lower")
            if title in centers:
                axes.imshow(np.take(inks, np.take(centers[title], most, axis).T, 0), origin="lower")
        grid[row][0].set_title(plane if row else f"image, {plane}", fontsize=9)
    shown = [n for n in range(len(inks)) if max((one.masks == n).mean(), (one.update == n).mean()) > LEAST]
    toward = one.pull.argmax(1)
    handles = [Patch(color=inks[n], label=f"center {n}: {names[toward[n]]}") for n in shown]
    handles += [Patch(color=classes[k], label=names[k]) for k in range(1, len(names))]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def center_colors(sizes: Sequence[int]) -> np.ndarray:
    """(N, 4): blues and greens for the centers of the background, from red to yellow for all others."""
    first = colormaps["winter"](np.linspace(0, 1, sizes[0]))
    return np.concatenate([first, colormaps["autumn"](np.linspace(0, 0.9, sum(sizes[1:])))])


def main() -> None:
    """Look, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, required=True, help="where the cases are prepared for this")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--picture", type=Path, required=True)
    options = parser.parse_args()
    method, card = load_model(options.run)
    assert isinstance(method, DKUXNet), "this looks at DKUXNet"
    cases = Split.load(options.run / "split.json").unlabeled[-options.cases :]
    store = prepare(find(options.data), Split(labeled=cases), card.plan, options.prepared)
    assert isinstance(method.network, Branches)
    network = method.network.networks[-1]  # of the weak view, which predicts
    assert isinstance(network, KMaXSegmenter)
    seen = [look(network, store, case, card.plan) for case in cases]
    names = [info.name for info in card.plan.classes]
    print(f"drawn: {cases[0]}")
    print(describe(seen, network.clusters, names))
    draw(seen[0], network.clusters.sizes, names, options.picture)


if __name__ == "__main__":
    main()
