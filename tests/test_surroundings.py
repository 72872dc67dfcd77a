"""What surrounds a command, and is not the scans' fault: the terminal's letters, variables, a folder that is gone."""

import os
import subprocess
import sys

import semivox.cli


def ended(program, **variables):
    """The command line with ``program`` in place of a command's work."""
    work = f"def work(words=None):\n    {program}\n    return 0\n"
    lines = f"import semivox.cli\n{work}semivox.cli.exit_code = work\nsemivox.cli.main()"
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, check=False)


def test_names_that_a_terminal_cannot_show_end_nothing():
    done = ended("print('gr\\xf6\\xdfe \\u65e5')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout.strip()) == (0, rb"gr\xf6\xdfe \u65e5"), done.stderr


def test_pictures_need_no_window_whatever_a_variable_asks_for():
    done = ended("import matplotlib.figure", MPLBACKEND="nonsense")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_gone_is_told(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = 'rmdir "$PWD"; exec "$0" -m semivox methods'
    source = os.path.dirname(os.path.dirname(semivox.__file__))
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], cwd=gone, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.decode().startswith("semivox: the folder that this was started in is gone")
