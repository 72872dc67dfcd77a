"""One case as a page shows it: a picture and volumes, in the page or in files beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.data.dataset import CaseFiles
from semivox.data.formats.volume import read, read_label
from semivox.data.prepared.labels import class_indices
from semivox.methods.titles import shown
from semivox.pipeline.entropy_maps import entropy_of
from semivox.pipeline.predict import looked_for, prediction_of
from semivox.reports import budget
from semivox.reports.overlay import overlay
from semivox.reports.viewer.scenes import Layer, Scene
from semivox.reports.viewer.volumes import cropped_image, cropped_label, cropped_map, labeled_box

REFERENCE = "reference"
DISAGREEMENT, ENTROPY = "models differ", "entropy"
"""Titles of maps."""


def volume_file(name: str, view: View, plan: Plan) -> bytes:
    """One case as the viewer takes it from a file: its scene, with the volumes in it."""
    volumes: dict[str, str] = {}
    scene = scene_of(name, 0, view, plan, volumes)
    layers = [layer.content() for layer in scene.layers]
    for layer in layers:
        layer["source"] = {"data": volumes[layer["source"]["id"]]}
    return json.dumps({"kind": "semivox volume", "name": scene.name, "layers": layers}).encode()


@dataclass(frozen=True)
class View:
    """What is shown of one case."""

    png: bytes
    """Empty where none was wanted."""
    columns: tuple[str, ...]
    volumes: tuple[bytes, ...]
    """The scan, then a label for each column, then the maps."""
    maps: tuple[str, ...] = ()
    """Titles of the maps, which stand in the picture behind the labels."""


def labels_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan) -> tuple[Volume, dict[str, np.ndarray]]:
    """The scan, and by name the class indices of its reference, where it has one, and of each run's label.

    Classes that nobody looked for in the reference are left out of all, as they are of the scores: beside it they would
    pass for errors. Raises InputError where one is gone.
    """
    volume = read(entry.images)
    labels: dict[str, np.ndarray] = {}
    if entry.label is not None:
        labels[REFERENCE] = class_indices(read_label(entry.label, volume.source, plan.classes).array[0], plan)
    for arm, run in runs.items():
        labels[arm] = class_indices(read_label(prediction_of(run, entry)).array[0], plan)
    return volume, {name: _compared(label, entry, plan) for name, label in labels.items()}


def compared_classes(entry: CaseFiles, plan: Plan) -> tuple[str, ...]:
    """The classes that a case can be compared in, where these are not all; empty: all."""
    return () if entry.label is None or entry.annotated is None else tuple(i.name for i in looked_for(entry, plan))


def _compared(label: np.ndarray, entry: CaseFiles, plan: Plan) -> np.ndarray:
    """Class indices without the classes that nobody looked for in the reference."""
    if not (names := compared_classes(entry, plan)):
        return label
    shown = np.arange(256, dtype=np.uint8)
    for index, info in enumerate(plan.classes):
        shown[index] = index if info.name in names else 0
    return shown[label]


def maps_of(entry: CaseFiles, runs: Mapping[str, Path], labels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By title what is known of where the labels are doubtful, (X, Y, Z) from 0 to 1.

    Where the runs' labels differ, and, of up to two runs, how undecided the last one was (``pipeline.entropy_maps``) as
    far as it kept that of this very scan.
    """
    found: dict[str, np.ndarray] = {}
    first, *others = (labels[arm] for arm in runs)
    if others:
        found[DISAGREEMENT] = np.logical_or.reduce([other != first for other in others]).astype(np.float32)
    if len(runs) > 2:
        return found
    arm, run = list(runs.items())[-1]
    try:
        entropy = entropy_of(run, entry.name)
    except InputError:  # damaged: the labels can be shown all the same
        entropy = None
    if entropy is not None and entropy.shape == first.shape:
        found[f"{ENTROPY}, {shown(arm)}"] = entropy
    return found


def picture_of(
    volume: Volume, labels: Mapping[str, np.ndarray], plan: Plan, maps: Mapping[str, np.ndarray] | None = None
) -> bytes:
    """The PNG of what ``labels_of`` and ``maps_of`` have read."""
    predictions = {name: label for name, label in labels.items() if name != REFERENCE}
    names = [info.name for info in plan.classes]
    return overlay(volume.array, labels.get(REFERENCE), predictions, volume.spacing, names, maps)


def view_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan, picture: bool = True) -> View:
    """The scan, its reference and each run's label, as volumes and as a picture. InputError where one is gone."""
    volume, labels = labels_of(entry, runs, plan)
    maps = maps_of(entry, runs, labels)
    png = picture_of(volume, labels, plan, maps) if picture else b""
    box = labeled_box(list(labels.values()), volume.spacing)
    content = [cropped_image(volume.array[0], volume.grid, box)]
    content += [cropped_label(label, volume.grid, box) for label in labels.values()]
    content += [cropped_map(array, volume.grid, box) for array in maps.values()]
    return View(png, tuple(labels), tuple(content), tuple(maps))


def scene_of(name: str, number: int, view: View, plan: Plan, volumes: dict[str, str]) -> Scene:
    """The scan and its labels; their bytes go into ``volumes``."""
    classes = tuple(
        info.model_copy(update={"value": index}) for index, info in enumerate(plan.classes) if index > 0
    )  # labels are stored as class indices
    layers = []
    names = ("scan", *view.columns, *view.maps)
    for index, (layer, content) in enumerate(zip(names, view.volumes, strict=True)):
        key = f"volume-{number}-{index}"
        volumes[key] = base64.b64encode(content).decode("ascii")
        if index == 0:
            layers.append(Layer(layer, {"id": key}, "image"))
        elif layer in view.maps:
            layers.append(Layer(layer, {"id": key}, "map", opacity=0.0, low=0.05, high=1.0))
        else:
            layers.append(
                Layer(shown(layer), {"id": key}, "label", classes, 0.5 if index == len(view.columns) else 0.0)
            )
    return Scene(name, tuple(layers))


@dataclass
class Shelf:
    """The volumes of a page, as far as it has room; further ones go into files of ``folder``."""

    folder: Path
    scenes: list[Scene] = field(default_factory=list)
    volumes: dict[str, str] = field(default_factory=dict)
    """Id -> base64 of a gzipped NIfTI."""
    taken: int = 0

    def put(self, name: str, file: str, view: View, plan: Plan) -> int | str:
        """Put a case there: the number of its scene in the page, or its file, from the page, named after ``file``."""
        size = sum(map(len, view.volumes))
        if self.taken + size > budget.VOLUMES:
            return budget.written_beside(self.folder, file, ".json", volume_file(name, view, plan))
        self.taken += size
        self.scenes.append(scene_of(name, len(self.scenes), view, plan, self.volumes))
        return len(self.scenes) - 1
