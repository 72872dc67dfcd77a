"""Runs one after the other in this very process, for those who start none (``workers = 0``)."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InterruptedRun, SemivoxError
from semivox.experiments.executor import words_of
from semivox.experiments.one_run import complete


@dataclass(frozen=True)
class Ended:
    """A run that was done while it was submitted."""

    code: int

    def poll(self) -> int | None:
        """The exit code that a process of its own would have had."""
        return self.code

    def waits(self) -> str:
        """It has ended."""
        return ""

    def stop(self) -> None:
        """It has ended."""

    def kill(self) -> None:
        """It has ended."""


class ThisProcess:
    """Does runs here, in order."""

    at_once = 1

    def describe(self) -> str:
        """How runs share the machine."""
        return "One training at a time, in this process"

    def submit(self, folder: Path, run: str) -> Ended:
        """Do a run. Raises InterruptedRun after it has saved when asked to stop; other failures are its last words."""
        try:
            complete(folder, run, workers=0)
        except InterruptedRun:
            raise
        except SemivoxError as error:
            return self._failed(folder, run, f"semivox: {error}", error.code)
        except Exception:
            return self._failed(folder, run, traceback.format_exc(), 1)
        return Ended(0)

    def _failed(self, folder: Path, run: str, words: str, code: int) -> Ended:
        words_of(folder, run).write_text(words, encoding="utf-8")
        return Ended(code)
