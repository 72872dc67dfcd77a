"""Kill the main job anywhere and start the same command again: models, labels and scores are the same to the bit."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from semivox.data import phantom
from semivox.data.planning.options import PlanOptions
from semivox.experiments import runner
from semivox.experiments.job import Job, run_job
from semivox.pipeline.options import RunOptions
from semivox.training.settings import TrainSettings
from tests import faults
from tests.experiments.here import Here

KILLED = -9
OUTPUTS = ("model/weights.safetensors", "model/model.json", "predictions/*.nii.gz", "scores.csv", "scores.json")


def job(data: Path, out: Path) -> None:
    """A job of seconds that saves after every step (prepare, train, label, report), and a prediction with its model."""
    from semivox import api
    from semivox.pipeline import stages as steps
    from semivox.training import forecast

    steps.spare_cores = lambda *_: 0
    forecast.forecast = lambda plan, *_, **__: plan  # timings choose a memory format: not the same in two jobs
    plan = PlanOptions(
        spacing=(8.0, 8.0, 8.0), patch=(16, 16, 8), network="small", steps=3, fields={"precision": "32-true"}
    )
    train = TrainSettings(workers=0, device="cpu", save_every=1e-6)
    runner.POLL = 0.0
    run_job(Job(data, out, RunOptions(method="mean_teacher", plan=plan, train=train), engine=Here()))
    api.predict(out / "mean_teacher", data / "imagesTs", out / "maps", save=["entropy"], device="cpu")


def outputs(out: Path) -> dict[str, bytes]:
    """What a user takes from a job folder, byte by byte."""
    found = {name: (out / name).read_bytes() for name in ("summary.json", "summary.txt")}
    found |= {path.name: path.read_bytes() for place in ("labels", "maps") for path in (out / place).glob("*.nii.gz")}
    assert len(found) == 5
    for arm in ("supervised", "mean_teacher"):
        for pattern in OUTPUTS:
            files = sorted((out / arm).glob(pattern))
            assert files, pattern
            found |= {str(path.relative_to(out)): path.read_bytes() for path in files}
    return found


def killed_jobs(root: Path, kills: int, seed: int) -> None:
    """Kill jobs ``kills`` times in all, each at a random one of the times it touches a file, and compare."""
    data, chance = root / "scans", random.Random(seed)
    phantom.write(data, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    code, touches = faults.attempt(job, data, root / "whole", root=root / "whole")
    assert code == 0
    expected, done, folder = outputs(root / "whole"), 0, 0
    while done < kills:
        out = root / f"job {folder}"
        code, _ = faults.attempt(job, data, out, root=out, at=chance.randint(1, touches))
        done += code == KILLED
        assert code in (0, KILLED)
        if code == KILLED and done < kills:
            continue
        assert faults.attempt(job, data, out, root=out)[0] == 0
        assert outputs(out) == expected
        assert not list(out.rglob("*.writing*"))
        folder += 1


def test_a_job_killed_anywhere_ends_with_the_same_bits(tmp_path):
    killed_jobs(tmp_path, kills=3, seed=0)


@pytest.mark.slow
def test_a_job_killed_thirty_times_ends_with_the_same_bits(tmp_path):
    killed_jobs(tmp_path, kills=30, seed=1)


INSIDE = {
    "a label of a scored scan": r"predictions/[^/]*t[^/]*\.nii",
    "a label of an unlabeled scan": r"job/labels/[^/]*\.nii",
    "a map": r"maps/[^/]*entropy",
    "weights": r"mean_teacher/model/[^/]*weights",
    "a description of a model": r"supervised/model/[^/]*model\.json",
    "a checkpoint": r"supervised/checkpoints/[^/]*step",
    "scores": r"mean_teacher/[^/]*scores\.json",
    "a prepared scan": r"prepared/cases/.*image",
    "a plan": r"job/[^/]*plan\.json",
    "the summary": r"job/[^/]*summary\.json",
}
"""What is written -> the path of the file that is opened for it, whatever it is called until it is whole."""


def killed_inside(root: Path, path: str) -> None:
    """Kill a job inside the write of a file: what stands under a final name is whole, and the rest comes out alike."""
    data = root / "scans"
    phantom.write(data, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    assert faults.attempt(job, data, root / "whole", root=root / "whole")[0] == 0
    expected, out = outputs(root / "whole"), root / "job"
    assert faults.attempt(job, data, out, root=out, at=path)[0] == -signal.SIGXFSZ
    for pattern in ("*/predictions/*.nii.gz", "labels/*.nii.gz", "maps/*.nii.gz", "*/model/*", "*/scores.json",
                    "summary.json", "plan.json"):  # fmt: skip
        for file in out.glob(pattern):
            if ".writing" not in file.name:
                assert file.read_bytes() == (root / "whole" / file.relative_to(out)).read_bytes(), file
    assert faults.attempt(job, data, out, root=out)[0] == 0
    assert outputs(out) == expected


def test_a_kill_inside_the_write_of_a_label_leaves_no_half_label(tmp_path):
    killed_inside(tmp_path, INSIDE["a label of a scored scan"])


@pytest.mark.slow
@pytest.mark.parametrize("what", list(INSIDE)[1:])
def test_a_kill_inside_any_write_leaves_no_half_file(tmp_path, what):
    killed_inside(tmp_path, INSIDE[what])


def example(folder: Path) -> None:
    """The built-in data set."""
    phantom.write(folder, 1, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))


@pytest.mark.parametrize("begun", ["job", "example"])
def test_what_is_killed_while_it_begins_can_begin_again(tmp_path, begun):
    """Also between making its folder and writing the file that says whose it is."""
    data, out = tmp_path / "scans", tmp_path / "out"
    phantom.write(data, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    task = (job, data, out) if begun == "job" else (example, out)
    codes = [faults.attempt(*task, root=out, at=at)[0] for at in range(1, 7)]
    assert codes == [KILLED] * 6
