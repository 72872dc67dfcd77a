"""A study is resumed from its folders alone, a failure stops no other run, and tests stay locked away from training."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.data import phantom
from semivox.experiments import one_run, study
from semivox.experiments.cost import Cost
from semivox.experiments.executor import STOPPED
from semivox.experiments.study_file import CaseChoice
from tests.experiments.here import Here, HereRun
from tests.experiments.tiny import STUDY, wait_for_nobody

RUNS = [f"labeled-{count}/draw-0/seed-1/{arm}" for count in (1, 2) for arm in ("supervised", "mean_teacher")]


pytestmark = pytest.mark.usefixtures("quick")


def run_study(study_file, base, data, out, engine=None):
    return study.run_study(study_file, base, data, out, engine or Here())


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(5, 0, 0)


@pytest.fixture(scope="module")
def finished(scans, tmp_path_factory):
    out = tmp_path_factory.mktemp("studies") / "study"
    with pytest.MonkeyPatch.context() as patch:
        wait_for_nobody(patch)
        assert run_study(STUDY, scans, scans, out).done == 4
    return out


def test_every_run_is_a_folder_with_scores_and_cost(finished):
    for name in RUNS:
        run = finished / name
        assert (run / "done").exists()
        rows = json.loads((run / "scores.json").read_text(encoding="utf-8"))["rows"]
        assert {row["case"] for row in rows} == {"hip_0004"}
        cost = Cost.load(run / "cost.json")
        assert cost.train_seconds > 0
        assert cost.predict_seconds > 0
        assert cost.cpu_seconds is not None
        assert cost.cpu_seconds > 0
        assert cost.memory_mb > 50
        assert (cost.gpu_memory_mb, cost.device) == (None, "cpu")


def test_all_runs_of_a_labeled_set_share_plan_and_split_and_see_no_test_scan(finished):
    for count in (1, 2):
        frame = finished / f"labeled-{count}" / "draw-0"
        for part in ("plan.json", "split.json"):
            shared = (frame / part).read_text(encoding="utf-8")
            assert {
                (frame / "seed-1" / arm / part).read_text(encoding="utf-8") for arm in ("supervised", "mean_teacher")
            } == {shared}
        prepared = {path.name for path in (frame / "prepared" / "cases").iterdir()}
        assert prepared == {f"hip_000{index}" for index in range(4)}
        with_label = {path.parent.name for path in (frame / "prepared" / "cases").glob("*/label.npy")}
        assert with_label == {f"hip_000{index}" for index in range(count)}


def test_plans_of_a_study_differ_in_what_follows_the_labeled_scans_only(finished):
    one, two = (
        json.loads((finished / f"labeled-{count}" / "draw-0" / "plan.json").read_text(encoding="utf-8"))
        for count in (1, 2)
    )
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"intensity", "fingerprint", "reasons"}
    facts = {case["name"]: case for case in one["fingerprint"]["cases"]}
    assert facts["hip_0000"]["labeled"]
    assert not facts["hip_0001"]["labeled"]  # it is labeled in the other labeled set, which this one does not know of
    assert not facts["hip_0001"]["voxels"]


def test_the_same_call_does_nothing_twice_and_a_larger_study_file_does_what_was_added(finished, scans):
    engine = Here()
    assert run_study(STUDY, scans, scans, finished, engine).done == 4
    assert engine.started == []
    larger = STUDY.model_copy(update={"seeds": (1, 2), "cases": CaseChoice(labeled=(1,), test=1)})
    assert run_study(larger, scans, scans, finished, engine).done == 4
    assert engine.started == [name.replace("seed-1", "seed-2") for name in RUNS[:2]]


def test_a_study_goes_on_where_its_scans_were_copied_to(finished, scans, tmp_path):
    copied = shutil.copytree(scans, tmp_path / "scratch", copy_function=shutil.copyfile)
    assert run_study(STUDY, copied, copied, finished).done == 4
    assert run_study(STUDY, scans, scans, finished).done == 4


def test_a_study_of_another_plan_or_other_data_is_refused(finished, scans, tmp_path):
    other = STUDY.model_copy(update={"plan": STUDY.plan.model_copy(update={"steps": 3})})
    with pytest.raises(InputError, match="another plan"):
        run_study(other, scans, scans, finished)
    elsewhere = tmp_path / "scans"
    phantom.write(elsewhere, 6, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    with pytest.raises(InputError, match="other scans"):
        run_study(STUDY, elsewhere, elsewhere, finished)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        run_study(STUDY, scans, scans, tmp_path / "mine")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"network": {"rate": 0.5}}}, r"seed-1/supervised: options.network.rate: was (.|\n)* is 0.5"),
        ({"train": {**STUDY.train, "augmentation": "none"}}, "seed-1/mean_teacher: train.augmentation"),
        ({"cases": CaseChoice(labeled=(1, 2), test=2)}, "another cases.test"),
        ({"cases": CaseChoice(labeled=(1, 2), test=1, validation=1)}, "another cases.validation"),
    ],
)
def test_finished_runs_are_never_said_to_be_of_a_changed_study_file(finished, scans, changes, said):
    before = (finished / "study.json").read_bytes()
    with pytest.raises(InputError, match=said) as error:
        run_study(STUDY.model_copy(update=changes), scans, scans, finished)
    assert error.value.code == 2
    assert (finished / "study.json").read_bytes() == before


def test_what_no_run_could_do_is_refused_before_anything_is_done(scans, tmp_path):
    chosen = STUDY.model_copy(update={"train": {"selection": "validation", "validate_every": 1}})
    with pytest.raises(InputError, match="validation cases"):
        run_study(chosen, scans, scans, tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_failed_run_stops_no_other_and_is_tried_again(scans, tmp_path, monkeypatch):
    learn = one_run.train_run

    def failing(spec, progress=None):
        if spec.config.method == "supervised":
            raise InputError("the disk is full")
        learn(spec, progress)

    monkeypatch.setattr(one_run, "train_run", failing)
    study_file = STUDY.model_copy(update={"cases": CaseChoice(labeled=(1,), test=1)})
    with pytest.raises(
        SemivoxError, match=r"1 of 2 trainings failed, 1 done(.|\n)*supervised: semivox: the disk"
    ) as error:
        run_study(study_file, scans, scans, tmp_path / "study")
    assert error.value.code == 2  # what failed was given wrongly
    monkeypatch.setattr(one_run, "train_run", learn)
    assert run_study(study_file, scans, scans, tmp_path / "study").done == 2


def test_a_stop_lets_runs_save_and_starts_no_other(scans, tmp_path):
    class Stopped(HereRun):
        """Asked to stop while it works: it saves and ends with 75."""

        def poll(self):
            if self.code is None:
                os.kill(os.getpid(), signal.SIGTERM)
                self.code = STOPPED
            return self.code

    with pytest.raises(InterruptedRun, match="0 of 4 trainings done"):
        run_study(STUDY, scans, scans, tmp_path / "study", Here(kind=Stopped))
    assert not list(tmp_path.glob("study/*/*/seed-1/*"))


@pytest.mark.slow
def test_processes_are_resumed_after_a_stop_and_a_kill(scans, tmp_path):
    path, out = tmp_path / "study.toml", tmp_path / "study"
    path.write_text(
        'methods = ["supervised"]\n[cases]\nlabeled = [1]\ntest = 1\n[train]\ndevice = "cpu"\n'
        "[plan]\nspacing = [8, 8, 8]\npatch = [16, 16, 8]\nsteps = 4000\n"
        '[plan.fields]\nprecision = "32-true"\nnetwork = {name = "vnet", options = {width = 2}}\n'
    )
    program = "from semivox.cli import main; main()"
    command = [sys.executable, "-c", program, "study", str(path), "--data", str(scans), "-o", str(out)]
    log = out / "labeled-1" / "draw-0" / "seed-1" / "supervised" / "log.jsonl"
    for number, code in ((signal.SIGINT, 75), (signal.SIGKILL, -9)):
        before = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        for _ in range(1500):
            if log.exists() and len(log.read_text(encoding="utf-8").splitlines()) > before + 5:
                break
            time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(120) == code
    time.sleep(5)  # the run notices that nobody waits for it, and saves
    size = log.stat().st_size
    time.sleep(2)
    assert log.stat().st_size == size
    assert list((log.parent / "checkpoints").iterdir())
