"""A Ray cluster of several nodes on this machine, each by ``ray start`` as a user types it, each to be killed whole."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RAY = str(Path(sys.executable).with_name("ray"))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Node:
    """What one ``ray start --block`` started, as a session of processes."""

    def __init__(self, words, said, environment):
        self.said = said
        command = [RAY, "start", "--block", "--disable-usage-stats", *words]
        with said.open("wb") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=stream, env={**os.environ, **environment}, start_new_session=True
            )

    def wait(self):
        """Until it says that it runs."""
        while "Ray runtime started" not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.1)

    def family(self):
        """Its processes, those that train included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def trains(self):
        """Folders that runs on it train in, once they have made a step."""
        found = []
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "semivox.experiments.one_run" in words:
                    found.append(Path(words[-3]) / words[-2])
        return [run for run in found if (run / "log.jsonl").exists()]

    def kill(self):
        """As when a machine loses its power: all of it at once."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()  # so that none answers while others die
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=30)
        self.process.wait(30)


class Cluster:
    """A head, and nodes that join it. Token and sockets lie in folders of its own."""

    def __init__(self, home):
        self.home, self.port, self.nodes = home, free_port(), []
        self.sockets = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # their paths must be short
        self.environment = {"HOME": str(home), "RAY_TMPDIR": self.sockets, "RAY_worker_niceness": "0"}
        (home / ".ray").mkdir(parents=True, exist_ok=True)
        (home / ".ray" / "auth_token").write_text(secrets.token_hex(32))  # as ray get-auth-token --generate does

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def head(self, *words):
        client = f"--ray-client-server-port={free_port()}"
        alone = f"--port={self.port}", client, "--include-dashboard=false"
        return self._started({}, "--head", *alone, *words)

    def join(self, *words):
        return self._started({"RAY_AUTH_MODE": "token"}, f"--address={self.address}", *words)

    def _started(self, more, *words):
        node = Node(words, self.home / f"node{len(self.nodes)}.txt", self.environment | more)
        self.nodes.append(node)
        node.wait()
        return node

    def end(self):
        for node in reversed(self.nodes):
            node.kill()
        shutil.rmtree(self.sockets, ignore_errors=True)
