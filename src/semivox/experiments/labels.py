"""The labels that a user came for: those of the unlabeled scans, by the model that the job chose."""

from __future__ import annotations

from pathlib import Path

import torch

from semivox.core.files import make_folder
from semivox.core.split import Split
from semivox.data.dataset import Dataset
from semivox.data.formats.volume import read, write_label
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import predictor_of
from semivox.pipeline.progress import ProgressDisplay

FOLDER = "labels"
"""Within the job."""


def unlabeled_cases(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """The cases of a split that have no label: the unlabeled ones, and test cases that nobody labeled."""
    labels = {entry.name for entry in dataset.entries if entry.label is not None}
    return (*split.unlabeled, *(name for name in split.test if name not in labels))


def label_unlabeled(job: Path, model: Path, dataset: Dataset, device: str, progress: ProgressDisplay) -> None:
    """Write ``labels/CASE.nii.gz`` for every unlabeled scan, on its own grid; those that are there are left alone."""
    out = job / FOLDER
    entries = [dataset.entry(name) for name in unlabeled_cases(dataset, Split.load(job / "split.json"))]
    places = {entry.name: out / f"{safe_name(entry.name)}.nii.gz" for entry in entries}
    missing = [entry for entry in entries if not places[entry.name].exists()]
    if not missing:
        return
    make_folder(out)
    predictor = predictor_of(model, device)
    with torch.inference_mode(), progress.bar(f"labeling the unlabeled scans with {model.name}") as count:
        for done, entry in enumerate(missing, 1):
            volume = read(entry.images)
            write_label(places[entry.name], predictor(volume).label, volume.source)
            count(done, len(missing))
