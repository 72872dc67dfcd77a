"""Corrected labels taken back into a data set: each checked against its scan, none lost, none overwritten unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.files import beside, make_folder, put, write_atomically, write_text, writing
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.core.processes.lock import locked
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.sources import fresh_digest_of
from semivox.data.formats.volume import read, read_label, to_source
from semivox.evaluation.pairs import label_values
from semivox.inference.jobs import safe_name
from semivox.rounds.label_places import LabelPlace, label_place, write_naming
from semivox.rounds.model_labels import doubt_of, doubt_outside, is_untouched, joint_dice, model_labels
from semivox.rounds.origins import LabelOrigin, LabelOrigins, Origin, origins_of, remember
from semivox.rounds.origins import place as file_of
from semivox.rounds.permitted import doubt_of_place, is_there, require_free, require_named, require_sought, sought_by
from semivox.rounds.proposal import SuggestedCase, voxel_digest
from semivox.rounds.returned import case_of, context_of, labels_in

LOCK = ".label_origins.lock"
PATIENCE = 60.0
"""Seconds for which another process that takes labels back is waited for."""


@dataclass(frozen=True)
class Terms:
    """How labels are taken back."""

    origin: Origin | None = None
    """None: corrected where there was a proposal, else expert."""
    overwrite: bool = False
    """Also replace labels of experts."""
    unchanged: bool = False
    """Also take proposals that nobody changed."""


@dataclass(frozen=True)
class Adopted:
    """One label that was taken back."""

    case: str
    origin: LabelOrigin
    replaced: bool
    """Whether another label stood there."""
    doubt: str = ""
    """What should be looked at before it is trusted."""

    def text(self) -> str:
        """What changed, in a line."""
        dice, changed = self.origin.dice_to_proposal, self.origin.changed_voxels
        told = "" if changed is None else f", {plural(changed, 'voxel')} changed"
        told += "" if dice is None else f" (Dice to the proposal {dice:.3f})"
        doubt = f" - {self.doubt}" if self.doubt else ""
        return f"{self.case}: {self.origin.origin}{' again' if self.replaced else ''}{told}{doubt}"


@dataclass(frozen=True)
class _Checked:
    """A label that fits its scan, not written yet."""

    entry: CaseFiles
    volume: Volume
    values: np.ndarray
    """(X, Y, Z), canonical."""
    origin: LabelOrigin
    place: LabelPlace
    doubt: str
    sought: tuple[ClassInfo, ...] = ()
    """The classes that were looked for, where the file itself is to name them."""


@dataclass(frozen=True)
class Adoption:
    """What came of it."""

    adopted: tuple[Adopted, ...]
    unchanged: tuple[str, ...]
    """Cases whose proposal nobody changed, which were left out."""
    folder: Path
    """The data folder that has them now."""
    already: tuple[str, ...] = ()
    """Cases that have this very label already, as where a folder is given again with more labels in it."""


def adopt(target: Path, corrected: Path, terms: Terms) -> Adoption:
    """Put corrected labels into the data set of a job (or into a data folder). All fit, or none is written.

    ``corrected``: the folder of a suggestion, a folder of labels named as their cases, or one such file. Raises
    InputError naming each file that does not fit, and why. One process at a time changes a data set.
    """
    root = file_of(context_of(target)[0].root).parent
    with locked(root, LOCK, PATIENCE):
        return _adopted(target, corrected, terms)


def _adopted(target: Path, corrected: Path, terms: Terms) -> Adoption:
    """The same, alone."""
    dataset, split, classes, ignore = context_of(target)
    dataset = replace(dataset, classes=classes, ignore=ignore)
    files, suggested = labels_in(corrected)
    checked, unchanged, already, wrong = list[_Checked](), list[str](), list[str](), list[str]()
    known = origins_of(dataset.root)
    for name, path in files.items():
        try:
            entry = case_of(dataset, split, name, path)
            sought = sought_by(dataset, path)
            if is_there(entry, path, known.get(entry.name), classes, sought):
                already.append(entry.name)
                continue
            require_free(entry, known.get(entry.name), terms.overwrite)
            models = model_labels(target, entry)
            found = _fitting(dataset, entry, path, suggested.get(entry.name), models, sought, terms)
        except (InputError, OSError) as error:
            wrong.append(f"  {path}: {str(error).removeprefix(str(path)).removeprefix(':').strip()}")
            continue
        if found is None:
            unchanged.append(entry.name)
        else:
            checked.append(found)
    if wrong:
        raise InputError(
            f"{len(wrong)} of {plural(len(files), 'label')} cannot be taken, so none was:\n" + "\n".join(wrong)
        )
    if not checked and unchanged and not already:
        raise InputError(
            f"nobody has changed {some(unchanged)}: what a model made is no label. Correct it, or say --unchanged "
            "where you looked and found it right"
        )
    adopted = tuple(_written(dataset, one) for one in checked)
    return Adoption(adopted, tuple(unchanged), file_of(dataset.root).parent, tuple(already))


def _fitting(
    dataset: Dataset,
    entry: CaseFiles,
    path: Path,
    suggested: SuggestedCase | None,
    models: Sequence[np.ndarray],
    sought: tuple[str, ...] | None,
    terms: Terms,
) -> _Checked | None:
    """The label, if it fits its scan; None where a model made it and nobody changed it. Raises InputError."""
    classes, ignore = dataset.classes, dataset.ignore
    volume = read(entry.images)
    label = read_label(path, volume.source, classes)
    moved = doubt_of_place(path, label, volume)
    values = label.array[0]
    found = label_values(values, path)
    if classes is not None:
        allowed = {info.value for info in classes} | ({ignore} if ignore is not None else set())
        if strange := sorted(found - allowed):
            raise InputError(f"it holds the value {strange[0]}; there are {', '.join(map(str, sorted(allowed)))}")
        if sought is None:
            require_sought(entry, found, classes)
        else:
            require_named(sought, found, classes)
    if not found - {ignore}:
        raise InputError("every voxel has the value to ignore, so it says nothing")
    proposal = _proposal(suggested, path)
    known = [proposal] if proposal is not None else list(models)
    dice = changed = None
    own = suggested is not None and suggested.proposal == voxel_digest(to_source(values, volume))
    own = own or is_untouched(path, entry.name) or any(np.array_equal(values, model) for model in models)
    if own:
        if not terms.unchanged:
            return None
        dice, changed = 1.0, 0
    elif proposal is not None and proposal.shape == values.shape:
        changed = int(np.count_nonzero(proposal != values))
        dice = joint_dice(proposal, values, ignore)
    begun = own or (suggested is not None and suggested.proposal is not None)
    default: Origin = "corrected" if begun else "expert"
    boxes = ignore is not None and ignore in found
    origin = LabelOrigin(
        origin=terms.origin or default, digest="", dice_to_proposal=dice, changed_voxels=changed, boxes_only=boxes
    )
    doubt = doubt_of(values, known[0] if known else None, ignore)
    doubt = doubt or doubt_outside(values, suggested.boxes if suggested else (), ignore)
    doubt = "; ".join(each for each in (moved, doubt) if each)
    place = label_place(dataset, entry, names=sought is not None)
    looked_for = tuple(one for one in classes or () if one.name in (sought or ()))
    return _Checked(entry, volume, values, origin, place, doubt, looked_for)


def _proposal(suggested: SuggestedCase | None, path: Path) -> np.ndarray | None:
    """The proposed label as it was written, canonical; None where it was overwritten by the correction itself."""
    if suggested is None or suggested.proposal is None:
        return None
    kept = next((p for p in (path.parent, path.parent.parent) if (p / "proposals").is_dir()), None)
    if kept is None:
        return None
    file = kept / "proposals" / f"{safe_name(suggested.case)}.nii.gz"
    return read_label(file).array[0] if file.is_file() else None


def _written(dataset: Dataset, one: _Checked) -> Adopted:
    """Write one label and see that the data set has it; else everything is as before. Raises InputError.

    Its origin is noted before it stands: killed in between, a model's label must not pass for an expert's.
    """
    place, name = one.place, one.entry.name
    before = place.label.read_bytes() if place.label.is_file() else None
    listed = place.list.read_text(encoding="utf-8-sig") if place.list is not None else None
    known = origins_of(dataset.root)
    make_folder(place.label.parent)
    temporary = beside(place.label, suffix_of(place.label))
    try:
        write_naming(temporary, to_source(one.values, one.volume), one.volume.source, one.sought)
        origin = one.origin.model_copy(update={"digest": fresh_digest_of(temporary)})
        remember(dataset.root, {name: origin})
        with writing(place.label):
            put(temporary, place.label)
    finally:
        temporary.unlink(missing_ok=True)
    place.enter()
    try:
        now = layouts.find(dataset.root).entry(name)
        if now.label is None or now.label.resolve() != place.label.resolve():
            raise InputError(
                f"the data set does not take {place.label} for the label of {name!r}; put it there by hand"
            )
        if one.sought and now.annotated != tuple(info.name for info in one.sought):
            raise InputError(
                f"the data set says that other classes were looked for in {name!r} than its label names; put that into "
                '"annotated" by hand'
            )
    except InputError:
        if before is None:
            place.label.unlink(missing_ok=True)
        else:
            write_atomically(place.label, lambda old: old.write_bytes(before))
        LabelOrigins(labels=known).save(file_of(dataset.root))
        if place.list is not None and listed is not None:
            write_text(place.list, listed)
        raise
    return Adopted(name, origin, before is not None, one.doubt)
