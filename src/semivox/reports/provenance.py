"""What the numbers of a study were made with, in words: where runs of a row differ, all that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semivox.evaluation.aggregation import names_of
from semivox.experiments.groups import Group, RunResult
from semivox.experiments.results import Results
from semivox.methods import find


def provenance(group: Group, results: Results) -> dict[str, str]:
    """What every number of this group was made with; where its runs differ, all that they have."""
    runs = list(group.runs.values())

    def joined(of_run: Callable[[RunResult], object]) -> str:
        return ", ".join(dict.fromkeys(str(of_run(run)) for run in runs))

    scored = list(dict.fromkeys(case for run in runs for case in run.scored))
    units = len(names_of(scored, group.units))
    return {
        "weights": joined(lambda run: run.config.train.selection),
        "steps": joined(lambda run: run.plan.steps),
        "seeds": ", ".join(map(str, sorted({seed for _, seed in group.runs}))),
        "draws": ", ".join(map(str, sorted({draw for draw, _ in group.runs}))),
        "labeled": joined(lambda run: len(run.split.labeled)),
        "unlabeled": joined(lambda run: len(run.split.unlabeled)),
        "scored": joined(lambda run: len(run.scored)),
        "scored on": "" if (on := results.record.scored_on) == "test" else on,
        "folds": "" if (folds := max(len(run.folders) for run in runs)) == 1 else str(folds),
        "patients or scans": "" if units == len(scored) else str(units),
        "dataset": joined(lambda run: run.plan.dataset),
        "spacing": joined(lambda run: " x ".join(f"{s:g}" for s in run.plan.spacing) + " mm"),
        "patch": joined(lambda run: " x ".join(map(str, run.plan.patch))),
        "patches per step": joined(_patches_per_step),
        "network": joined(lambda run: " ".join([run.plan.network.title, *_shown(run.plan.network.options)])),
        "precision": joined(lambda run: run.plan.precision),
        "augmentation": joined(lambda run: run.plan.augmentation),
        "splits": joined(lambda run: run.split.digest()),
        "plan": joined(lambda run: run.plan.run_digest()),
        "its own": "; ".join(group.arm.own(results.record.study_file)),
        "semivox": ", ".join(dict.fromkeys(version for run in runs for version in run.versions)),
    }


def _patches_per_step(run: RunResult) -> str:
    """Labeled ones, and unlabeled ones where the method uses them."""
    labeled, unlabeled = run.plan.labeled_per_step, run.plan.unlabeled_per_step
    return f"{labeled} labeled" + (f", {unlabeled} unlabeled" if find(run.config.method).uses_unlabeled else "")


def _shown(options: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in options.items()]
