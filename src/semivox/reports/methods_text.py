"""A methods paragraph for a paper, and how the numbers were made, from what a job settled."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.experiments.record import Record
from semivox.experiments.summary import Summary
from semivox.methods import find
from semivox.methods.titles import shown
from semivox.training.environment import starts

CITED = "The Semivox developers. Semivox, version {version} (CITATION.cff in its repository)."
IDENTIFIED = re.compile(r".*?(?:arXiv:\d{4}\.\d{5}(?: \(\d{4}\))?|(?:doi:|DOI )10\.[^\s,;]+)")
"""A paper up to its first identifier."""
NETWORKS = {
    "vnet": "a V-Net",
    "unet3d": "a 3D U-Net",
    "uxnet": "a 3D UX-Net",
    "pyramid_unet": "the U-Net of URPC",
}
SCORED = {
    "test": "a test set",
    "validation": "the validation set",
    "cross-validation": "the left-out scans of each fold",
}


def methods_paragraph(summary: Summary, plan: Plan) -> str:
    """The methods of this job in sentences; every number is one that was settled."""
    about = summary.provenance
    classes = ", ".join(info.name for info in plan.classes[1:])
    spacing, patch = (" x ".join(f"{value:g}" for value in values) for values in (about.spacing, about.patch))
    of_folds = f" of {about.folds}-fold cross-validation" if about.folds > 1 else ""
    if about.scored_on == "nothing":
        compared = "No scan could be scored, so the two were not compared."
    else:
        compared = (
            f"Both were scored on {SCORED[about.scored_on]}{of_folds} ({plural(about.scored, 'scan')}): reported are "
            "the Dice coefficient and surface distances on each scan's own grid. Differences are paired by case, with "
            "95 % bootstrap intervals and Wilcoxon's signed-rank test; a difference counts only where both agree."
        )
    return (
        f"Models that segment {classes} were trained with Semivox {about.semivox} [1] on {about.labeled} labeled and "
        f"{about.unlabeled} unlabeled scans of {about.dataset}. Scans were resampled to {spacing} mm and cropped to "
        f"patches of {patch} voxels; {_network(about.network)} was trained for {about.steps} steps "
        f"({plan.labeled_per_step} labeled and {plan.unlabeled_per_step} unlabeled patches a step, precision "
        f"{about.precision}, augmentation {about.augmentation}, seed {about.seed}, weights: {about.selection}). "
        f"The method {shown(summary.method)} [2] was trained beside its supervised twin, which differs only in that it "
        f"sees no unlabeled scan. {compared}"
    )


def citations(summary: Summary) -> tuple[str, ...]:
    """What the paragraph cites, in its order."""
    method = summary.method
    text = sys.modules[find(method).__module__].__doc__ or ""
    parts = text.split("\n\n")
    paper = " ".join(parts[1].split()) if len(parts) > 1 else method
    if found := IDENTIFIED.match(paper):  # what follows is about the program, not of the paper
        paper = f"{found.group().rstrip('.')}."
    return (CITED.format(version=version("semivox")), paper)


def _network(text: str) -> str:
    """A network with its article, from its name and options."""
    return NETWORKS.get(name := text.partition(" ")[0], f"a network {name}")


def commands_of(record: Record) -> dict[str, str]:
    """What was typed, by which version, and on which files."""
    typed = "; then ".join(start.command for start in record.starts)
    return {"command": typed or "not recorded", "digest of the data": record.files}


def how_made(summary: Summary, out: Path, record: Record) -> Mapping[str, str]:
    """Command, versions, digests: what repeats these numbers."""
    found = commands_of(record)
    for folder in (out / summary.method, out / "folds" / "0" / summary.method):
        entries = starts(folder / "environment.json")
        if not entries:
            continue
        entry = entries[-1]
        found["versions"] = ", ".join(f"{name} {own}" for name, own in entry.get("packages", {}).items())
        found["machine"] = ", ".join(str(entry[key]) for key in ("system", "processor") if key in entry)
        break
    return found | {
        in_words(key): _shown(value) + UNITS.get(key, "") for key, value in summary.provenance.model_dump().items()
    }


def in_words(key: str) -> str:
    """The name of a field as it stands on a page: ``scored_on`` -> ``scored on``."""
    return "weights" if key == "selection" else key.replace("_", " ")


UNITS = {"spacing": " mm", "patch": " voxels"}


def _shown(value: object) -> str:
    return " x ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value)
