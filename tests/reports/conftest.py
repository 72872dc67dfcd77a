"""A job that the command line made, for all tests of its page."""

from contextlib import chdir

import pytest

from semivox.cli import exit_code
from semivox.data import phantom
from tests.experiments.here import all_here


@pytest.fixture(scope="session")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    phantom.write(folder / "scans", 2, 1, 2, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    command = [
        *("run", "scans", "-o", "job", "--method", "mean_teacher", "--network", "small"),
        *("--steps", "2", "--spacing", "8,8,8", "--patch", "16,16,8", "--workers", "0", "--device", "cpu"),
        *("--processes", "1", "--set", "plan.precision=32-true", "--quiet"),
    ]
    with chdir(folder), pytest.MonkeyPatch.context() as patch:
        all_here(patch)
        assert exit_code(command) == 0
    return folder / "job"
