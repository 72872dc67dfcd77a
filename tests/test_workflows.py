"""What runs on other people's machines: actions pinned by their bytes, no more rights than needed, no root."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAY_WRITE = {("release.yml", "publish"): {"id-token": "write"}}
"""Trusted publishing proves who it is to the index; nothing else may write anything."""


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request):
    return request.param.name, yaml.safe_load(request.param.read_text(encoding="utf-8"))


def test_there_are_workflows():
    assert {path.name for path in WORKFLOWS} >= {"docs.yml", "release.yml", "test.yml"}


def test_actions_are_pinned_by_hash(workflow):
    _, content = workflow
    used = [step["uses"] for job in content["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert not [name for name in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", name)]


def test_nobody_has_more_rights_than_needed(workflow):
    name, content = workflow
    assert content["permissions"] == {"contents": "read"}
    for job, description in content["jobs"].items():
        assert description.get("permissions", {}) == MAY_WRITE.get((name, job), {}), job


def test_what_the_tests_reach_is_measured_and_held_to_a_limit():
    """``make coverage`` ends with an error below the limit; ``make test`` measures nothing and stays quick."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["coverage"]["run"]["branch"] is True
    assert settings["coverage"]["report"]["fail_under"] >= 95
    assert "--cov" not in settings["pytest"]["ini_options"]["addopts"]
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"]
    assert any(step.get("run") == "make coverage" for job in jobs.values() for step in job["steps"])


def test_the_token_is_not_left_on_disk_and_no_job_runs_forever(workflow):
    _, content = workflow
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_no_word_of_a_stranger_is_run(workflow):
    """Titles and branch names of a pull request reach no shell."""
    _, content = workflow
    scripts = [step["run"] for job in content["jobs"].values() for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if "${{" in script]
    assert "pull_request_target" not in content[True]  # YAML reads "on" as true


def test_the_container_copies_what_is_there_and_runs_without_root():
    lines = (ROOT / "containers" / "Containerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith(("#", " "))]
    for source in (word for line in words if line[0] == "COPY" for word in line[1:-1]):
        assert (ROOT / source).exists(), source
    kinds = [line[0] for line in words]
    user = kinds.index("USER")
    assert words[user][1] not in ("root", "0")
    assert user < kinds.index("ENTRYPOINT")
    assert "RUN" not in kinds[user:]
    assert re.fullmatch(r"[\w./-]+:[\w.-]+", words[kinds.index("FROM")][1])  # a version, never "latest"
    assert not words[kinds.index("FROM")][1].endswith(":latest")
