"""What the numbers of a job were made with, as its summary keeps it and says it."""

from __future__ import annotations

import json
from importlib.metadata import version

from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.experiments.arms import Arm, config_of
from semivox.experiments.arrange import Arranged
from semivox.experiments.record import ScoredOn
from semivox.training.spec import settled


class Provenance(Frozen):
    """What the numbers were made with."""

    semivox: str
    """Version of the package."""
    dataset: str
    labeled: int
    unlabeled: int
    scored: int
    """Scans that were scored."""
    scored_on: ScoredOn
    folds: int = 0
    steps: int
    seed: int
    selection: str
    """Which weights were used: last, or chosen on validation cases."""
    spacing: Spacing
    """mm per voxel of training; scores are taken on each scan's own grid."""
    patch: Shape
    network: str
    precision: str
    augmentation: str
    plan: str
    """Digest of the plan."""
    split: str
    """Digest of the split."""


def provenance_of(ready: Arranged, method: Arm, split: Split, scored: int) -> Provenance:
    """Of a job's numbers; ``split``: of its labeled set, ``scored``: how many scans were."""
    study_file = ready.experiment.study_file
    train = config_of(study_file, method, study_file.seeds[0], 0).train
    plan = settled(ready.plan, train)
    return Provenance(
        semivox=version("semivox"),
        dataset=plan.dataset,
        labeled=len(split.labeled),
        unlabeled=len(split.unlabeled),
        scored=scored,
        scored_on=ready.experiment.scored_on,
        folds=len({run.place.fold for run in ready.runs if run.place.fold is not None}),
        steps=plan.steps,
        seed=train.seed,
        selection=train.selection,
        spacing=plan.spacing,
        patch=plan.patch,
        network=_network(plan),
        precision=plan.precision,
        augmentation=plan.augmentation,
        plan=plan.run_digest(),
        split=split.digest(),
    )


def _network(plan: Plan) -> str:
    options = dict(plan.network.options)
    return f"{plan.network.title} {json.dumps(options)}" if options else plan.network.title


def provenance_line(about: Provenance) -> str:
    """What the numbers depend on, in two lines."""
    spacing, patch = " x ".join(f"{s:g}" for s in about.spacing), " x ".join(map(str, about.patch))
    where = f"{about.folds}-fold cross-validation" if about.scored_on == "cross-validation" else about.scored_on
    return (
        f"{about.dataset}: {about.labeled} labeled, {about.unlabeled} unlabeled, {about.scored} scored ({where}); "
        f"{about.steps} steps, seed {about.seed}, weights: {about.selection}\n"
        f"{about.network}, {spacing} mm, patch {patch}, {about.precision}, augmentation {about.augmentation}, "
        f"plan {about.plan}, split {about.split}, semivox {about.semivox}"
    )
