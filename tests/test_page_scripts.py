"""Scripts that pages give a scheduler are run on stand-ins for its commands, and what they start is parsed as typed."""

import os
import re
import shlex
import stat
import subprocess

import pytest
import yaml

from tests.pages import COMMANDS, ROOT, arguments, blocks

CLUSTER, RESUME = (ROOT / "docs" / "how-to" / f"{name}.md" for name in ("use-a-cluster", "resume-and-clusters"))
STAND_IN = """#!/bin/bash
echo "{name} $(printf '%q ' "$@")" >> "$SAID"
case {name} in
  srun) while [[ "$1" == --* ]]; do shift; done; "$@" ;;
  semivox) exit "${{CODE:-0}}" ;;
esac
"""
"""Says how it was called; srun starts what it was given, and its exit code is that one's."""


def script(page, word):
    (found,) = (code for code in blocks(page, "sh") if code.startswith("#!/bin/bash") and word in code)
    return found


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Run a script; returns the lines of all commands that it called."""
    for name in ("ray", "srun", "scontrol", "semivox"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(STAND_IN.format(name=name))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "methods.txt").write_text("supervised\nmean_teacher\nembedding_matching\n")

    def run(code, **variables):
        said = tmp_path / "said.txt"
        said.unlink(missing_ok=True)
        environment = {**os.environ, "SAID": str(said), "SLURM_JOB_ID": "4711", **variables}
        command = ["bash", "-c", code]
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)  # to its last process
        return [line.strip() for line in said.read_text().splitlines()]

    return run


def parsed(line):
    """The options of a command of semivox as it understands them. Raises UsageError for what it would refuse."""
    verb, *words = shlex.split(line.partition("semivox ")[2])
    return COMMANDS[verb].make_context(verb, words).params


@pytest.mark.parametrize("task", [1, 2, 3])
def test_a_task_of_a_job_array_trains_its_own_folder_and_comes_again_when_it_was_stopped(called, task):
    method = ("supervised", "mean_teacher", "embedding_matching")[task - 1]
    code = script(CLUSTER, "--array")
    done = called(code, SLURM_ARRAY_TASK_ID=str(task))
    (line,) = (line for line in done if line.startswith("semivox"))
    given = parsed(line)
    assert (given["method"], str(given["out"])) == (method, f"runs/{method}")
    assert not any(line.startswith("scontrol") for line in done)
    assert "scontrol requeue 4711" in called(code, SLURM_ARRAY_TASK_ID=str(task), CODE="75")


def test_the_array_has_a_task_for_each_method_of_its_list():
    (listed,) = re.findall(r"printf '%s\\n' (.*) > methods\.txt", "\n".join(blocks(CLUSTER, "sh")))
    assert f"--array=1-{len(listed.split())}" in script(CLUSTER, "--array")


def test_a_script_with_a_time_limit_is_queued_again_when_it_saved(called):
    code = script(RESUME, "--time")
    assert not any(line.startswith("scontrol") for line in called(code))
    assert "scontrol requeue 4711" in called(code, CODE="75")


def test_a_job_of_slurm_starts_a_ray_cluster_on_its_nodes_and_the_command_in_its_place(called):
    done = called(script(CLUSTER, "ray start --head"), SLURMD_NODENAME="n1")
    assert done[0].startswith("ray start --head --port=6379")
    assert "ray start --address=n1:6379 --block" in done
    assert any(line.startswith("srun --nodes=3 --ntasks=3 --exclude=n1 ray start") for line in done)
    (line,) = (line for line in done if line.startswith("semivox"))
    assert parsed(line)["on"] == "ray"
    assert "exec semivox" in script(CLUSTER, "ray start --head")  # so that the signal of SLURM reaches it


def test_the_manifest_for_kubernetes_shows_all_pods_the_same_image_and_disk():
    (manifest,) = (yaml.safe_load(code) for code in blocks(CLUSTER, "yaml"))
    cluster = manifest["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups]
    containers = [container for pod in pods for container in pod["containers"]]
    assert len(containers) == len(groups) == 2
    assert len({container["image"] for container in containers}) == 1
    (mount,) = {(one["name"], one["mountPath"]) for container in containers for one in container["volumeMounts"]}
    assert {volume["name"] for pod in pods for volume in pod["volumes"]} == {mount[0]}
    given = parsed(manifest["spec"]["entrypoint"])
    assert given["on"] == "ray"
    for name in ("study_file", "data", "out"):
        assert str(given[name]).startswith(f"{mount[1]}/")


def test_arguments_behind_a_launcher_are_found():
    assert arguments("exec semivox study a.toml") == ["study", "a.toml"]
