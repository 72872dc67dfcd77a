"""A job as a user asks for it, a suggestion by the command, and a refusal that writes nothing."""

import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.experiments.job import Job
from semivox.reports.job import report_job
from semivox.rounds.adopt import LOCK, Terms, adopt
from semivox.rounds.proposal import Suggestion
from tests.experiments.here import Here
from tests.rounds.tiny import options


def asked(data, out, **changes):
    """The job as a user asks for it."""
    return Job(data, out, options(**changes), Here(), labels=False, page=report_job)


def suggested(loop, *more):
    assert exit_code(["suggest", str(loop / "job"), "-n", "3", "--out", str(loop / "s"), *more]) == 0
    return Suggestion.load(loop / "s" / "suggestion.json")


def refused(loop, folder, *more):
    """The files of the data set before and after are the same, but for the lock; returns what was said."""
    before = _files(loop / "data")
    with pytest.raises(InputError) as error:
        adopt(loop / "job", folder, *(more or (Terms(),)))
    assert before == _files(loop / "data")
    return str(error.value)


def _files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != LOCK}
