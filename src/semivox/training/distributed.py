"""Starts the processes of one training, passes on requests to stop, and tells what one of them died of."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from semivox.core.errors import InterruptedRun, SemivoxError
from semivox.core.processes.launcher import launched
from semivox.core.processes.main_guard import raise_if_unguarded
from semivox.core.processes.parent_death import end_with_parent
from semivox.training.stopping import StopRequest
from semivox.training.together import disconnect, unmeddled

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def launch(fabric: Fabric, task: Callable[..., None], *arguments: Any) -> None:
    """Run ``task(fabric, *arguments)`` in every process, and wait for all.

    What one of them raises for people is raised here, and a request to stop is passed on to all. They end with this
    process, however it ends. Raises SemivoxError too if one is killed.
    """
    said = multiprocessing.get_context("spawn").SimpleQueue()
    stop = _PassedOn()
    with stop.listening(), unmeddled() if launched() is None else nullcontext():
        try:
            fabric.launch(_run, task, said, _Sealed(arguments))  # type: ignore[arg-type]
        except (ProcessRaisedException, ProcessExitedException) as error:
            if not said.empty():
                raise said.get() from None
            if stop.asked:
                raise InterruptedRun("stopped; run the same command again to resume") from error
            if isinstance(error, ProcessExitedException):
                raise_if_unguarded([error.exit_code])
                raise SemivoxError(
                    f"process {error.error_index} of those that train together was killed, most likely for lack of "
                    "memory; fewer --devices, a smaller --patch or fewer --workers need less. The same command resumes "
                    "from the last checkpoint"
                ) from error
            raise


class _Sealed:
    """Arguments that Fabric does not look into: it would change values in them, and ours are frozen."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments


def _run(fabric: Fabric, task: Callable[..., None], said: Any, sealed: _Sealed) -> None:
    """In each process: do the task, and hand over what is for people to read."""
    if launched() is None:
        end_with_parent()
    try:
        task(fabric, *sealed.arguments)
    except SemivoxError as error:
        said.put(error)
        raise
    disconnect()


class _PassedOn(StopRequest):
    """A request to stop that is passed on to the processes that train: they save, and end."""

    def __init__(self) -> None:
        super().__init__()
        self.others = set(multiprocessing.active_children())

    def _note(self, number: int, frame: FrameType | None) -> None:
        super()._note(number, frame)
        for process in set(multiprocessing.active_children()) - self.others:
            process.terminate()  # SIGTERM, not SIGINT, of which a second one ends at once
