"""What ``semivox view`` shows of a folder: which scans, which labels over them, and how their bytes are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.spelling import suggestion
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import registry
from semivox.data.formats.volume import read, read_label, stem
from semivox.data.layouts.names import by_case, scans
from semivox.reports.viewer.scenes import Layer, Scene
from semivox.reports.viewer.volumes import image_bytes, label_bytes

Volumes = Mapping[str, Callable[[], bytes]]
SHOWN_VALUES = 40
"""Label values that are named without a description; more are shown without names."""


@dataclass(frozen=True)
class Shown:
    """All that a viewer needs."""

    title: str
    scenes: tuple[Scene, ...]
    volumes: Volumes
    ct: bool


def shown(target: Path, case: str | None = None, labels: Sequence[Path] = ()) -> Shown:
    """Scenes of a data folder, or of one scan; ``labels``: files or folders of labels to lay over the scans.

    ``case``: show this one first. Raises InputError where there is no scan, no such case, or no label of a scan.
    """
    dataset = _one_scan(target) if registry.find(target) is not None else layouts.find(target)
    entries = [entry for entry in dataset.entries if entry.images]
    if not entries:
        raise InputError(f"{target} holds no scan to show")
    if case is not None:
        entries = _first(entries, case, target)
    laid = {entry.name: _laid(entry, labels, alone=len(entries) == 1) for entry in entries}
    if labels and not any(laid.values()):
        raise InputError(
            f"no file in {labels[0]} has the name of a scan in {target}; labels are named as their scans are"
        )
    volumes: dict[str, Callable[[], bytes]] = {}
    scenes = tuple(_scene(index, entry, laid[entry.name], dataset, volumes) for index, entry in enumerate(entries))
    return Shown(dataset.root.name or target.name, scenes, volumes, _is_ct(dataset.channels or ()))


def _is_ct(channels: Sequence[str]) -> bool:
    """Whether values are Hounsfield units, as far as the channels' names tell."""
    return any(name.upper() in ("CT", "HU", "CBCT") for name in channels)


def _laid(entry: CaseFiles, labels: Sequence[Path], alone: bool) -> list[tuple[str, Path]]:
    """Title and file of the given labels of a case. One label for one scan may have any name."""
    found = []
    for path in labels:
        files = _found(path)
        own = files.get(entry.name) or (next(iter(files.values())) if alone and len(files) == 1 else None)
        if own is not None:
            found.append((stem(path) if path.is_file() else path.name, own))
    return found


def _one_scan(path: Path) -> Dataset:
    """A data set of one scan."""
    return Dataset(path.parent, "one scan", (CaseFiles(stem(path), (path,), None),))


def _first(entries: Sequence[CaseFiles], case: str, target: Path) -> list[CaseFiles]:
    """The entries with the wanted one first. Raises InputError where there is none of the name."""
    chosen = [entry for entry in entries if entry.name == case]
    if not chosen:
        raise InputError(f"{target} has no scan {case!r}{suggestion(case, [entry.name for entry in entries])}")
    return chosen + [entry for entry in entries if entry.name != case]


def _found(path: Path) -> Mapping[str, Path]:
    """Case name -> its label, of a folder or one file. Raises InputError where there is none."""
    if not path.exists():
        raise InputError(f"there is no {path}")
    if path.is_file() and registry.find(path) is None:
        raise InputError(f"{path} is no label that can be read; readable are {registry.readable()}")
    found = by_case(scans(path, [])) if path.is_dir() and registry.find(path) is None else {stem(path): path}
    if not found:
        raise InputError(f"{path} holds no label file")
    return found


def _scene(
    index: int,
    entry: CaseFiles,
    laid: Sequence[tuple[str, Path]],
    dataset: Dataset,
    volumes: dict[str, Callable[[], bytes]],
) -> Scene:
    """The layers of a case; how their bytes are made goes into ``volumes``."""
    layers = []
    name = f"{index}-image.nii.gz"
    volumes[name] = partial(_image, entry)
    layers.append(Layer("scan", {"url": name}, "image"))
    expert = [("expert", entry.label)] if entry.label is not None else []
    for number, (title, path) in enumerate([*expert, *laid]):
        name = f"{index}-label-{number}.nii.gz"
        volumes[name] = partial(_label, path, entry)
        layers.append(Layer(title, {"url": name}, "label", _classes(dataset), 0.5 if number == 0 else 0.0))
    return Scene(entry.name, tuple(layers))


def _classes(dataset: Dataset) -> tuple[ClassInfo, ...]:
    """Names of the classes, or plain numbers where nothing names them."""
    if dataset.classes:
        return tuple(info for info in dataset.classes if info.value != 0)
    return tuple(ClassInfo(name=f"label {value}", value=value) for value in range(1, SHOWN_VALUES + 1))


def _image(entry: CaseFiles) -> bytes:
    """The first channel of a scan."""
    volume = read(entry.images[:1])
    return image_bytes(volume.array[0], volume.grid)


def _label(path: Path, entry: CaseFiles) -> bytes:
    """A label on the grid that its file has."""
    volume = read_label(path, read(entry.images[:1]).source if path.is_dir() else None)
    return label_bytes(np.asarray(volume.array[0]), volume.grid)
