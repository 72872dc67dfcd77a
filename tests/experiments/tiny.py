"""A study of four runs that ends in seconds, and how tests spare themselves what takes time."""

from __future__ import annotations

from semivox.data.planning.options import PlanOptions
from semivox.experiments.study_file import CaseChoice, StudyFile
from semivox.reports.page import Picture

STUDY = StudyFile(
    methods=("mean_teacher",),
    cases=CaseChoice(labeled=(1, 2), test=1),
    plan=PlanOptions(
        spacing=(8.0, 8.0, 8.0),
        patch=(16, 16, 8),
        steps=2,
        fields={"precision": "32-true", "network": {"name": "vnet", "options": {"width": 2}}},
    ),
    train={"device": "cpu", "workers": 0},
)


def wait_for_nobody(patch):
    """Scans are read in this process, no trial step is done, and runs are looked after without a pause."""
    patch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    patch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    patch.setattr("semivox.experiments.runner.POLL", 0.0)


def draw_nothing(patch):
    """Figures take seconds; where they do not matter, none is drawn."""
    picture = Picture("a figure", b"\x89PNG\r\n\x1a\n")
    patch.setattr("semivox.reports.pictures._kept", lambda *arguments: picture)
