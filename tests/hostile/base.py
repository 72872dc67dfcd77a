"""Good folders, made once by the commands themselves; each hostile input breaks a copy of some of them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from semivox import api
from semivox.cli import exit_code
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.training import forecast
from tests import corpus
from tests.hostile.kinds import STUDY

PLAN = {
    "spacing": (1.5, 1.5, 1.5),
    "patch": (16, 16, 16),
    "network": "small",
    "steps": 2,
    "fields": {"precision": "32-true"},
}
TRAIN = {"workers": 0, "device": "cpu"}


def make(base: Path, needed: Collection[str]) -> None:
    """scans; a finished ``job``, ``half`` of one; an unfinished ``run``; a finished ``study``; ``labels`` of ``refs``;
    ``prepared``. And where needed, for they take seconds: the job's ``onnx``; a pretraining, ``pre``."""
    scans = base / "scans"
    corpus.good(scans)
    forecast.forecast = lambda plan, *_, **__: plan  # dry steps take seconds
    api.run(scans, base / "job", method="mean_teacher", plan=PLAN, settings=TRAIN)
    _half(base / "job", base / "half")
    if "onnx" in needed:
        assert exit_code(["export", str(base / "job" / "supervised"), "-o", str(base / "onnx"), "--to", "onnx"]) == 0
    if "pre" in needed:
        api.pretrain(scans, base / "pre", plan=PLAN, settings=TRAIN)
    plan = Plan.load(base / "job" / "plan.json")
    plan.save(base / "plan.json")
    Split.load(base / "job" / "split.json").save(base / "split.json")
    _unfinished(scans, base / "run")
    (base / "study.toml").write_text(STUDY.replace('"scans"', f'"{scans}"'))
    api.study(base / "study.toml", base / "study")
    (base / "study.toml").write_text(STUDY)
    api.report(base / "study")
    api.prepare(scans, base / "prepared", plan=plan, workers=0)
    shutil.copytree(scans / "labels", base / "refs")
    shutil.copytree(scans / "images", base / "in")
    (base / "in" / "u.nii.gz").unlink()
    api.predict(base / "job" / "supervised", base / "in", base / "labels", device="cpu")


def _half(job: Path, half: Path) -> None:
    """A job that was killed in its second training, before it released a model."""
    shutil.copytree(job, half)
    for name in ("labels", "model", "mean_teacher/model", "mean_teacher/predictions", "figures"):
        shutil.rmtree(half / name, ignore_errors=True)
    for name in ("summary.json", "summary.txt", "report.html", *(f"mean_teacher/{file}" for file in (
        "done", "scores.json", "scores.csv", "cost.json"))):  # fmt: skip
        (half / name).unlink(missing_ok=True)


def _unfinished(scans: Path, run: Path) -> None:
    """A run that was killed after three of four steps."""
    settings = {**TRAIN, "steps": 4, "save_every": 1e-6, "precision": "32-true", "validate_every": 1}
    fields = {"patch": (16, 16, 16), "spacing": (1.5, 1.5, 1.5)}
    split = Split(labeled=("a", "b"), unlabeled=("u",), validation=("c",))
    settings["selection"] = "validation"
    api.train(scans, run, method="supervised", settings=settings, plan_fields=fields, split=split)
    (run / "done").unlink()
    shutil.rmtree(run / "model")
    (run / "checkpoints" / "step-00000004.pt").unlink()


def copied(base: Path, root: Path, needs: tuple[str, ...]) -> None:
    """The folders and files of these names, in a folder that is new."""
    root.mkdir(parents=True)
    for name in needs:
        if (base / name).is_dir():
            shutil.copytree(base / name, root / name, symlinks=True)
        else:
            shutil.copy(base / name, root / name)
