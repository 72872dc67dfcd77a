"""What shows the cases of a job on its page: pictures and volumes, as far as the page has room."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.processes.command import without_folders
from semivox.data import layouts
from semivox.experiments.groups import Group
from semivox.experiments.results import Results
from semivox.reports.budget import BESIDE, Album
from semivox.reports.case_lines import CaseLine, case_lines, findings_of
from semivox.reports.case_view import Shelf, compared_classes, view_of
from semivox.reports.viewer.scenes import Scene

MOST = 200
"""Cases that are drawn; the better ones beyond are listed with their scores alone."""


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
    shelf, album, listed = Shelf(results.folder / BESIDE), Album(results.folder / BESIDE), []
    shutil.rmtree(shelf.folder, ignore_errors=True)
    for number, line in enumerate(lines):
        key = next(iter(method.runs))
        folders = {
            group.arm.name: group.runs[key].folder_of(line.name) for group in (twin, method) if key in group.runs
        }
        try:
            entry, plan = dataset.entry(line.name), method.runs[key].plan
            line = replace(line, sought=compared_classes(entry, plan))
            view = view_of(entry, folders, plan) if number < MOST else None
        except InputError:  # a scan or a prediction was moved away
            view = None
        if view is not None:
            png, file = album.put(view.png, line.name)
            line = replace(line, columns=view.columns, maps=view.maps, png=png or None, picture_file=file)
            place = shelf.put(line.name, line.name, view, method.runs[key].plan)
            line = replace(line, volume_file=place) if isinstance(place, str) else replace(line, scene=place)
        listed.append(line)
    return Cases(tuple(listed), tuple(shelf.scenes), shelf.volumes, _left_out(listed, data))


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
