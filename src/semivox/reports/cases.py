"""The cases of a job as its page lists them: scores of both models, volumes, findings, and what shows them."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.core.plan import Plan
from semivox.core.reading import text_of
from semivox.data import layouts
from semivox.data.dataset import CaseFiles
from semivox.data.formats.volume import read, read_label
from semivox.data.prepared.labels import class_indices
from semivox.evaluation.aggregation import case_means
from semivox.evaluation.score import Row
from semivox.experiments.groups import Group
from semivox.experiments.results import Results
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import prediction_of
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
UNFIT = 0.1
"""Mean Dice of a case below which it is marked."""


@dataclass(frozen=True)
class CaseLine:
    """One scored case."""

    name: str
    twin: float | None
    """Mean Dice of the classes by the model without unlabeled scans; None where undefined."""
    method: float | None
    hd95: float | None
    """HD95 in mm of the method, missed and invented objects counted with the scan's diagonal."""
    reference_ml: float
    twin_ml: float | None
    method_ml: float
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    png: bytes | None = None
    columns: tuple[str, ...] = ()
    """Of the picture, from left to right."""
    scene: int | None = None
    """Number of its scene in the viewer; None where the page holds no volume of it."""
    picture_file: str = ""
    """Beside the page, where the page has no room for the picture."""
    volume_file: str = ""
    """The same of its volumes, which the page opens when a reader chooses the file."""

    @property
    def difference(self) -> float | None:
        """Method minus twin."""
        return None if self.twin is None or self.method is None else self.method - self.twin


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
        _lines(twin, method, _findings(results.folder)), key=lambda line: (line.method is not None, line.method or 0)
    )
    data = Path(results.record.data)
    try:
        dataset = layouts.find(data)
    except InputError:  # the data are elsewhere: scores can be listed all the same
        return Cases(tuple(lines), left_out=f"The scans are no longer in {data}, so none is shown.")
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
        said.append(f"{shlex.join(['semivox', 'view', str(data)])} --labels RUN/predictions shows any of them.")
    return " ".join(said)


def _lines(twin: Group, method: Group, findings: Mapping[str, tuple[str, ...]]) -> Iterator[CaseLine]:
    """Scores and volumes of every case that the method was scored on."""
    rows = {arm: _by_case(group) for arm, group in (("twin", twin), ("method", method))}
    dice = {arm: _means(own, "dice") for arm, own in rows.items()}
    distance = _means(rows["method"], "hd95_mm")
    for case, own in rows["method"].items():
        others = rows["twin"].get(case)
        yield CaseLine(
            case,
            dice["twin"].get(case),
            dice["method"].get(case),
            distance.get(case),
            sum(row.reference_ml for row in own),
            sum(row.prediction_ml for row in others) if others else None,
            sum(row.prediction_ml for row in own),
            findings.get(case, ()),
            tuple(_warned(own, method.arm.method)) + tuple(_warned(others or [], twin.arm.method)),
        )


def _by_case(group: Group) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in next(iter(group.runs.values())).rows:
        found.setdefault(row.case, []).append(row)
    return found


def _means(rows: Mapping[str, list[Row]], score: str) -> Mapping[str, float]:
    return case_means([row for own in rows.values() for row in own], score)


def _warned(rows: list[Row], arm: str) -> Iterator[str]:
    """What is wrong with the segmentation of a case, class by class."""
    for row in rows:
        if row.empty == "prediction":
            yield f"{arm} missed {row.class_name}"
        elif row.empty == "reference":
            yield f"{arm} invented {row.class_name}"
        elif row.dice is not None and row.dice < UNFIT:
            yield f"{arm}: {row.class_name} hardly found (Dice {row.dice:.3f})"


def _findings(out: Path) -> Mapping[str, tuple[str, ...]]:
    """Case -> what the check said of it, notes left out."""
    try:
        cases = json.loads(text_of(out / "check.json"))["cases"]
        return {
            case["case"]: tuple(found["message"] for found in case["findings"] if found["level"] != "note")
            for case in cases
        }
    except (InputError, ValueError, KeyError, TypeError, RecursionError):  # jobs of before have none
        return {}
