"""How much time and memory does a window take with onnxruntime, beside torch, on one processor thread?

    python benchmarks/onnx_time.py --rounds 5
    python benchmarks/onnx_time.py --rounds 1 --repeats 1 --networks uxnet,pyramid_unet --patch 96,96,96

Each kind runs in a process of its own, so that its peak memory is its own; kinds take turns, so that other work on the
machine disturbs all alike. Networks have their default options and random weights: time does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from semivox.export.onnx_file import Averaged, session, write_onnx
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import ARCHITECTURES, Blueprint

KINDS = ("torch 32-true", "torch bf16-mixed", "onnxruntime")


def method_of(network: str) -> Method:
    """A supervised model with random weights."""
    kind = find("supervised")
    torch.manual_seed(0)
    return kind(kind.Config(), Blueprint(ARCHITECTURES[network].model_validate({}), 1, 2)).eval()


def measured(kind: str, network: str, patch: tuple[int, int, int], file: Path, rounds: int) -> dict[str, float]:
    """Median seconds of a window, and peak memory of this process in GB."""
    torch.set_num_threads(1)
    image = torch.randn(1, 1, *patch, generator=torch.Generator().manual_seed(0))
    predict: Callable[[torch.Tensor], object]
    if kind == "onnxruntime":
        predict = session(file, patch)
    else:
        method = method_of(network)
        predict = method.predict
    seconds = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=kind.endswith("bf16-mixed")):
        for _ in range(rounds + 1):
            began = time.process_time()
            predict(image)
            seconds.append(time.process_time() - began)
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage counts what the parent had, too
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 2**20
    return {"seconds": statistics.median(seconds[1:]), "gb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--networks", default=",".join(ARCHITECTURES))
    parser.add_argument("--patch", default="96,96,96")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "FILE"))
    given = parser.parse_args()
    x, y, z = map(int, given.patch.split(","))
    patch = (x, y, z)
    if given.one:
        print(json.dumps(measured(given.one[0], given.networks, patch, Path(given.one[1]), given.rounds)))
        return
    print("| network, patch | kind | CPU seconds a window | peak memory, GB | differs by |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for network in given.networks.split(","):
            file = Path(folder) / f"{network}.onnx"
            apart = write_onnx(file, Averaged([method_of(network)]), 1, patch, {})
            found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
            for _ in range(given.repeats):
                for kind in KINDS:
                    words = ["--rounds", str(given.rounds), "--networks", network, "--patch", given.patch]
                    words += ["--one", kind, str(file)]
                    said = subprocess.run(
                        [sys.executable, __file__, *words], capture_output=True, text=True, check=True
                    )
                    found[kind].append(json.loads(said.stdout))
            for kind, runs in found.items():
                seconds, peak = (statistics.median(run[name] for run in runs) for name in ("seconds", "gb"))
                said_of = f"{apart:.0e}" if kind == "onnxruntime" else ""
                size = " x ".join(map(str, patch))
                print(f"| {network}, {size} | {kind} | {seconds:.3f} | {peak:.2f} | {said_of} |", flush=True)


if __name__ == "__main__":
    main()
