"""A study of four runs that ends in seconds, and how tests spare themselves what takes time."""

from __future__ import annotations

from semivox.data.planning.options import PlanOptions
from semivox.experiments.study_file import CaseChoice, StudyFile

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
