"""Stop a run anywhere, start it again, and the weights are the same to the last bit."""

from __future__ import annotations

import json
import math
import os
import random
import resource
import signal
import time
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.plan import CaseFacts, ChannelFacts
from semivox.data.layouts.recognize import find
from semivox.data.prepared.prepare import prepare
from semivox.methods import METHODS
from semivox.training import checkpoint, run
from semivox.training import run_monitor as keeper
from semivox.training.folder import RunFolder
from semivox.training.model import ModelCard, load_model, save_model
from semivox.training.run import train_run
from semivox.training.spec import RunSpec
from tests import faults
from tests.training import tiny
from tests.training.runs import assert_same, stop_after, weights

WITH_WORKERS = ("supervised", "mean_teacher", "tracoco")
"""Workers do the same for every method: the others with workers are run by ``make test-all``."""


@pytest.mark.parametrize(
    ("workers", "method"),
    [
        *((0, method) for method in METHODS),
        *(pytest.param(2, method, marks=[] if method in WITH_WORKERS else pytest.mark.slow) for method in METHODS),
    ],
)
def test_stopping_and_starting_again_changes_no_bit(tmp_path, monkeypatch, method, workers):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, tiny.config(method)))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun, match="step 3 of 6"):
            train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config(method, workers=workers)))
    train_run(RunSpec(RunFolder(tmp_path / "parts"), store, split, plan, tiny.config(method, workers=workers)))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    rows = [run.RunFolder(tmp_path / part).logged() for part in ("whole", "parts")]
    assert [row["total"] for row in rows[0]] == [row["total"] for row in rows[1]]
    released, _ = load_model(tmp_path / "parts")
    assert_same(weights(tmp_path / "whole"), released.state_dict())


def test_steps_that_are_about_to_be_repeated_are_forgotten_from_the_first_on(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    for step in range(5):
        folder.log({"step": step, "player": "network", "total": 1.0})
        folder.warn(step, "silent_term", f"trouble {step}")
    folder.forget_from(3)
    assert [row["step"] for row in folder.logged()] == [0, 1, 2]
    assert [row["step"] for row in folder.warned()] == [0, 1, 2]


def killed_runs(tmp_path: Path, kills: int, steps: int) -> None:
    """Kill a run ``kills`` times at random moments after its first step, then let it finish and compare."""
    _, split, _ = tiny.prepared(tmp_path, steps)
    split.save(tmp_path / "split.json")
    assert faults.attempt(tiny.attempt, tmp_path, tmp_path / "whole", "mean_teacher", steps, root=tmp_path)[0] == 0
    chance, out = random.Random(0), tmp_path / "killed"
    for _ in range(kills):
        before = checkpoint.load(out / "checkpoints").step
        process = faults.start(tiny.attempt, tmp_path, out, "mean_teacher", steps)
        while process.is_alive() and not list(out.glob(f"checkpoints/step-{before + 1:08d}*")):
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert faults.attempt(tiny.attempt, tmp_path, out, "mean_teacher", steps, root=out)[0] == 0
    assert_same(weights(tmp_path / "whole"), weights(out))


def test_kill_9_changes_no_bit(tmp_path):
    killed_runs(tmp_path, kills=2, steps=40)


@pytest.mark.slow
def test_many_kills_change_no_bit(tmp_path):
    killed_runs(tmp_path, kills=12, steps=100)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_signal_saves_and_exits_to_be_queued_again(tmp_path, number):
    _, split, _ = tiny.prepared(tmp_path, 10_000)
    split.save(tmp_path / "split.json")
    process = faults.start(tiny.command, tmp_path, tmp_path / "run", "mean_teacher", 10_000)
    while process.is_alive() and not list(tmp_path.glob("run/checkpoints/step-*.pt")):
        time.sleep(0.02)
    os.kill(process.pid, number)
    process.join(30)
    assert process.exitcode == 75
    assert "run the same command again to resume" in (tmp_path / "said").read_text(encoding="utf-8")
    assert checkpoint.load(tmp_path / "run" / "checkpoints").step > 0


def test_a_finished_run_is_left_alone(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != "lock"}
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != "lock"}
    assert {p: t for p, t in after.items() if p.is_file()} == {p: t for p, t in before.items() if p.is_file()}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s, p, c: (s, p, tiny.config("supervised", seed=2)), "train.seed"),
        (lambda s, p, c: (s, p.model_copy(update={"patch": (8, 8, 8)}), c), "patch"),
        (lambda s, p, c: (s, p, tiny.config("supervised", steps=4)), "plan.json changed.*\n  steps: was 6, is 4"),
        (lambda s, p, c: (s, p, tiny.config("supervised", augmentation="none")), "augmentation"),
        (lambda s, p, c: (s.model_copy(update={"labeled": s.labeled[:1]}), p, c), "labeled"),
    ],
)
def test_resuming_with_something_else_is_refused(tmp_path, change, named):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    with pytest.raises(InputError, match=named):
        train_run(RunSpec(RunFolder(tmp_path / "run"), store, *change(split, plan, tiny.config("supervised"))))


