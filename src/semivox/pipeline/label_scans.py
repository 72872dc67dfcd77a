"""``semivox predict``: all scans of a folder labeled by a model, alone or with the help of other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from semivox.core.processes.cores import require_processes
from semivox.inference.confidence_table import calibration_of, told, write_confidence
from semivox.inference.folder import predict_folder
from semivox.pipeline.predict import predictor_by, slow_precision
from semivox.pipeline.predict_on_ray import helped_on_ray, require_place
from semivox.pipeline.predict_processes import command_of, helped
from semivox.pipeline.progress import ProgressDisplay
from semivox.pipeline.saved_forms import maps_and_forms, save_forms


@dataclass(frozen=True)
class LabelRequest:
    """What is to be labeled, by which model, how, and by whom; as in ``api.predict``."""

    run: Path
    inputs: Path
    out: Path
    save: tuple[str, ...]
    windows: Mapping[str, Any]
    """Options of ``ScanPredictor``: blend, overlap, stride, mirror, largest_component."""
    overwrite: bool
    device: str
    precision: str | None
    backend: str
    processes: int | None
    on: str
    address: str

    @property
    def everywhere(self) -> LabelRequest:
        """With paths that mean the same to processes of other machines."""
        return replace(self, run=self.run.absolute(), inputs=self.inputs.absolute(), out=self.out.absolute())


def label_scans(asked: LabelRequest, progress: ProgressDisplay) -> list[Path]:
    """Do what was asked, or what is left of it; returns the label files. Raises InputError as ``api.predict`` says."""
    maps, forms = maps_and_forms(asked.save)
    require_place(asked.on, asked.address)
    require_processes(asked.processes)
    if asked.on == "ray":
        asked = asked.everywhere
    run, inputs, out = asked.run, asked.inputs, asked.out
    predictor = predictor_by(asked.backend, run, asked.device, asked.precision, **asked.windows)
    if slow := slow_precision(predictor):
        progress.say(slow)
    how = {**asked.windows, "device": asked.device, "backend": asked.backend}
    same = command_of(run, inputs, out, maps, asked.overwrite, asked.precision, how)
    others = (
        helped_on_ray(same, (out, inputs, run), asked.address, asked.processes, asked.device, progress)
        if asked.on == "ray"
        else helped(same, 1 if asked.processes is None else asked.processes, progress)
    )
    channels = len(predictor.plan.channels)
    with others, torch.inference_mode(), progress.bar("labeling scans") as count:
        outcome = predict_folder(
            inputs, out, predictor, channels, maps, asked.overwrite, lambda done, total, _: count(done, total)
        )
    for sentence in outcome.sentences():
        progress.say(sentence)
    if forms:
        there = set(outcome.labels)
        jobs = [job for job in outcome.jobs if job.label in there]
        save_forms(jobs, forms, predictor.plan.classes, asked.overwrite)
    for sentence in told(write_confidence(out, run), out, calibration_of(run)):
        progress.say(sentence)
    return outcome.labels
