"""What do the exact shortcuts of the kMaX decoder save, in time and memory, against the form written straight down?

    python benchmarks/kmax.py --patch 64,64,48 --repeats 3

CPU time, which a busy machine disturbs less, of forward and backward of two decoders of cluster centers, as the two
branches of DKUXNet have them, at the authors' size (32 centers of 256 channels, two updates at 1/8 and two at 1/4,
masks at full resolution) on random decoder maps of a V-Net of width 16, 2 patches, channels last in memory as in CPU
plans:

- straight: sums over assigned voxels by a product with the one-hot assignment, ln q as the logarithm of sums of
  probabilities, all maps kept for the backward pass
- rows: rows added one by one in place of the one-hot product; ln q from log-sum-exps over groups: Semivox with
  ``recompute`` off
- Semivox: the masks' largest maps computed again for the backward pass, too

and the contrast between class maps from products of the maps alone, against normalized copies; and the sums over
assigned voxels by themselves, on 4 x 15,680 voxels of 256 channels (the authors' patch at 1/4), channels last, too.
Each form runs in a process of its own, in turn; memory is the growth of the process's peak. All forms give the same
loss to 1e-4.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from semivox.functional.clusters import assigned_sums, group_log_probabilities
from semivox.functional.contrast import channel_contrast
from semivox.networks.kmax import KMaXDecoder
from semivox.networks.kmax_options import KMaX

FORMS = ("straight", "rows", "Semivox")
WIDTHS = (16, 32, 64, 128, 256)


def one_hot_sums(values: Tensor, logits: Tensor) -> Tensor:
    """Sums over assigned voxels, by the book."""
    return values.float() @ F.one_hot(logits.detach().argmax(1), logits.shape[1]).float()


def log_of_sums(logits: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """ln q, by the book."""
    p = logits.float().softmax(1)
    return torch.stack([part.sum(1) for part in p.split(list(sizes), 1)], 1).log()


def plain_contrast(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """The contrast of channels with normalized copies of all maps, and one cosine at a time."""
    rows = torch.cat([a, b], 1).flatten(2)
    count = rows.shape[1]
    directions = F.normalize(rows, dim=2)
    losses = []
    for i in range(count):
        likely = (directions[:, [i]] * directions).sum(2) / temperature  # (B, 2R)
        others = torch.cat([likely[:, :i], likely[:, i + 1 :]], 1)
        losses.append(others.logsumexp(1) - likely[:, (i + count // 2) % count])
    return torch.stack(losses).mean()


def measured(form: str, patch: tuple[int, int, int], repeats: int) -> dict[str, float]:
    """CPU seconds of the quickest turn after one to warm up, growth of peak memory in GB, and the loss."""
    torch.manual_seed(0)
    last = torch.channels_last_3d
    decoders = [
        KMaXDecoder(WIDTHS, 2, KMaX(recompute=form == "Semivox")).train().to(memory_format=last)  # type: ignore[call-overload]
        for _ in range(2)
    ]
    sizes = [[n // 2**i for n in patch] for i in range(5)]
    scales = tuple(
        torch.randn(2, w, *size).contiguous(memory_format=last).requires_grad_()
        for w, size in zip(WIDTHS, sizes, strict=True)
    )
    module = "semivox.networks.kmax_layer"
    with (
        mock.patch(f"{module}.assigned_sums", one_hot_sums if form == "straight" else assigned_sums),
        mock.patch(
            "semivox.networks.kmax.group_log_probabilities",
            log_of_sums if form == "straight" else group_log_probabilities,
        ),
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times, loss = [], torch.zeros(())
        for _ in range(repeats + 1):
            begin = time.process_time()
            losses = []
            for found in [decoder(scales) for decoder in decoders]:
                means = [m[:, 0].mean() for m in (found.groups, *found.updates)]
                losses.append(found.logits.square().mean() - torch.stack(means).mean())
            loss = torch.stack(losses).mean()
            loss.backward()
            times.append(time.process_time() - begin)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(times[1:]), "gb": (after - before) / 1e6, "loss": loss.item()}


def contrast_measured(form: str, patch: tuple[int, int, int], repeats: int) -> dict[str, float]:
    """The same of the contrast between the maps of five classes."""
    torch.manual_seed(0)
    a, b = (torch.randn(4, 5, *patch).softmax(1).requires_grad_() for _ in range(2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, loss = [], torch.zeros(())
    for _ in range(repeats + 1):
        begin = time.process_time()
        loss = plain_contrast(a, b, 0.5) if form == "straight" else channel_contrast(a, b, 0.5)
        loss.backward()
        times.append(time.process_time() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(times[1:]), "gb": (after - before) / 1e6, "loss": loss.item()}


def sums_measured(form: str, patch: tuple[int, int, int], repeats: int) -> dict[str, float]:
    """The same of the sums over assigned voxels alone, on the map of 1/4 of the authors' patch."""
    torch.manual_seed(0)
    rows, logits = torch.randn(4, 28 * 28 * 20, 256, requires_grad=True), torch.randn(4, 32, 28 * 28 * 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, loss = [], torch.zeros(())
    for _ in range(repeats + 1):
        begin = time.process_time()
        loss = (one_hot_sums if form == "straight" else assigned_sums)(rows.mT, logits).square().mean()
        loss.backward()
        times.append(time.process_time() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(times[1:]), "gb": (after - before) / 1e6, "loss": loss.item()}


PARTS = {
    "decoder": (measured, FORMS),
    "contrast": (contrast_measured, ("straight", "Semivox")),
    "sums": (sums_measured, ("straight", "Semivox")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patch", default="64,64,48")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--form", help="measure this form only, as JSON: part:form")
    options = parser.parse_args()
    x, y, z = (int(size) for size in options.patch.split(","))
    if options.form:
        part, _, form = options.form.partition(":")
        print(json.dumps(PARTS[part][0](form, (x, y, z), options.repeats)))
        return
    print(f"{torch.get_num_threads()} threads, patch {x}x{y}x{z}\n")
    print("| part | form | CPU time (s) | ratio | memory (GB) | loss |\n|---|---|---|---|---|---|")
    for part in options.parts:
        first = None
        for form in PARTS[part][1]:
            command = [sys.executable, __file__, "--form", f"{part}:{form}", "--patch", options.patch]
            said = subprocess.run(
                [*command, "--repeats", str(options.repeats)], capture_output=True, text=True, check=True
            )
            found = json.loads(said.stdout)
            first = first or found["seconds"]
            print(
                f"| {part} | {form} | {found['seconds']:.2f} | {first / found['seconds']:.2f} | {found['gb']:.2f} "
                f"| {found['loss']:.5f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
