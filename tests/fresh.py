"""Programs in an interpreter of their own: what an import loads shows only where nothing was imported before."""

from __future__ import annotations

import subprocess
import sys


def printed(program: str) -> str:
    """What a Python program prints; an error of the program fails the test and shows its trace."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
