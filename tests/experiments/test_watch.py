"""What is said of running processes: how far they are, and why one ended. Saying it never ends a study."""

import io
import signal

import pytest

from semivox.evaluation.tables import write_scores
from semivox.experiments import one_run as program
from semivox.experiments import runner, watch
from semivox.experiments.arms import Arm
from semivox.experiments.cost import Cost
from semivox.experiments.executor import words_of
from semivox.experiments.runs import Place, Run
from semivox.experiments.watch import Watch
from semivox.training.stopping import StopRequest

ARM = Arm(name="ua_mt", method="ua_mt")
RUNS = [Run(Place("labeled-4", 0, seed, "ua_mt"), ARM, seed) for seed in (1, 2, 3, 4)]
COST = Cost(train_seconds=10, predict_seconds=7, memory_mb=1, gpu_memory_mb=None, device="cpu", threads=1)


@pytest.fixture
def study(tmp_path):
    """Two finished runs of four, and one of a step."""
    for one, steps in zip(RUNS[:3], (10, 10, 1), strict=True):
        run = tmp_path / one.name
        run.mkdir(parents=True)
        (run / "log.jsonl").write_text("".join(f'{{"step": {step}, "seconds": 2.0}}\n' for step in range(steps)))
        if steps == 10:
            (run / "done").write_text("")
            write_scores(run, [])
        COST.save(run / "cost.json")
    return tmp_path


@pytest.mark.parametrize("content", [None, "", '{"train_seconds": 1'])
def test_costs_that_cannot_be_read_end_no_study(study, content):
    stream = io.StringIO()
    seen = Watch(study, RUNS, 10, stream)
    seen.said = -1000.0
    path = study / RUNS[0].name / "cost.json"
    path.unlink() if content is None else path.write_text(content)
    seen.show([RUNS[2].name], 0, 1)
    # 9 + 10 steps of 2 s, and 7 s each to score two runs
    assert stream.getvalue() == f"[##########----------] training 3 of 4, 52 s left | {RUNS[2].name} 1/10\n"
    for run in RUNS[:2]:
        (study / run.name / "cost.json").unlink(missing_ok=True)
    assert seen.left({run.name: seen.read(run.name) for run in RUNS}, 1) == "38 s left"


def test_the_time_left_knows_a_method_that_has_not_begun_by_its_twin_of_the_same_minutes(tmp_path):
    twin = Arm(name="supervised~minutes-of-ua_mt", method="supervised", minutes_of="ua_mt", steps=40)
    arms = [Arm(name="supervised", method="supervised"), ARM, twin, Arm(name="cct", method="cct")]
    runs = [Run(Place("labeled-4", 0, 1, arm.name), arm, 1) for arm in arms]
    run = tmp_path / runs[0].name
    run.mkdir(parents=True)
    (run / "log.jsonl").write_text("".join(f'{{"step": {step}, "seconds": 0.2}}\n' for step in range(5)))
    seen = Watch(tmp_path, runs[:3], 10, None)
    paces = {one.name: seen.read(one.name) for one in runs}
    # 5 steps of 0.2 s, 10 of 4 x 0.2 s, 40 of 0.2 s
    assert seen.left({name: paces[name] for name in seen.runs}, 1) == "17 s left"
    # one of which nothing is known: 10 steps of (0.2 + 0.8 + 0.2) / 3 s
    assert Watch(tmp_path, runs, 10, None).left(paces, 1) == "21 s left"


@pytest.mark.parametrize(
    ("done", "running", "said"),
    [
        (0, 1, "training 1"),
        (3, 1, "training 4"),
        (3, 2, "trainings 4 and 5"),
        (3, 4, "trainings 4 to 7"),
        (3, 0, "training 4"),
    ],
)
def test_the_trainings_in_progress_are_numbered(done, running, said):
    assert watch._which(done, running) == said


def test_a_training_that_is_done_and_about_to_end_is_not_counted_twice(study):
    stream = io.StringIO()
    seen = Watch(study, RUNS[:2], 10, stream)
    seen.said = -1000.0
    seen.show([RUNS[1].name], 0, 1)
    assert " training 2 of 2, " in stream.getvalue()


def test_one_bar_shows_all_steps_of_all_trainings():
    assert [watch._bar(share) for share in (0.0, 0.5, 1.0)] == [
        f"[{'-' * 20}]",
        f"[{'#' * 10}{'-' * 10}]",
        f"[{'#' * 20}]",
    ]


def test_a_closed_terminal_ends_no_study(study):
    tried = []

    class Closed(io.StringIO):
        def write(self, text):
            tried.append(text)
            raise BrokenPipeError(32, "Broken pipe")

    seen = Watch(study, RUNS, 10, Closed())
    seen.live, seen.said = True, -1000.0
    seen.show([], 0, 1)
    seen.end()
    assert tried


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (-9, "x.py:10: FutureWarning: old\n", "killed by SIGKILL (signal 9), as the system does when memory runs out"),
        (-11, "x.py:10: FutureWarning: old\n", "killed by SIGSEGV (signal 11)"),
        (-15, None, "killed by SIGTERM (signal 15)"),
        (1, "first\nsemivox: the disk is full\n\n  \n", "semivox: the disk is full"),
        (1, " \n", "ended with exit code 1 and no message"),
        (3, None, "ended with exit code 3 and no message"),
    ],
)
def test_a_process_that_was_killed_is_not_known_by_its_last_words(tmp_path, code, words, said):
    path = words_of(tmp_path, RUNS[0].name)
    path.parent.mkdir(parents=True)
    if words is not None:
        path.write_text(words)
    outcome = runner.Outcome()
    runner._note(tmp_path, RUNS[0], code, outcome, StopRequest())
    assert outcome.failed == {RUNS[0].name: said}
    stopped = runner.Outcome()
    asked = StopRequest()
    asked.asked = True
    runner._note(tmp_path, RUNS[0], -signal.SIGTERM, stopped, asked)
    assert not stopped.failed


@pytest.mark.parametrize("arguments", [[], ["study"], ["study", "a/draw-0/seed-1/b"], ["study", "a", "two"]])
def test_the_program_of_a_run_says_how_it_is_called(arguments, capsys):
    assert program.main(arguments) == 2
    assert "FOLDER RUN WORKERS" in capsys.readouterr().err
