"""semivox run, demo: the main job, and the same on invented scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semivox.cli import options as o


def run(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Job folder; one with an unfinished job is gone on with.")],
    method: o.MethodName = "embedding_matching",
    ablation: o.Ablation = None,
    split: o.SplitFile = None,
    exclude: o.Exclude = None,
    memory: o.Memory = None,
    time: o.Time = None,
    spacing: o.SpacingText = None,
    patch: o.PatchText = None,
    network: o.Network = None,
    steps: o.Steps = None,
    seed: o.Seed = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare patches; 0: none. Default: 2.")] = None,
    sets: o.Sets = None,
) -> None:
    """The main job: from a folder of scans to a model, and to an answer whether the unlabeled scans helped.

    Checks, plans, prepares, trains the method and its supervised twin, labels and scores scans that neither has seen
    (the test set, else the validation set, else cross-validation), and writes summary.txt and report.html. Stop it
    with Ctrl-C at any time; the same command goes on from there.

    Example: semivox run scans/ --out job/
    """
    from semivox import api
    from semivox.core.mappings import merged
    from semivox.pipeline.options import parse_overrides
    from semivox.pipeline.progress import Terminal

    wanted = parse_overrides(sets or ())
    api.run(
        data,
        out,
        method=method,
        ablation=ablation,
        options=wanted.method,
        settings=merged(wanted.train, o.given(seed=seed, device=device, workers=workers)),
        plan=o.given(
            memory_gb=memory,
            hours=time,
            spacing=o.triple(spacing, "--spacing"),
            patch=o.whole_triple(patch, "--patch"),
            network=network,
            steps=steps,
            fields=wanted.plan,
        ),
        split=split,
        exclude=o.names(exclude),
        progress=Terminal(),
    )


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where data, models and report go.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes, too short to learn.")] = False,
) -> None:
    """The main job on invented CT scans of hips: some minutes on two cores, no data needed.

    Example: semivox demo --out demo/
    """
    from semivox import api
    from semivox.pipeline.progress import Terminal

    api.demo(out, quick=quick, progress=Terminal())
