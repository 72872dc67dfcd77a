"""A request to stop a command, wherever it comes."""

import os
import signal
import time

import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError


@pytest.mark.parametrize("wrapper", [RuntimeError, InputError])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_request_to_stop_counts_also_where_python_wraps_it_in_an_error(monkeypatch, capsys, number, code, wrapper):
    """As where it comes while a class is made, within an import: seen after 7.9 s of a job, with a traceback."""

    def asked(*arguments, **options):
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        except BaseException as error:
            raise wrapper("Error calling __set_name__ on 'Field' instance") from error

    monkeypatch.setattr("semivox.api.demo", asked)
    assert exit_code(["demo"]) == code
    assert "__set_name__" not in capsys.readouterr().err
