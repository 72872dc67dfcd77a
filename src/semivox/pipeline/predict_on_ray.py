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
from semivox.core.processes.ray_cluster import TOKEN, connect, mark, room_now, unable, unfit
from semivox.core.processes.ray_room import Need
from semivox.core.spelling import suggestion
from semivox.pipeline.predict_processes import PROGRAM, ended_early, shared_threads
from semivox.pipeline.progress import ProgressDisplay
from semivox.training.device import wants_gpu

START = 60.0
"""Seconds to wait for processes to begin; those for which the cluster has no room yet join later, or never."""
PLACES = ("here", "ray")
"""Where scans can be labeled."""


def require_place(name: str, address: str) -> None:
    """Raises InputError where scans cannot be labeled on ``name``, or for the address of another place."""
    if name == "slurm":
        raise InputError(
            "predict runs here or on ray; on SLURM start the same command in several jobs, which share the scans"
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

    def help(self, paths: Sequence[str], token: str, semivox: str, arguments: Sequence[str], threads: int) -> str:
        """Run ``semivox ARGUMENTS`` to its end. Why this node cannot, or how the process ended where not with 0; else
        empty."""
        if problem := self.problem(paths, token, semivox):
            return problem
        command = [sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment_of(threads)
        )
        return ended_early(done.returncode, done.stderr) if done.returncode else ""


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
    connect(address)
    import ray

    need, total = _shares(processes, device, progress)
    words = [str(path) for path in paths]
    with writing(paths[0]):
        paths[0].mkdir(parents=True, exist_ok=True)
    helper = ray.remote(RayHelper).options(max_restarts=0, **need.options())
    actors: list[Any] = [helper.remote() for _ in range(total - 1)]
    try:
        token, semivox = mark(paths[0]), version("semivox")
        fit = [actor.problem.remote(words, token, semivox) for actor in actors]
        _require_fit(fit, min(len(fit), room_now().places(need)))
        asked = [actor.help.remote(words, token, semivox, tuple(arguments), need.cores) for actor in actors]
        with shared_threads(need.cores):
            yield
        _tell_idle(fit, progress)
        _tell_lost(asked, progress)
    finally:
        for actor in actors:
            ray.kill(actor)
        (paths[0] / TOKEN).unlink(missing_ok=True)


def _shares(processes: int | None, device: str, progress: ProgressDisplay) -> tuple[Need, int]:
    """What each process has, and how many there are, this one counted."""
    room = room_now()
    least = Need(1, int(wants_gpu(device, room.gpus > 0)))
    total = processes or max(1, room.places(least))
    need = Need(room.most_cores(least, min(total, room.places(least))), least.gpus)
    progress.say(f"On Ray: {plural(total, 'process', 'processes')}, this one among them, {need} each.")
    if total > 1 and not room.places(need):
        progress.say(f"This machine labels alone until a node joins: {room.lacking(need)}.")
    return need, total


def _require_fit(fit: Sequence[Any], soon: int) -> None:
    """Wait until ``soon`` nodes have said whether they can help. Raises InputError where one cannot."""
    import ray

    for answer in ray.wait(list(fit), num_returns=soon, timeout=START)[0] if soon else ():
        try:
            problem = ray.get(answer)
        except ray.exceptions.RayActorError as error:
            problem = unable(error)  # empty where the node is lost, which is told of at the end
        if problem:
            raise InputError(problem)


def _tell_idle(fit: Sequence[Any], progress: ProgressDisplay) -> None:
    """Say how many helpers the cluster had no room for until all was done."""
    import ray

    began, never = ray.wait(list(fit), num_returns=len(fit), timeout=0) if fit else ([], [])
    if never:
        progress.say(
            f"The cluster had room for {len(began)} of {plural(len(fit), 'helping process', 'helping processes')}; the "
            "scans are labeled without the others."
        )


def _tell_lost(asked: Sequence[Any], progress: ProgressDisplay) -> None:
    """Name helpers that ended early. All scans are labeled by now: those that still look round are not waited for."""
    import ray

    ended, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0) if asked else ([], [])
    for answer in ended:
        try:
            said = ray.get(answer)
        except ray.exceptions.RayActorError as error:
            said = f"A helping process ended early: {unable(error) or 'its node was lost'}"
        if said:
            progress.say(said)
