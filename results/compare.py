"""Train several methods on one setting, label its test scans, and write the table: the recipe of the results here.

    python results/compare.py DATA --split results/splits/hc-8.json --out RUNS --table results/hc-8

Every method sees the same plan, patches, steps and seed; the last weights are scored, nothing is selected. Run it
again after any interruption: what is done is left alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.intervals import compare
from semivox.evaluation.score import Row
from semivox.evaluation.summary import Statistic, Summary, summarize
from semivox.evaluation.tables import write_scores
from semivox.methods import METHODS
from semivox.study.choices import PlanChoices, parse_overrides
from semivox.study.labeling import label_entries, score_entries
from semivox.study.progress import Terminal
from semivox.study.steps import decide, inspect, learn, locate, ready
from semivox.training.folder import RunFolder
from semivox.training.settings import TrainSettings, configure

TWIN = "supervised"
ARMS = [name if name != "dkuxnet" else "dkuxnet~small" for name in METHODS]
"""All methods; DKUXNet with the preset that a CPU can train."""


def main() -> None:
    """Train what is not trained yet, score, and write the table."""
    options = arguments()
    split = Split.load(options.split)
    dataset, split = locate(options.data, split)
    tell, chosen = Terminal(), parse_overrides(options.set)
    plan_file = options.out / "plan.json"
    if not plan_file.exists():
        options.out.mkdir(parents=True, exist_ok=True)
        spacing = (options.spacing,) * 3 if options.spacing else None
        choices = PlanChoices(
            spacing=spacing,
            patch=options.patch,
            steps=options.steps,
            network=options.network,
            fields=chosen.plan,
        )
        decide(inspect(dataset, split, tell=tell), choices).save(plan_file)
    plan = Plan.load(plan_file)
    store = ready(dataset, split, plan, options.out / "prepared", tell=tell)
    entries = [entry for entry in dataset.entries if entry.name in split.test]
    tables: dict[str, list[Row]] = {}
    for method in options.methods:
        name, _, ablation = method.partition("~")
        run = options.out / method
        settings = TrainSettings.model_validate({"seed": options.seed, "workers": 1, **chosen.train})
        learn(store, split, plan, configure(name, chosen.method, settings, ablation or None), run, tell)
        label_entries(run, entries, tell=tell)
        tables[method] = score_entries(run, entries, plan)
        write_scores(run, tables[method])
    if not tables:
        return
    options.table.mkdir(parents=True, exist_ok=True)
    text = heading(options, plan, split) + table(tables, options.out)
    (options.table / "table.md").write_text(text)
    for method, rows in tables.items():
        write_scores(options.table / method, rows)
    print(text)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="where plan, prepared cases and runs are kept")
    parser.add_argument("--table", type=Path, required=True, help="where the table is written")
    parser.add_argument("--methods", nargs="*", default=ARMS, help="methods; METHOD~ABLATION for an ablation of one")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--spacing", type=float, help="mm, isotropic; none: the planner's")
    parser.add_argument("--patch", type=lambda text: tuple(int(n) for n in text.split(",")))
    parser.add_argument("--network", help="vnet, unet3d or small; none: the planner's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="method.field=v, train.field=v or plan.field=v")
    return parser.parse_args()


def heading(options: argparse.Namespace, plan: Plan, split: Split) -> str:
    """What the numbers were made with."""
    spacing = " x ".join(f"{length:g}" for length in plan.spacing)
    patch = " x ".join(str(size) for size in plan.patch)
    return (
        f"# {options.split.stem}\n\n{plan.dataset}: {len(split.labeled)} labeled, {len(split.unlabeled)} unlabeled, "
        f"{len(split.test)} test cases (split {split.digest()}). Spacing {spacing} mm, patch {patch}, network "
        f"{plan.network.name} {json.dumps(plan.network.options)}, {plan.steps} steps of {plan.labeled_per_step} "
        f"labeled + {plan.unlabeled_per_step} unlabeled patches, seed {options.seed}, selection: last. "
        "Scores on the scans' own grids; mean [95 % BCa interval over cases].\n\n"
    )


def table(tables: dict[str, list[Row]], out: Path) -> str:
    """A row per method; the difference is paired by case, against the supervised twin."""
    summaries = {method: summarize(rows) for method, rows in tables.items()}
    classes = list(next(iter(summaries.values())).classes)
    columns = ["method", "Dice", *([f"Dice {name}" for name in classes] if len(classes) > 1 else []), "HD95 mm"]
    columns += [
        "ASSD mm",
        "missed",
        "Dice against supervised",
        "verdict",
        "HD95 mm against supervised",
        "verdict",
        "minutes",
    ]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for method, summary in summaries.items():
        lines.append("| " + " | ".join(cells(method, summary, classes, tables, out)) + " |")
    return "\n".join(lines) + "\n"


def cells(method: str, summary: Summary, classes: Sequence[str], tables: dict[str, list[Row]], out: Path) -> list[str]:
    """One row of the table."""
    found = [method, shown(summary.overall["dice"])]
    if len(classes) > 1:
        found += [f"{summary.classes[name]['dice'].mean:.3f}" for name in classes]
    distance = summary.overall["hd95_mm"]
    found += [shown(distance, 2), f"{summary.overall['assd_mm'].mean:.2f}", str(distance.undefined)]
    for score, digits in (("dice", 3), ("hd95_mm", 2)):
        if method == TWIN or TWIN not in tables:
            found += ["", ""]
            continue
        against = compare(tables[method], tables[TWIN], score, (method, TWIN))
        interval = f"[{against.low:+.{digits}f}, {against.high:+.{digits}f}]"
        found += [f"{against.difference:+.{digits}f} {interval}", against.verdict]
    seconds = sum(row.get("seconds", 0) for row in RunFolder(out / method).logged())
    return [*found, f"{seconds / 60:.0f}"]


def shown(statistic: Statistic, digits: int = 3) -> str:
    """Mean and interval."""
    return f"{statistic.mean:.{digits}f} [{statistic.low:.{digits}f}, {statistic.high:.{digits}f}]"


if __name__ == "__main__":
    main()
