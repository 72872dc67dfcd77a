"""Are the votes of embedding matching right where the teacher is unsure?

    python results/monitor_matching.py RUN --prepared PREPARED --data DATA --table matching.csv

Loads the newest checkpoint of a run of embedding matching and asks, on patches of test cases that the run never sees:
what share of voxels is uncertain, and how often teacher, student and nearest-neighbor votes agree with the experts
there. Labels of test cases are read here to look at a run, never to train or to choose anything. Call it now and then
while the run goes on; each call appends one line and draws the table.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch

from semivox.core.plan import Plan
from semivox.core.progress import Progress
from semivox.core.split import Split, TrainingSplit
from semivox.data.augmentation.schemes import SETS
from semivox.data.batches.patches import Patches
from semivox.data.layouts.recognize import find
from semivox.data.prepared.prepare import prepare
from semivox.functional.similarity import vote
from semivox.functional.uncertainty import entropy_limit
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.networks.blueprint import Blueprint
from semivox.training import checkpoint
from semivox.training.settings import RunConfig

COLUMNS = ("step", "uncertain", "teacher", "student", "votes", "teacher_certain", "voted_background", "true_background")


@torch.no_grad()
def measure(method: EmbeddingMatching, patches: Patches, progress: Progress) -> dict[str, float]:
    """Shares over all voxels of the patches: labeled ones give references, test ones are judged."""
    totals = dict.fromkeys((*COLUMNS[1:], "certain_voxels", "uncertain_voxels", "voxels"), 0.0)
    limit = entropy_limit(progress.step, progress.steps, method.blueprint.classes)
    for step in range(len(patches)):
        torch.manual_seed(step)
        batch = patches[step]  # the first half of its labels gives references, the second is what is judged
        half = len(batch.label) // 2
        shown = type(batch)(batch.image, batch.label[:half], batch.cases, {"depth": batch.targets["depth"][:half]})
        truth, image_u = batch.label[half:], batch.image[half:]
        output = method.network(batch.image)
        classes, entropy = method._teach(image_u)
        votes = vote(torch.stack(method._similarities(shown, output.embedding[half:])).mean(0))
        student = output.logits[half:].argmax(1)
        known = truth != 255
        unsure = (entropy >= limit) & known
        sure = (entropy < limit) & known
        for name, found in (("teacher", classes), ("student", student), ("votes", votes)):
            totals[name] += float(((found == truth) & unsure).sum())
        totals["voted_background"] += float(((votes == 0) & unsure).sum())
        totals["true_background"] += float(((truth == 0) & unsure).sum())
        totals["teacher_certain"] += float(((classes == truth) & sure).sum())
        totals["uncertain_voxels"] += float(unsure.sum())
        totals["certain_voxels"] += float(sure.sum())
    unsure_voxels, sure_voxels = max(totals["uncertain_voxels"], 1), max(totals["certain_voxels"], 1)
    row = {name: totals[name] / unsure_voxels for name in COLUMNS[2:]}
    row["teacher_certain"] = totals["teacher_certain"] / sure_voxels
    return {"step": progress.step, "uncertain": unsure_voxels / (unsure_voxels + sure_voxels), **row}


def main() -> None:
    """Measure the newest checkpoint and append a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, required=True, help="where the test cases are prepared for this")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=12)
    options = parser.parse_args()
    plan, split = Plan.load(options.run / "plan.json"), Split.load(options.run / "split.json")
    config = RunConfig.load(options.run / "config.json")
    judged = Split(labeled=split.labeled + split.test[: options.cases])
    store = prepare(find(options.data), judged, plan, options.prepared)
    method = EmbeddingMatching(config.method_config(), Blueprint.of(plan))  # type: ignore[arg-type]
    state = checkpoint.load(options.run / "checkpoints")
    method.load_state_dict(state.method)
    method.train()
    patches = Alternating(store, judged, plan, config.train.seed, options.cases // 2, len(split.labeled))
    row = measure(method, patches, Progress(state.step, plan.steps))
    options.table.parent.mkdir(parents=True, exist_ok=True)
    fresh = not options.table.exists()
    with options.table.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        if fresh:
            writer.writeheader()
        writer.writerow({name: round(value, 4) for name, value in row.items()})
    print(row)
    plot(options.table)


def plot(table: Path) -> None:
    """Draw the table beside itself: who is right how often, and how much is uncertain."""
    from matplotlib.figure import Figure

    with table.open(newline="", encoding="utf-8") as handle:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(handle)]
    figure = Figure(figsize=(8, 3), layout="constrained")
    right, share = figure.subplots(1, 2)
    steps = [row["step"] for row in rows]
    for name in ("teacher", "student", "votes", "true_background"):
        style = "--" if name == "true_background" else "o-"
        right.plot(steps, [row[name] for row in rows], style, label=name.replace("_", " "), markersize=3)
    right.set(xlabel="step", ylabel="right, of the uncertain voxels", ylim=(0, 1))
    right.legend(frameon=False, fontsize=8)
    share.plot(steps, [row["uncertain"] for row in rows], "o-", color="black", markersize=3)
    share.set(xlabel="step", ylabel="uncertain voxels", yscale="log")
    figure.savefig(table.with_suffix(".svg"))


class Alternating(Patches):
    """Two patches of the run's labeled cases, then two of the judged ones, all with their labels."""

    def __init__(self, store, split: Split, plan: Plan, seed: int, steps: int, references: int) -> None:  # noqa: ANN001
        common = (plan, seed, steps, 2, 0, EmbeddingMatching.targets, 0, 1, SETS["none"])
        super().__init__(store, TrainingSplit(split.labeled[:references], (), ()), *common)
        self.judged = Patches(store, TrainingSplit(split.labeled[references:], (), ()), *common)

    def __getitem__(self, step: int):  # noqa: ANN204
        """One batch of four labeled patches."""
        first, second = super().__getitem__(step), self.judged[step]
        targets = {name: torch.cat([first.targets[name], second.targets[name]]) for name in first.targets}
        return type(first)(
            torch.cat([first.image, second.image]),
            torch.cat([first.label, second.label]),
            first.cases + second.cases,
            targets,
        )


if __name__ == "__main__":
    main()
