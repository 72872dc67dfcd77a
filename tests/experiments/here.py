"""Engines for tests: runs in this process, or in forked ones, which spares the seconds of importing everything."""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass, field

from semivox.core.errors import SemivoxError
from semivox.experiments import one_run
from semivox.experiments.executor import words_of
from semivox.experiments.local_processes import LocalProcesses
from tests.experiments.tiny import wait_for_nobody


class HereRun:
    """A run that does its work in this process when it is first looked at."""

    def __init__(self, folder, run):
        self.folder, self.run, self.code = folder, run, None
        self.words = words_of(folder, run)

    def poll(self):
        if self.code is None:
            self.words.parent.mkdir(parents=True, exist_ok=True)
            self.words.write_text("")
            try:
                one_run.complete(self.folder, self.run, 0)
                self.code = 0
            except SemivoxError as error:
                self.words.write_text(f"semivox: {error}\n")
                self.code = error.code
        return self.code

    def waits(self):
        return ""

    def stop(self):
        self.code = -signal.SIGTERM

    def kill(self):
        self.code = -signal.SIGKILL


@dataclass
class Here:
    """An engine that does its runs itself: in this process, one after the other; it remembers which."""

    at_once: int = 1
    started: list = field(default_factory=list)
    kind: type = HereRun

    def require(self):
        pass

    def executor(self, folder, plan, runs, train):
        return self

    def describe(self):
        return "one after the other"

    def submit(self, folder, run):
        self.started.append(run)
        return self.kind(folder, run)


def all_here(patch):
    """Commands do in this process what they would start others for, and wait for nobody."""
    wait_for_nobody(patch)
    patch.setattr(LocalProcesses, "fitting", lambda plan, runs, count, device, devices=1: Here())


class ForkedRun:
    """A run in a process of its own, as a study starts it, but forked."""

    def __init__(self, folder, run):
        words = words_of(folder, run)
        words.parent.mkdir(parents=True, exist_ok=True)
        arguments = [str(folder), run, "0"]
        self.process = multiprocessing.get_context("fork").Process(target=_main, args=(arguments, words))
        self.process.start()

    def waits(self):
        return ""

    def poll(self):
        return self.process.exitcode

    def stop(self):
        os.kill(self.process.pid, signal.SIGTERM)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)


def _main(arguments, words):
    stream = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    words.with_suffix(".pid").write_text(str(os.getpid()))
    sys.exit(one_run.main(arguments))


def forked():
    """Runs in forked processes, one at a time."""
    return Here(kind=ForkedRun)