def test_resuming_on_changed_scans_is_refused_and_undoing_the_change_goes_on(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, tiny.config("supervised")))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    path = tmp_path / "data" / "labels" / f"{split.labeled[0]}.nii.gz"
    before = path.read_bytes()
    label = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(label.dataobj)[::-1].copy(), label.affine), path)
    changed = prepare(find(tmp_path / "data"), split, plan, tmp_path / "prepared")
    with pytest.raises(InputError, match=rf"data.json changed(?s:.*){split.labeled[0]}.*\n(?s:.*)Undo the change"):
        train_run(RunSpec(RunFolder(tmp_path / "run"), changed, split, plan, tiny.config("supervised")))
    path.write_bytes(before)
    undone = prepare(find(tmp_path / "data"), split, plan, tmp_path / "prepared")
    train_run(RunSpec(RunFolder(tmp_path / "run"), undone, split, plan, tiny.config("supervised")))
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "run"))


def test_settings_that_change_no_result_may_change_on_a_resume(tmp_path, monkeypatch):
    store, split, plan = tiny.prepared(tmp_path)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    train_run(
        RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised", workers=2, save_every=1.0))
    )
    assert (tmp_path / "run" / "done").exists()


def test_two_processes_on_one_folder_are_refused(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    folder = run.RunFolder(tmp_path / "run")
    folder.create()
    with folder.locked(), pytest.raises(InputError, match="another process"):
        train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))


