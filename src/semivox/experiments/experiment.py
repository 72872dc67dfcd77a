"""An experiment: which methods are compared, on which labeled sets of which data, and what they are scored on.

A study reads it from a study file. A job is one too: of one method and its supervised twin, on one labeled set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import Dataset, groups_of
from semivox.data.formats.sources import digest_of_files
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.labeled_sets import LabeledSet, labeled_sets_of
from semivox.experiments.record import Kind, Record, ScoredOn
from semivox.experiments.runs import Run, asked_of, runs_of
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.stages import load_dataset
from semivox.training.run import check_parts
from semivox.training.start import require_network, require_unseen
from semivox.training.together import require_here
from semivox.training.warm_start import require_unseen_by


@dataclass(frozen=True)
class Experiment:
    """What a job or a study is to find out, known to fit together; nothing is opened or written yet."""

    kind: Kind
    study_file: StudyFile
    data: Path
    """The folder or table that the data set was read from."""
    dataset: Dataset
    labeled_sets: tuple[LabeledSet, ...]
    scored_on: ScoredOn

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs it takes."""
        return runs_of(self.study_file, self.labeled_sets)

    def splits(self) -> Iterator[tuple[Run, Split]]:
        """Each run with who is trained on and scored in it."""
        parts = {(one.name, one.draw, part.fold): part.split for one in self.labeled_sets for part in one.parts}
        for run in self.runs:
            yield run, parts[run.place.labeled_set, run.place.draw, run.place.fold]

    def record(self) -> Record:
        """What its folder keeps of it."""
        return Record(
            kind=self.kind,
            study_file=self.study_file,
            data=str(self.data.resolve()),
            files=digest_of_files(self.dataset),
            labels=tuple(sorted(entry.name for entry in self.dataset.entries if entry.label is not None)),
            groups=groups_of(self.dataset.entries),
            runs=tuple(run.name for run in self.runs),
            scored_on=self.scored_on,
        )


def study_experiment(study_file: StudyFile, base: Path, data: Path) -> Experiment:
    """The experiment of a study file; ``base``: the folder that its files are named from.

    Raises InputError for unknown methods, options or cases, patients on two sides, and labeled sets that some run
    cannot be trained or scored on.
    """
    check_options(study_file)
    dataset = layouts.find(data)
    labeled_sets = labeled_sets_of(study_file.cases, dataset, base)
    scored_on: ScoredOn = "test" if study_file.cases.folds is None else "cross-validation"
    experiment = Experiment("study", study_file, data, dataset, labeled_sets, scored_on)
    for labeled_set in labeled_sets:
        load_dataset(data, labeled_set.split)  # names, labels and patients
    check_runs(experiment)
    return experiment


def check_options(study_file: StudyFile) -> None:
    """Raise InputError for options that a method or this machine does not have, before any file is looked for."""
    require_here(study_file.settings)
    for arm in arms_of(study_file):
        config_of(study_file, arm, study_file.seeds[0], 0)


def check_runs(experiment: Experiment) -> None:
    """Raise InputError where some run would lack the cases that its method or its settings need."""
    for run, split in experiment.splits():
        check_parts(split, asked_of(experiment.study_file, run))


def check_starts(experiment: Experiment, out: Path) -> None:
    """Raise InputError where a run that is not done in ``out`` cannot begin from the weights it is to begin from.

    Whether the plan's own network is that of the pretraining is seen when the plan is made.
    """
    for run, split in experiment.splits():
        train = asked_of(experiment.study_file, run).train
        if run.done(out):
            continue
        if train.warm_start is not None:
            require_unseen_by(Path(train.warm_start), run.arm.method, split)
        if (start := train.start) is None:
            continue
        require_unseen(Path(start), split)
        if run.arm.network is not None:
            require_network(Path(start), run.arm.network)


def scored_cases(split: Split, dataset: Dataset, scored_on: ScoredOn) -> tuple[str, ...]:
    """The cases of a split that its runs are scored on: test cases with a label, or the validation cases of a job."""
    labels = {entry.name for entry in dataset.entries if entry.label is not None}
    return split.validation if scored_on == "validation" else tuple(name for name in split.test if name in labels)
