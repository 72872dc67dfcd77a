"""What shows the cases of a job on its page: pictures and volumes, as far as the page has room."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.core.plan import Plan
from semivox.core.processes.command import without_folders
from semivox.data import layouts
from semivox.data.dataset import CaseFiles
from semivox.data.formats.volume import read, read_label
from semivox.data.prepared.labels import class_indices
from semivox.experiments.groups import Group
from semivox.experiments.results import Results
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import prediction_of
from semivox.reports.case_lines import CaseLine, case_lines, findings_of
from semivox.reports.overlay import overlay
from semivox.reports.viewer.scenes import Layer, Scene
from semivox.reports.viewer.volumes import cropped_image, cropped_label, labeled_box

PICTURES = 5_000_000
"""Bytes of pictures in the page, before base64; those of further cases, the better ones, stand beside it."""
VOLUMES = 4_000_000
"""Bytes of volumes in the page, before base64: with pictures and the viewer's program the page stays under 15 MB."""
MOST = 200
"""Cases that are drawn; the better ones beyond are listed with their scores alone."""
BESIDE = "report_data"
"""Folder beside the page with what it has no room for."""


@dataclass(frozen=True)
class Cases:
    """All scored cases, worst first, and what the viewer shows."""

    lines: tuple[CaseLine, ...] = ()
    scenes: tuple[Scene, ...] = ()
    volumes: Mapping[str, str] | None = None
    """Id -> base64 of a gzipped NIfTI."""
    left_out: str = ""
    """What the page does not hold, and how to see it; empty where it holds all."""


def cases_of(results: Results, twin: Group, method: Group) -> Cases:
    """Every case of a job: worst Dice of the method first. Pictures and volumes as far as the budget goes."""
    lines = sorted(
        case_lines(twin, method, findings_of(results.folder)),
        key=lambda line: (line.method is not None, line.method or 0),
    )
    data = Path(results.record.data)
    try:
        dataset = layouts.find(data)
    except InputError:  # the data are elsewhere: scores can be listed all the same
        return Cases(tuple(lines), left_out="The scans are no longer where they were, so none is shown.")
    scenes: list[Scene] = []
    volumes: dict[str, str] = {}
    pictures, bytes_of_volumes, listed, beside = 0, 0, [], results.folder / BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    for number, line in enumerate(lines):
        key = next(iter(method.runs))
        folders = {
            group.arm.name: group.runs[key].folder_of(line.name) for group in (twin, method) if key in group.runs
        }
        try:
            view = _view(dataset.entry(line.name), folders, method.runs[key].plan) if number < MOST else None
        except InputError:  # a scan or a prediction was moved away
            view = None
        if view is not None:
            line, size = replace(line, columns=view.columns), sum(map(len, view.volumes))
            if pictures + len(view.png) <= PICTURES:
                pictures += len(view.png)
                line = replace(line, png=view.png)
            else:
                line = replace(line, picture_file=_beside(beside, line.name, ".png", view.png))
            if bytes_of_volumes + size <= VOLUMES:
                bytes_of_volumes += size
                line = replace(line, scene=len(scenes))
                scenes.append(_scene(line, len(scenes), view, method.runs[key].plan, volumes))
            else:
                content = _volume_file(line, view, method.runs[key].plan)
                line = replace(line, volume_file=_beside(beside, line.name, ".json", content))
        listed.append(line)
    return Cases(tuple(listed), tuple(scenes), volumes, _left_out(listed, data))


def _beside(folder: Path, case: str, ending: str, content: bytes) -> str:
    """Write a file of a case beside the page; returns its path from there."""
    make_folder(folder)
    path = folder / f"{safe_name(case)}{ending}"
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return f"{folder.name}/{path.name}"


def _volume_file(line: CaseLine, view: _View, plan: Plan) -> bytes:
    """One case as the viewer takes it from a file: its scene, with the volumes in it."""
    volumes: dict[str, str] = {}
    scene = _scene(line, 0, view, plan, volumes)
    layers = [layer.content() for layer in scene.layers]
    for layer in layers:
        layer["source"] = {"data": volumes[layer["source"]["id"]]}
    return json.dumps({"kind": "semivox volume", "name": scene.name, "layers": layers}).encode()


@dataclass(frozen=True)
class _View:
    """What is shown of one case."""

    png: bytes
    columns: tuple[str, ...]
    volumes: tuple[bytes, ...]
    """The scan, then a label for each column."""


def _view(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan) -> _View:
    volume = read(entry.images)
    labels: dict[str, np.ndarray] = {}
    if entry.label is not None:
        labels["reference"] = class_indices(read_label(entry.label, volume.source, plan.classes).array[0], plan)
    for arm, run in runs.items():
        labels[arm] = class_indices(read_label(prediction_of(run, entry)).array[0], plan)
    predictions = {name: label for name, label in labels.items() if name != "reference"}
    names = [info.name for info in plan.classes]
    png = overlay(volume.array, labels.get("reference"), predictions, volume.spacing, names)
    box = labeled_box(list(labels.values()), volume.spacing)
    shown = [cropped_image(volume.array[0], volume.grid, box)]
    shown += [cropped_label(label, volume.grid, box) for label in labels.values()]
    return _View(png, tuple(labels), tuple(shown))


def _scene(line: CaseLine, number: int, view: _View, plan: Plan, volumes: dict[str, str]) -> Scene:
    """The scan and its labels; their bytes go into ``volumes``."""
    classes = tuple(
        info.model_copy(update={"value": index}) for index, info in enumerate(plan.classes) if index > 0
    )  # labels are stored as class indices
    layers = []
    for index, (name, content) in enumerate(zip(("scan", *view.columns), view.volumes, strict=True)):
        key = f"volume-{number}-{index}"
        volumes[key] = base64.b64encode(content).decode("ascii")
        if index == 0:
            layers.append(Layer(name, {"id": key}, "image"))
        else:
            layers.append(Layer(name, {"id": key}, "label", classes, 0.5 if index == len(view.columns) else 0.0))
    return Scene(line.name, tuple(layers))


def _left_out(lines: list[CaseLine], data: Path) -> str:
    without = sum(line.png is None and not line.picture_file for line in lines)
    said = []
    if any(line.picture_file or line.volume_file for line in lines):
        said.append(f"What the page has no room for lies in {BESIDE}/ beside it: keep the two together.")
    if without:
        said.append(f"{without} of {len(lines)} cases have no picture.")
        shown = shlex.join(["semivox", "view", without_folders(str(data))])
        said.append(f"{shown} --labels RUN/predictions shows any of them.")
    return " ".join(said)
