"""Labels that came back: in which folder, corrected from what, and the case of the data set that each is of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from filecmp import cmp
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Plan
from semivox.core.spelling import not_there
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats import registry
from semivox.data.formats.volume import stem
from semivox.data.layouts.names import by_case, scans
from semivox.data.layouts.tags import untagged
from semivox.experiments.record import kind_of
from semivox.inference.jobs import safe_name
from semivox.pipeline.next_labels import FOLDER
from semivox.rounds.folder import data_of, job_of, require_there, rounds_of
from semivox.rounds.proposal import RECORD, SuggestedCase, Suggestion


def context_of(target: Path) -> tuple[Dataset, Split | None, tuple[ClassInfo, ...] | None, int | None]:
    """Data set, split and classes of a job; of a data folder, as far as they are described. Raises InputError."""
    require_there(target)
    if target.is_dir() and (kind_of(target) == "job" or target.parent.name == FOLDER):
        job = job_of(target)
        dataset, plan = layouts.find(data_of(job)), Plan.load(job / "plan.json")
        return (
            dataset,
            rounds_of(job)[-1].split,
            plan.classes,
            plan.ignore if plan.ignore is not None else dataset.ignore,
        )
    dataset = layouts.find(target)
    return dataset, None, dataset.classes, dataset.ignore


def labels_in(corrected: Path) -> tuple[dict[str, Path], Mapping[str, SuggestedCase]]:
    """Case (as file names have it) -> its label; what was suggested, by case. Raises InputError."""
    folder = corrected
    if corrected.is_dir() and (corrected / RECORD).is_file():
        folder = corrected / "labels"
    if not corrected.exists():
        raise InputError(f"{not_there(corrected)}; give the folder of corrected labels")
    near = (folder, folder.parent, folder.parent.parent) if corrected.is_file() else (folder, folder.parent)
    record = next((place / RECORD for place in near if (place / RECORD).is_file()), None)
    suggested = {} if record is None else {one.case: one for one in Suggestion.load(record).cases}
    found = by_case([corrected] if corrected.is_file() else _without_proposals(scans(folder, [])))
    if not found:
        raise InputError(f"{folder} holds no label; readable are {registry.readable()}")
    return found, suggested


def _without_proposals(files: Sequence[Path]) -> list[Path]:
    """The files without proposals that nobody changed, where another file of the case lies beside: Slicer saves so."""
    count = Counter(untagged(path) for path in files)

    def superseded(path: Path) -> bool:
        proposal = path.parent.parent / "proposals" / path.name
        return count[untagged(path)] > 1 and proposal.is_file() and cmp(path, proposal, shallow=False)

    return [path for path in files if not superseded(path)]


def case_of(dataset: Dataset, split: Split | None, name: str, path: Path) -> CaseFiles:
    """The case that a label is of. Raises InputError for none, and for one that is scored."""
    entry = next((e for e in dataset.entries if name in (e.name, safe_name(e.name)) or stem(path) == e.name), None)
    if entry is None or not entry.images:
        near = some(sorted(e.name for e in dataset.entries), 3)
        raise InputError(f"there is no scan {name!r} in {dataset.root}; name the label as its scan ({near})")
    scored = (*split.test, *split.validation) if split else ()
    if entry.name in scored or entry.part in ("test", "validation"):
        raise InputError(
            f"{entry.name!r} is a test or validation scan, and stays one: else scores of rounds could not be compared"
        )
    return entry