def test_a_folder_of_something_else_is_not_touched(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a run folder"):
        train_run(RunSpec(RunFolder(tmp_path / "precious"), store, split, plan, tiny.config("supervised")))
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["thesis.txt"]


@pytest.fixture
def little_room():
    """Lets a test forbid files above some size: the system refuses the rest, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("where", "name", "file"),
    [
        (checkpoint, "save", "step-00000003.pt"),
        (keeper, "save_model", "weights.safetensors"),
        (run.RunFolder, "log", "log.jsonl"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_full_disk_ends_in_a_sentence_and_loses_nothing(tmp_path, monkeypatch, little_room, where, name, file):
    store, split, plan = tiny.prepared(tmp_path)
    config = tiny.config("mean_teacher", save_every=1e-6)
    train_run(RunSpec(RunFolder(tmp_path / "whole"), store, split, plan, config))
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(InterruptedRun):
            train_run(RunSpec(RunFolder(out), store, split, plan, config))
    with monkeypatch.context() as patch:
        write = getattr(where, name)
        patch.setattr(where, name, lambda *args: (little_room(500), write(*args)))
        with pytest.raises(SemivoxError, match=f"cannot write .*{file}.*run the same command again"):
            train_run(RunSpec(RunFolder(out), store, split, plan, config))
    assert not list(out.rglob("*.writing"))
    little_room(resource.RLIM_INFINITY)
    train_run(RunSpec(RunFolder(out), store, split, plan, config))
    assert_same(weights(tmp_path / "whole"), weights(out))
    assert [row["step"] for row in run.RunFolder(out).logged()] == list(range(6))


def test_a_model_whose_weights_were_changed_is_not_loaded(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised")))
    load_model(tmp_path / "run")
    path = tmp_path / "run" / "model" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        load_model(tmp_path / "run")


@pytest.mark.parametrize(
    ("width", "said"), [(3, "do not belong together"), (200, "together"), (10**10, "at most 1024")]
)
def test_a_model_that_claims_more_than_its_weights_is_refused_before_memory_is_asked_for(tmp_path, width, said):
    plan = tiny.plan()
    method = run.build(plan, tiny.config("supervised"), torch.device("cpu"))
    card = ModelCard(
        semivox="1", method="supervised", options={}, plan=plan, selection="last", steps=1, seed=1, split="x"
    )
    save_model(tmp_path, method, card)
    load_model(tmp_path)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["plan"]["network"]["options"]["width"] = width
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_model(tmp_path)


def test_logs_settings_and_models_name_no_path_and_no_user(tmp_path):
    store, split, plan = tiny.prepared(tmp_path)
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("mean_teacher")))
    texts = [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".json", ".jsonl")]
    assert len(texts) >= 6
    for path in texts:
        content = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in content
        assert str(Path.home()) not in content


@pytest.mark.parametrize("asked", [{}, {"keep_names": True}], ids=["by default", "keep_names"])
def test_a_released_model_names_its_training_cases_only_where_asked_to(tmp_path, asked):
    store, split, plan = tiny.prepared(tmp_path)
    channel = {"minimum": 0, "maximum": 1, "mean": 0.5, "std": 1, "lower": 0, "upper": 1, "zeros": 0}
    facts = [
        CaseFacts(name=name, shape=(20, 24, 16), spacing=(1, 1, 1.5), labeled=True, channels=(ChannelFacts(**channel),))
        for name in store.names
    ]
    found = plan.fingerprint.model_copy(update={"cases": tuple(facts)})
    reasons = {"patch": f"as large as {facts[0].name}", "network": "small"}
    plan = plan.model_copy(update={"fingerprint": found, "reasons": reasons})
    config = tiny.config("supervised")
    config = config.model_copy(update={"train": config.train.model_copy(update=asked)})
    train_run(RunSpec(RunFolder(tmp_path / "run"), store, split, plan, config))
    names = [case.name.encode() for case in facts]
    content = b"".join(path.read_bytes() for path in sorted((tmp_path / "run" / "model").iterdir()))
    assert all((name in content) == bool(asked) for name in names)
    _, card = load_model(tmp_path / "run")
    assert len(card.plan.fingerprint.cases) == len(names)
    assert "network" in card.plan.reasons


def send_at_the_last_step(number: int) -> None:
    """Send this process a signal while it minimizes the last loss of a training of 6 steps, once."""
    turned, sent = run.RunMonitor.turned, []

    def asked(monitor: run.RunMonitor, at: int, *rest: object) -> None:
        turned(monitor, at, *rest)
        if at == 5 and not sent:
            sent.append(os.kill(os.getpid(), number))

    run.RunMonitor.turned = asked


def stopped_late(root: Path, out: Path, number: int) -> None:
    send_at_the_last_step(number)
    tiny.command(root, out, "mean_teacher", 6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_request_to_stop_in_the_last_step_is_not_lost(tmp_path, number):
    """Another training may be about to follow, of hours."""
    _, split, _ = tiny.prepared(tmp_path)
    split.save(tmp_path / "split.json")
    assert faults.attempt(stopped_late, tmp_path, tmp_path / "run", number, root=tmp_path)[0] == 75
    assert not (tmp_path / "run" / "done").exists()
    assert faults.attempt(tiny.command, tmp_path, tmp_path / "run", "mean_teacher", 6, root=tmp_path)[0] == 0
    assert faults.attempt(tiny.command, tmp_path, tmp_path / "whole", "mean_teacher", 6, root=tmp_path)[0] == 0
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "run"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threads": 7}, ["threads 1 instead of 7"]),
        ({"packages": {"torch": "1.0"}}, [f"torch {version('torch')} instead of 1.0"]),
        ({"processor": "abacus", "device": "mps"}, ["instead of abacus", "device cpu instead of mps"]),
        ({}, []),
    ],
    ids=str,
)
def test_a_resume_under_other_conditions_says_that_bits_may_differ(tmp_path, monkeypatch, change, said):
    store, split, plan = tiny.prepared(tmp_path)
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised"))
    for step in (3, 5):
        with monkeypatch.context() as patch:
            stop_after(patch, step)
            with pytest.raises(InterruptedRun):
                train_run(spec)
        if step == 3:
            (entry,) = json.loads(spec.folder.environment.read_text(encoding="utf-8"))
            spec.folder.environment.write_text(json.dumps([entry | change]))
    told = []
    train_run(spec, type("Ears", (run.Silent,), {"warn": lambda self, text: told.append(text)})())
    kept = [row["text"] for row in spec.folder.warned() if row["code"] == "elsewhere"]
    assert not told  # the last part went on as the one before it
    assert len(kept) == bool(said)
    assert all(part in kept[0] and "bits may differ" in kept[0] for part in said)


@pytest.mark.parametrize("number", [math.nan, math.inf], ids=str)
def test_a_model_of_numbers_that_are_not_finite_is_refused(tmp_path, number):
    """Its labels would all be 0, without a word."""
    store, split, plan = tiny.prepared(tmp_path)
    spec = RunSpec(RunFolder(tmp_path / "run"), store, split, plan, tiny.config("supervised"))
    train_run(spec)
    method, card = load_model(tmp_path / "run")
    next(method.parameters()).data.view(-1)[3] = number
    save_model(tmp_path / "run" / "model", method, card)
    with pytest.raises(InputError, match="not finite"):
        load_model(tmp_path / "run")
