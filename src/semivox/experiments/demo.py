"""The main job on the built-in data set: invented hips, 4 of them labeled, 20 unlabeled, 20 to be scored.

The labeled ones come from one scanner, most others from a second one with a lower dose: what unlabeled scans are good
for, if they are good for anything. The network is small, so that all of it takes a few minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from semivox.data import phantom
from semivox.data.planning.options import PlanOptions
from semivox.experiments.job import Job, Page, run_job
from semivox.experiments.summary import Summary
from semivox.pipeline.options import RunOptions
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.training.settings import TrainSettings

SHAPE, SPACING = (64, 48, 43), (3.0, 3.0, 3.0)
"""Of the scans, in voxels and mm: as fine as the plan's voxels, so that nothing is lost on the way to them and back."""
SMALL = PlanOptions(
    spacing=SPACING,
    patch=(32, 32, 32),
    network="small",
    steps=1200,
    fields={"network": {"options": {"dropout": 0.1}}},
)
"""Two minutes on two cores; a patch of 96 mm holds a whole hip. So small a network learns faster with less dropout
than the planner's 0.2."""
METHOD = "mean_teacher"
"""The quickest one, in steps that take twice as long as its twin's."""
OPTIONS = {"decay": 0.95}
"""The teacher's memory, 20 steps, is as short beside this run as the paper's 100 are beside a long one."""
QUICK = SMALL.model_copy(update={"spacing": (6.0, 6.0, 6.0), "patch": (16, 16, 16), "steps": 4})
"""Shows that everything works, and is too short to learn anything."""

INVENTED = "These scans are invented: what unlabeled scans do for them proves nothing about yours."


def run_demo(
    out: Path, quick: bool = False, progress: ProgressDisplay | None = None, page: Page | None = None
) -> Summary:
    """Write the data to ``out/data`` and do the main job in ``out/run``; resumes what was interrupted."""
    progress = progress or Quiet()
    labeled, unlabeled, test = (2, 2, 2) if quick else (4, 20, 20)
    progress.say(f"Drawing {labeled} labeled, {unlabeled} unlabeled and {test} test scans into {out / 'data'} ...")
    phantom.write_of_two_scanners(out / "data", labeled, unlabeled, test, SHAPE, SPACING)
    plan, train = QUICK if quick else SMALL, TrainSettings(workers=1)
    settings = RunOptions(method=METHOD, options=OPTIONS, plan=plan, train=train)
    summary = run_job(Job(out / "data", out / "run", settings, page=page), progress)
    progress.say(INVENTED)
    return summary
