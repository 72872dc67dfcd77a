"""On the page of a job, classes that nobody looked for in a scored case do not pass for errors."""

from __future__ import annotations

import json
from contextlib import chdir

import numpy as np

from semivox.cli import exit_code
from semivox.core.geometry import Grid
from semivox.core.plan import Plan
from semivox.data import layouts
from semivox.data.formats.volume import write_label, write_map
from semivox.reports.case_view import DISAGREEMENT, REFERENCE, labels_of, maps_of
from tests.experiments.here import all_here
from tests.reports.parsed_page import Page

GRID = Grid((20, 18, 16), np.eye(4))
BOXES = {1: np.s_[3:8, 3:8, 3:8], 2: np.s_[11:16, 9:14, 6:11]}
"""Liver and spleen of every scan."""


def drawn(*values):
    array = np.zeros(GRID.shape, np.uint8)
    for value in values:
        array[BOXES[value]] = value
    return array


def test_a_class_that_nobody_looked_for_is_neither_shown_nor_called_a_difference(tmp_path, monkeypatch):
    all_here(monkeypatch)
    data = tmp_path / "scans"
    for folder, name, values in (("", "a", (1, 2)), ("", "b", None), ("test_", "t", (2,)), ("test_", "u", (1, 2))):
        image = np.random.default_rng(ord(name)).normal(size=GRID.shape) + drawn(1, 2)
        write_map(data / f"{folder}images" / f"{name}.nii.gz", image, GRID)
        if values:
            write_label(data / f"{folder}labels" / f"{name}.nii.gz", drawn(*values), GRID)
    content = {"labels": {"background": 0, "liver": 1, "spleen": 2}, "annotated": {"t": ["spleen"]}}
    (data / "dataset.json").write_text(json.dumps(content))
    command = ["run", "scans", "-o", "job", "--method", "mean_teacher", "--network", "small", "--steps", "2"]
    command += ["--spacing", "1,1,1", "--patch", "16,16,16", "--workers", "0", "--device", "cpu", "--processes", "1"]
    with chdir(tmp_path):
        assert exit_code([*command, "--set", "plan.precision=32-true", "--quiet"]) == 0
    job = tmp_path / "job"
    page = Page((job / "report.html").read_text(encoding="utf-8")).text
    assert page.count("only spleen was looked for: other classes are neither scored nor shown") == 1

    entry, plan = layouts.find(data).entry("t"), Plan.load(job / "plan.json")
    runs = {arm: job / arm for arm in ("supervised", "mean_teacher")}
    for run, values in zip(runs.values(), ((1, 2), (2,)), strict=True):
        write_label(run / "predictions" / "t.nii.gz", drawn(*values), GRID)
    _, labels = labels_of(entry, runs, plan)
    assert {name: set(np.unique(label)) for name, label in labels.items()} == {
        name: {0, 2} for name in (REFERENCE, *runs)
    }
    assert not maps_of(entry, runs, labels)[DISAGREEMENT].any()
