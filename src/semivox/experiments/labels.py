"""The labels that a user came for: of the unlabeled scans, by the job's model, and what Dice to expect of each."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data.dataset import Dataset
from semivox.data.formats.sources import fresh_digest_of
from semivox.data.origins import Origin, path_of
from semivox.experiments.experiment import Experiment
from semivox.experiments.summary import MODEL
from semivox.inference.confidence_table import write_confidence
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import label_entries, label_in
from semivox.pipeline.progress import ProgressDisplay

FOLDER = "labels"
"""Within the job."""


def unlabeled_cases(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """The cases of a split that have no label: the unlabeled ones, and test cases that nobody labeled."""
    labels = {entry.name for entry in dataset.entries if entry.label is not None}
    return (*split.unlabeled, *(name for name in split.test if name not in labels))


def label_unlabeled(job: Path, experiment: Experiment, progress: ProgressDisplay) -> None:
    """Write ``labels/CASE.nii.gz`` for every unlabeled scan, on its own grid, and the table of what to expect.

    What the same model made of the same scan is left alone, and so is what somebody changed.
    """
    dataset, split = experiment.dataset, experiment.labeled_sets[0].split
    entries = [dataset.entry(name) for name in unlabeled_cases(dataset, split)]
    label_entries(job / MODEL, entries, experiment.study_file.settings.device, progress, out=job / FOLDER)
    write_confidence(job / FOLDER, job / MODEL)


def labels_of(job: Path, dataset: Dataset) -> tuple[list[Origin], list[str]]:
    """The records of the labels that are as the job wrote them, and the cases whose label somebody changed since."""
    records, changed = [], []
    for name in unlabeled_cases(dataset, Split.load(job / "split.json")):
        label = label_in(job / FOLDER, dataset.entry(name))
        try:
            record = Origin.load(path_of(label, safe_name(name)))
        except InputError:  # none, or of an early version
            continue
        if record.files.get(label.name) == fresh_digest_of(label):
            records.append(record)
        else:
            changed.append(name)
    return records, changed
