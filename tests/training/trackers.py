"""What trackers have kept, and a real server of MLflow."""

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from semivox.training.tracking import values_of


def wanted(run):
    """Name -> its numbers by step, as the log has them."""
    found = {}
    for row in run.logged():
        for name, value in values_of(row).items():
            found.setdefault(name, []).append((row["step"], value))
    return found


def same(ours, theirs):
    return len(ours) == len(theirs) and all(
        a[0] == b[0] and math.isclose(a[1], b[1], rel_tol=1e-5, abs_tol=1e-8) for a, b in zip(ours, theirs, strict=True)
    )


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder))
    read.Reload()
    return {name: [(one.step, one.value) for one in read.Scalars(name)] for name in read.Tags()["scalars"]}


@contextlib.contextmanager
def mlflow_server(folder):
    """A real one on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--default-artifact-root",
        str(folder / "artifacts"),
    ]
    with (folder / "said").open("w") as said:
        server = subprocess.Popen([*command, *store], stdout=said, stderr=said, cwd=folder, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
                    if answer.status == 200:
                        break
            assert server.poll() is None, (folder / "said").read_text()[-2000:]
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
