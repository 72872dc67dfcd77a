"""What all tests share: one thread, no waiting for the disk, and where the real data sets lie."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest
import torch

gc.disable()  # until all is collected: time and again Python would look through all that was loaded so far
torch.set_num_threads(1)
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # started with "&" by a shell: processes of tests would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: nothing looks through millions of objects of tests and libraries for garbage again.

    A plan's dry steps end with such a look, which took half a second every time.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _written_when_the_system_likes():
    """Files are flushed only for the sake of a power cut, which no test waits for; a disk takes 5 ms for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: None)
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the public data sets: SEMIVOX_DATA, or ../shared/data beside the repository; else a skip."""
    folder = Path(os.environ.get("SEMIVOX_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set SEMIVOX_DATA to the folder that holds them")
    return folder
