"""What one process has claimed no other gets, until it is done or dead."""

import multiprocessing
import os
import signal

import pytest

from semivox.core.processes.claims import Claims

CONTEXT = multiprocessing.get_context("spawn")


def hold(file, item, pipe):
    with Claims(file) as claims, claims.claim(item) as ours:
        pipe.send(ours)
        pipe.recv()


@pytest.fixture
def holder(tmp_path):
    """Another process that has claimed ``a``; its process, and the pipe that ends it."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=hold, args=(tmp_path / "claims", "a", theirs))
    process.start()
    theirs.close()
    assert ours.recv()
    yield tmp_path / "claims", process, ours
    ours.close()
    process.kill()
    process.join()


def test_a_claim_of_another_process_is_respected_and_ends_with_its_block(holder):
    file, _, pipe = holder
    with Claims(file) as claims:
        with claims.claim("a") as ours:
            assert not ours
        with claims.claim("b") as ours:
            assert ours
        pipe.send(None)
        with claims.claim("a", wait=True) as ours:
            assert ours


def test_a_claim_ends_with_its_process_however_that_dies(holder):
    file, process, _ = holder
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    with Claims(file) as claims, claims.claim("a") as ours:
        assert ours


def test_a_file_system_without_locks_grants_every_claim_with_a_warning(tmp_path, monkeypatch):
    def unknown(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.lockf", unknown)
    with Claims(tmp_path / "claims") as claims:
        with pytest.warns(UserWarning, match="work may be done twice"), claims.claim("a") as ours:
            assert ours
