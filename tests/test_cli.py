"""The command line: quick to ask, exact about what is wrong, results on stdout and words on stderr."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.main import get_command

from semivox.cli import app, exit_code
from semivox.data import phantom
from semivox.training.spec import settled

COMMANDS = get_command(app).commands


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "scans"
    phantom.write(folder, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def test_help_and_the_list_of_methods_load_no_torch():
    program = (
        "import sys; from semivox.cli import exit_code\n"
        "codes = [exit_code(['--help']), exit_code(['methods'])]\n"
        "assert codes == [0, 0], codes\n"
        "assert not {'torch', 'numpy'} & set(sys.modules), 'heavy imports'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_mistyped_method_is_told_before_torch_is_loaded():
    program = (
        "import sys; from semivox.cli import exit_code\n"
        "assert exit_code(['run', 'x', '--out', 'y', '--method', 'meantecher']) == 2\n"
        "assert not {'torch', 'numpy'} & set(sys.modules), 'heavy imports'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "did you mean 'mean_teacher'" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command, capsys):
    assert exit_code([command, "--help"]) == 0
    assert f"Example: semivox {command}" in capsys.readouterr().out


def test_methods_describe_themselves(capsys):
    assert exit_code(["methods", "--json"]) == 0
    listed = {item["name"]: item["title"] for item in json.loads(capsys.readouterr().out)}
    assert {"supervised", "mean_teacher", "ua_mt", "embedding_matching"} <= set(listed)
    assert all(len(title) > 20 for title in listed.values())
    assert exit_code(["methods", "embedding-matching", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    fields = {field["name"]: field for field in described["fields"]}
    assert fields["decay"]["default"] == 0.99
    assert fields["decay"]["bounds"] == ">= 0, < 1"
    assert fields["network.rate"]["bounds"] == "> 0"
    assert "arXiv:2407.04638" in described["about"]
    assert described["ablations"]["UA"] == {"terms": []}
    assert exit_code(["methods", "ua_mt"]) == 0
    assert "arXiv:1907.07034" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek", "x"], "check"),
        (["run", "x", "--out", "y", "--netwrk", "vnet"], "--network"),
        (["train", "nowhere", "-o", "y"], "nowhere"),
        (["train", "nowhere", "-o", "y", "--method", "magic"], "embedding_matching"),
        (["train", "nowhere", "-o", "y", "--set", "method.decy=1"], "did you mean 'decay'"),
        (["train", "nowhere", "-o", "y", "--set", "train.stepz=1"], "did you mean 'steps'"),
        (["train", "nowhere", "-o", "y", "--set", "method.decay=2"], "below 1"),
        (["run", "nowhere", "-o", "y", "--spacing", "1,2"], "--spacing"),
        (["run", "nowhere", "-o", "y", "--patch", "1.5"], "whole numbers"),
        (["predict", "nowhere", "-i", "a", "-o", "b"], "nowhere"),
        (["evaluate", "-r", "nowhere", "-p", "there"], "nowhere"),
        (["methods", "magic"], "ua_mt"),
        (["-q", "check", "x"], "-q stands after the command, as in: semivox check -q scans/"),
        (["--verbose", "check", "x"], "--verbose stands after the command"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback_and_ends_with_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert exit_code(arguments) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert not list(tmp_path.iterdir())  # nothing is begun with wrong options


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("semivox.cli.methods.titles", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exit_code(["methods"])


def test_an_interrupt_ends_with_130_and_a_saved_stop_with_75(monkeypatch, capsys):
    from semivox.core.errors import InterruptedRun

    def stop(error):
        def raising(*arguments, **options):
            raise error

        return raising

    monkeypatch.setattr("semivox.api.demo", stop(KeyboardInterrupt()))
    assert exit_code(["demo"]) == 130
    monkeypatch.setattr("semivox.api.demo", stop(InterruptedRun("stopped and saved at step 3 of 9")))
    assert exit_code(["demo"]) == 75
    assert "step 3 of 9" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2], ids=lambda number: number.name)
def test_a_request_to_stop_ends_with_75_also_outside_training(monkeypatch, capsys, number):
    def asked(*arguments, **options):
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        except Exception as error:  # as where what is wrong with one scan must not stop the others
            pytest.fail(f"taken for an error of a scan: {error!r}")

    before = signal.getsignal(number)
    monkeypatch.setattr("semivox.api.demo", asked)
    assert exit_code(["demo"]) == 75
    assert "run the same command again to resume" in capsys.readouterr().err
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_named_without_a_traceback(monkeypatch, capsys, code):
    def refused(*arguments, **options):
        raise OSError(code, os.strerror(code), "prepared/cases/a/image.npy")

    monkeypatch.setattr("semivox.api.demo", refused)
    assert exit_code(["demo"]) == 1
    assert f"prepared/cases/a/image.npy: {os.strerror(code)}. What was saved before" in capsys.readouterr().err


def test_check_prints_verdicts_and_ends_with_2_where_a_scan_is_damaged(scans, tmp_path, capsys):
    import shutil

    assert exit_code(["check", str(scans), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {case["verdict"] for case in report["cases"]} <= {"ok", "warning"}
    damaged = tmp_path / "scans"
    shutil.copytree(scans, damaged)
    image = damaged / "imagesTr" / "hip_0001_0000.nii.gz"
    image.write_bytes(image.read_bytes()[:-200])
    assert exit_code(["check", str(damaged)]) == 2
    assert "hip_0001" in capsys.readouterr().out
    assert exit_code(["run", str(damaged), "-o", str(tmp_path / "job")]) == 2
    said = capsys.readouterr().err
    assert "fix:" in said
    assert "--exclude hip_0001" in said


def test_plan_train_predict_evaluate_one_after_the_other(scans, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    made, run, labels = tmp_path / "plan.json", tmp_path / "run", tmp_path / "labels"
    options = ["--spacing", "8", "--patch", "16,16,8", "--network", "small", "--steps", "1"]
    assert exit_code(["plan", str(scans), "-o", str(made), *options]) == 0
    assert json.loads(made.read_text(encoding="utf-8"))["patch"] == [16, 16, 8]
    train = ["train", str(scans), "-o", str(run), "--plan", str(made), "--workers", "0", "--device", "cpu"]
    assert exit_code([*train, "--method", "supervised"]) == 0
    assert (run / "done").exists()
    assert exit_code([*train, "--method", "supervised"]) == 0  # nothing left to do
    assert exit_code([*train, "--method", "ua_mt"]) == 2  # another method does not go into the same folder
    assert exit_code([*train, "--method", "supervised", "--set", "plan.steps=2"]) == 2  # nor another plan
    assert "steps: was 1, is 2" in capsys.readouterr().err
    assert exit_code(["predict", str(run), "-i", str(scans / "imagesTs"), "-o", str(labels), "--save", "entropy"]) == 0
    assert sorted(path.name for path in labels.glob("*.nii.gz")) == ["hip_1000.nii.gz", "hip_1000_entropy.nii.gz"]
    assert (labels / "confidence.csv").read_text(encoding="utf-8").count("hip_1000,") >= 1
    assert "uncalibrated" in capsys.readouterr().err
    (labels / "hip_1000_entropy.nii.gz").unlink()
    capsys.readouterr()
    scores = tmp_path / "scores"
    evaluate = ["evaluate", "-r", str(scans / "labelsTs"), "-p", str(labels), "-o", str(scores), "--json"]
    assert exit_code(evaluate) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["cases"] == 1
    assert (scores / "scores.csv").exists()


def test_a_plan_measures_the_run_that_is_asked_for(scans, tmp_path, capsys, monkeypatch):
    """With the method's options and the settings of --set, of which those that a plan has are kept in it."""
    seen = []

    def forecast(plan, config, *others, **named):
        seen.append(config)
        return settled(plan, config.train)

    monkeypatch.setattr("semivox.training.forecast.forecast", forecast)
    made = tmp_path / "plan.json"
    command = ["plan", str(scans), "-o", str(made), "--method", "mean-teacher", "--network", "small"]
    command += ["--spacing", "8", "--patch", "16,16,8", "--set", "train.labeled_per_step=3"]
    assert exit_code([*command, "--set", "method.decay=0.5", "--set", "train.device=cpu"]) == 0
    assert (seen[0].method, seen[0].options["decay"], seen[0].train.device) == ("mean_teacher", 0.5, "cpu")
    assert json.loads(made.read_text(encoding="utf-8"))["labeled_per_step"] == 3
    capsys.readouterr()
    for wrong, said in (("method.decai=1", "decay"), ("train.clipp=1", "clip"), ("method.decay=2", "decay")):
        assert exit_code([*command, "--set", wrong]) == 2
        assert said in capsys.readouterr().err
    assert exit_code([*command, "--set", "train.device=cpu", "--device", "gpu"]) == 2


def test_the_list_of_commands_cuts_no_sentence_off(capsys):
    assert exit_code(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "..." not in said.partition("Commands:")[2]
    for command in COMMANDS.values():
        assert " ".join(command.help.split("\n\n")[0].split()) in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_has_a_sentence(command):
    assert [option.name for option in COMMANDS[command].params if not (option.help or "").strip()] == []


def test_quiet_prints_results_and_errors_alone(scans, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)  # dry steps take seconds
    options = ["--spacing", "8", "--patch", "16,16,8", "--network", "small", "--steps", "1"]
    assert exit_code(["plan", str(scans), "-o", str(tmp_path / "plan.json"), *options, "--quiet"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    assert exit_code(["check", str(scans), "-q"]) == 0
    assert "Nothing prevents training" in capsys.readouterr().out
    assert exit_code(["plan", "nowhere", "-o", "x.json", "-q"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_verbose_says_when_and_shows_where_an_error_came_from(scans, tmp_path, capsys):
    assert exit_code(["plan", "nowhere", "-o", str(tmp_path / "plan.json"), "-v"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert exit_code(["methods", "-q", "-v"]) == 2
    assert "cannot be used together" in capsys.readouterr().err
