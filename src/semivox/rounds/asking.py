"""Reads and predicts the scans of a pool, chooses among them, and writes those that were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.core.geometry import Shape
from semivox.core.plan import ClassInfo
from semivox.data.dataset import groups_of
from semivox.data.formats.orientation import to_canonical
from semivox.data.formats.volume import read
from semivox.inference.jobs import safe_name
from semivox.inference.predictor import ScanPredictor
from semivox.pipeline.predict import predictor_of
from semivox.pipeline.progress import ProgressDisplay
from semivox.rounds.acquisition import steepness
from semivox.rounds.choice import Pick, by_groups, random_count, random_scans, uncertain_boxes, uncertain_scans
from semivox.rounds.likeness import description_of, standardized
from semivox.rounds.measured import Measured, measured
from semivox.rounds.pool import Pool, Wanted
from semivox.rounds.proposal import Picture, SuggestedCase, write_names, write_proposal, write_scan
from semivox.rounds.random_boxes import random_box

MINUTES_A_SLICE = 0.25
"""Guess: a quarter of a minute to look at and mend a slice of a proposal."""
ROUNDS = 5
"""Rounds in which the noise falls from nearly random to nearly greedy."""


class Asking:
    """Holds the pool, the models and the random stream of one suggestion."""

    def __init__(self, pool: Pool, wanted: Wanted, stream: np.random.Generator, progress: ProgressDisplay) -> None:
        self.pool, self.wanted, self.stream, self.progress = pool, wanted, stream, progress
        self.predictors: list[ScanPredictor] = [predictor_of(run, wanted.device) for run in pool.models]
        plan = self.predictors[0].plan if self.predictors else None
        self.classes: tuple[ClassInfo, ...] = plan.classes if plan else tuple(pool.dataset.classes or ())
        self.patch_mm = np.array(plan.patch) * np.array(plan.spacing) if plan else None
        groups = groups_of(pool.dataset.entries)
        self.patients = [groups.get(name) or name for name in pool.names]
        if wanted.boxes and plan is None:
            raise InputError("boxes are found by a model, and there is none yet; ask for whole scans first")
        if wanted.boxes and pool.dataset.ignore is None:
            raise InputError(
                f"{pool.dataset.root} names no value for what is not annotated, which boxes need; add "
                '"ignore": 255 to "labels" in its dataset.json'
            )

    def picks(self, asked: Sequence[str]) -> list[Pick]:
        """Those that were asked for, then random ones, then by uncertainty, or by groups where there is no model."""
        wanted, pool = self.wanted, self.pool
        picks = [Pick(name, "asked") for name in asked]
        budget = wanted.count - len(picks)
        default = "random" if self.predictors and not wanted.boxes else "mixture"
        random = (wanted.strategy or default) == "random"
        if not self.predictors and not random:
            return [*picks, *self._cold(budget, {pick.case for pick in picks})]
        if budget <= 0:
            return picks
        first = budget if random else random_count(budget)
        chosen = {pick.case for pick in picks}  # asked for as a whole
        left = [(n, p) for n, p in zip(pool.names, self.patients, strict=True) if n not in chosen]
        names, patients = [n for n, _ in left], [p for _, p in left]
        if wanted.boxes:
            picks += self._random_boxes(names, patients, first)
            if random:
                return picks
            taken = [(pick.case, pick.box) for pick in picks if pick.box]
            found = self._measured(names)
            beta = steepness(pool.done - 1, ROUNDS)
            return [*picks, *uncertain_boxes(found, wanted.count - len(picks), beta, taken, self.stream)]
        drawn = random_scans(names, patients, min(first, len(names)), self.stream)
        picks += [Pick(name, "random") for name in dict.fromkeys(drawn)]
        if random:
            return picks
        chosen = {pick.case for pick in picks}
        found = self._measured([name for name in pool.names if name not in chosen])
        beta = steepness(pool.done - 1, ROUNDS)
        return [*picks, *uncertain_scans(found, budget - first, beta, self._points(found), self.stream)]

    def write(self, picks: Sequence[Pick], out: Path, picture: Picture | None) -> list[SuggestedCase]:
        """Scan, proposal and picture of each chosen scan."""
        cases = []
        names = list(dict.fromkeys(pick.case for pick in picks))
        make_folder(out)
        with self.progress.bar("writing proposals") as count:
            for done, name in enumerate(names, 1):
                cases.append(self._case(name, [pick for pick in picks if pick.case == name], out, picture))
                count(done, len(names))
        make_folder(out / "labels")  # without a model it is where drawings go
        if self.classes:
            write_names(out, self.classes)
        return cases

    def _case(self, name: str, picks: Sequence[Pick], out: Path, picture: Picture | None) -> SuggestedCase:
        entry = self.pool.dataset.entry(name)
        volume = read(entry.images)
        write_scan(out, entry, volume)
        reasons = tuple(dict.fromkeys(self._reason(pick) for pick in picks))
        boxes = tuple(pick.box for pick in picks if pick.box)
        if not self.predictors:
            return SuggestedCase(case=name, reasons=reasons)
        index = self._probabilities(volume).argmax(0)
        values = np.array([info.value for info in self.classes])[index]
        digest = write_proposal(out, name, volume, values, boxes, self.pool.dataset.ignore)
        if picture is not None:
            png = picture(volume, index, [info.name for info in self.classes])
            make_folder(out / "pictures")
            write_atomically(out / "pictures" / f"{safe_name(name)}.png", lambda path: path.write_bytes(png))
        inside = np.zeros(index.shape, bool)
        for box in boxes:
            inside[box.slices] = True
        shown = (index > 0) & (inside if boxes else True)
        slices = int(np.count_nonzero(shown.any((0, 1))))
        minutes = round(slices * MINUTES_A_SLICE, 1)
        return SuggestedCase(case=name, reasons=reasons, boxes=boxes, slices=slices, minutes=minutes, proposal=digest)

    def _reason(self, pick: Pick) -> str:
        match pick.how:
            case "asked":
                return "you rated that its label should be corrected"
            case "random":
                return "drawn at random, so that the labels hold a random sample whatever the model is wrong about"
            case "group" if pick.among == 1:
                return "no other scan is like it (size, intensities, position); each kind gives some"
            case "group":
                return f"one of {pick.among} scans that look alike (size, intensities, position); each kind gives some"
            case "class":
                what = f"the model is unsure of {self.classes[pick.score].name}"
            case "entropy":
                what = "the model is unsure"
        return f"{what} (place {pick.rank} of {pick.among} by uncertainty; noise lets others in, less each round)"

    def _cold(self, count: int, without: set[str]) -> list[Pick]:
        names = [name for name in self.pool.names if name not in without]
        descriptions = []
        with self.progress.bar("reading scans") as counted:
            for done, name in enumerate(names, 1):
                volume = read(self.pool.dataset.entry(name).images)
                descriptions.append(description_of(volume))
                counted(done, len(names))
        lengths = {len(one) for one in descriptions}
        if len(lengths) > 1:
            raise InputError(f"the scans of {self.pool.dataset.root} differ in their channels; see: semivox check")
        points = standardized(np.array(descriptions))
        return by_groups(points, names, min(count, len(names)), self.stream)

    def _random_boxes(self, names: Sequence[str], patients: Sequence[str], count: int) -> list[Pick]:
        picks: list[Pick] = []
        for name in random_scans(names, patients, count, self.stream):
            volume = read(self.pool.dataset.entry(name).images)
            taken = [pick.box for pick in picks if pick.case == name and pick.box]
            index = self._probabilities(volume).argmax(0)
            box = random_box(index, self._box(volume), self.stream, taken)
            if box is not None:
                picks.append(Pick(name, "random", box))
        return picks

    def _measured(self, names: Sequence[str]) -> list[Measured]:
        patients = dict(zip(self.pool.names, self.patients, strict=True))
        found = []
        with self.progress.bar("asking the models") as count:
            for done, name in enumerate(names, 1):
                volume = read(self.pool.dataset.entry(name).images)
                p, size = self._probabilities(volume), self._box(volume)
                found.append(measured(name, patients[name], p, size, description_of(volume)))
                count(done, len(names))
        return found

    def _points(self, found: Sequence[Measured]) -> np.ndarray:
        descriptions = [scan.description for scan in found]
        return standardized(np.array(descriptions)) if found else np.empty((0, 1))

    def _box(self, volume: Volume) -> Shape:
        """Half a patch of the plan, in voxels of this scan."""
        assert self.patch_mm is not None
        x, y, z = (max(round(float(edge) / 2), 1) for edge in self.patch_mm / np.array(volume.spacing))
        return x, y, z

    def _probabilities(self, volume: Volume) -> np.ndarray:
        """(K, X, Y, Z) on the canonical grid: the mean of the models."""
        total: np.ndarray | None = None
        with torch.inference_mode():
            for predictor in self.predictors:
                p = predictor(volume, ("probabilities",)).probabilities
                assert p is not None
                total = p if total is None else total + p
        assert total is not None
        return to_canonical(total / len(self.predictors), volume.source)
