"""Nodes of a Ray cluster help to label one folder of scans: each runs the same command and takes what is free.

As with several processes of one machine, the folder of labels is the only record: who labels which scan is settled by
claims in it, a scan whose node dies is free again, and the machine that started it all labels what is left.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import writing
from semivox.core.plurals import plural
from semivox.core.processes.cores import environment_of
from semivox.core.processes.ray_cluster import TOKEN, connect, mark, unfit
from semivox.core.spelling import suggestion
from semivox.pipeline.predict_processes import PROGRAM, shared_threads
from semivox.pipeline.progress import ProgressDisplay

LAST = 2000
"""Characters kept of what a helping process said last."""
START = 60.0
"""Seconds to wait for processes to begin; those for which the cluster has no room yet join later, or never."""
PLACES = ("here", "ray")
"""Where scans can be labeled."""


def require_place(name: str, address: str) -> None:
    """Raises InputError where scans cannot be labeled on ``name``, or for the address of another place."""
    if name == "slurm":
        raise InputError(
            "predict runs here or on ray; on SLURM start the same command in several jobs, which share the scans "
            "(docs/how-to/use-a-cluster.md)"
        )
    if name not in PLACES:
        near = suggestion(name, PLACES)
        raise InputError(f"scans cannot be labeled on {name!r}{near}; choose from {', '.join(PLACES)}")
    if name != "ray" and address != "auto":
        raise InputError("--address belongs to --on ray")


class RayHelper:
    """A process that helps, on its node."""

    def problem(self, paths: Sequence[str], token: str, semivox: str) -> str:
        """Why this node cannot help; empty where it can. ``paths``: the folder of labels, and what else is needed."""
        if problem := unfit(Path(paths[0]), token, semivox):
            return problem
        unseen = [path for path in paths[1:] if not Path(path.partition("#")[0]).exists()]  # FOLDER#SERIES
        return (
            f"node {platform.node()} does not see {unseen[0]}; scans and model must lie on a disk that all nodes "
            "share, under the same path"
            if unseen
            else ""
        )

    def help(self, arguments: Sequence[str], threads: int) -> str:
        """Run ``semivox ARGUMENTS`` to its end; what its process said last where it ended for another reason than a
        scan that cannot be labeled, else empty."""
        command = [sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment_of(threads)
        )
        return done.stderr.decode(errors="replace")[-LAST:].strip() if done.returncode not in (0, 2) else ""


@contextmanager
def helped_on_ray(
    arguments: Sequence[str],
    paths: Sequence[Path],
    address: str,
    processes: int | None,
    device: str,
    progress: ProgressDisplay,
) -> Iterator[None]:
    """Nodes run ``semivox ARGUMENTS`` while the block does the same work in this process.

    ``paths``: the folder of labels, then what else all nodes must see, as absolute paths. ``processes``: in all, this
    one counted; None: one a GPU, or one a core. Raises InputError where Ray, the cluster or a shared folder is
    missing; a node that is lost is only told of, since its scans are labeled by the others.
    """
    resources = connect(address)
    import ray

    gpus = int(resources.get("GPU", 0)) if device in ("auto", "cuda") else 0
    cores = max(1, int(resources.get("CPU", 1)))
    total = processes or gpus or cores
    threads, words = max(1, cores // total), [str(path) for path in paths]
    wanted: dict[str, Any] = {"num_cpus": threads, "num_gpus": int(gpus > 0)}
    progress.say(
        f"On Ray: {plural(total, 'process', 'processes')}, this one among them, {plural(threads, 'core')} each."
    )
    actors: list[Any] = [ray.remote(RayHelper).options(max_restarts=0, **wanted).remote() for _ in range(total - 1)]
    with writing(paths[0]):
        paths[0].mkdir(parents=True, exist_ok=True)
    try:
        token = mark(paths[0])
        fit = [actor.problem.remote(words, token, version("semivox")) for actor in actors]
        for answer in ray.wait(fit, num_returns=len(fit), timeout=START)[0] if fit else ():
            if problem := ray.get(answer):
                raise InputError(problem)
        asked = [actor.help.remote(tuple(arguments), threads) for actor in actors]
        with shared_threads(threads):
            yield
        _tell_lost(asked, progress)
    finally:
        for actor in actors:
            ray.kill(actor)
        (paths[0] / TOKEN).unlink(missing_ok=True)


def _tell_lost(asked: Sequence[Any], progress: ProgressDisplay) -> None:
    """Name helpers that ended early. All scans are labeled by now: those that still look round are not waited for."""
    import ray

    ended, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0) if asked else ([], [])
    for answer in ended:
        try:
            said = ray.get(answer)
        except ray.exceptions.RayActorError:
            said = "its node was lost"
        if said:
            progress.say(f"A helping process ended early; others labeled its scans: {said.splitlines()[-1]}")
