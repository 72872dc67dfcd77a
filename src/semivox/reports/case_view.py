"""One case as a page shows it: a picture and volumes, in the page or in files beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.files import make_folder, write_atomically
from semivox.core.plan import Plan
from semivox.data.dataset import CaseFiles
from semivox.data.formats.volume import read, read_label
from semivox.data.prepared.labels import class_indices
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import prediction_of
from semivox.reports.overlay import overlay
from semivox.reports.viewer.scenes import Layer, Scene
from semivox.reports.viewer.volumes import cropped_image, cropped_label, labeled_box

VOLUMES = 4_000_000
"""Bytes of volumes in the page, before base64: with pictures and the viewer's program the page stays under 15 MB."""
BESIDE = "report_data"
"""Folder beside the page with what it has no room for."""
REFERENCE = "reference"


def written_beside(folder: Path, case: str, ending: str, content: bytes) -> str:
    """Write a file of a case beside the page; returns its path from there."""
    make_folder(folder)
    path = folder / f"{safe_name(case)}{ending}"
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return f"{folder.name}/{path.name}"


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
    """The scan, then a label for each column."""


def labels_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan) -> tuple[Volume, dict[str, np.ndarray]]:
    """The scan, and by name the class indices of its reference, where it has one, and of each run's label.

    Raises InputError where one is gone.
    """
    volume = read(entry.images)
    labels: dict[str, np.ndarray] = {}
    if entry.label is not None:
        labels[REFERENCE] = class_indices(read_label(entry.label, volume.source, plan.classes).array[0], plan)
    for arm, run in runs.items():
        labels[arm] = class_indices(read_label(prediction_of(run, entry)).array[0], plan)
    return volume, labels


def picture_of(volume: Volume, labels: Mapping[str, np.ndarray], plan: Plan) -> bytes:
    """The PNG of what ``labels_of`` has read."""
    predictions = {name: label for name, label in labels.items() if name != REFERENCE}
    names = [info.name for info in plan.classes]
    return overlay(volume.array, labels.get(REFERENCE), predictions, volume.spacing, names)


def view_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan, picture: bool = True) -> View:
    """The scan, its reference and each run's label, as volumes and as a picture. InputError where one is gone."""
    volume, labels = labels_of(entry, runs, plan)
    png = picture_of(volume, labels, plan) if picture else b""
    box = labeled_box(list(labels.values()), volume.spacing)
    shown = [cropped_image(volume.array[0], volume.grid, box)]
    shown += [cropped_label(label, volume.grid, box) for label in labels.values()]
    return View(png, tuple(labels), tuple(shown))


def scene_of(name: str, number: int, view: View, plan: Plan, volumes: dict[str, str]) -> Scene:
    """The scan and its labels; their bytes go into ``volumes``."""
    classes = tuple(
        info.model_copy(update={"value": index}) for index, info in enumerate(plan.classes) if index > 0
    )  # labels are stored as class indices
    layers = []
    for index, (layer, content) in enumerate(zip(("scan", *view.columns), view.volumes, strict=True)):
        key = f"volume-{number}-{index}"
        volumes[key] = base64.b64encode(content).decode("ascii")
        if index == 0:
            layers.append(Layer(layer, {"id": key}, "image"))
        else:
            layers.append(Layer(layer, {"id": key}, "label", classes, 0.5 if index == len(view.columns) else 0.0))
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
        if self.taken + size > VOLUMES:
            return written_beside(self.folder, file, ".json", volume_file(name, view, plan))
        self.taken += size
        self.scenes.append(scene_of(name, len(self.scenes), view, plan, self.volumes))
        return len(self.scenes) - 1
