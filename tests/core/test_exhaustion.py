"""What a machine runs out of is said in our words, with what helps."""

from __future__ import annotations

import errno

import pytest

from semivox.core.exhaustion import FILES, MEMORY, PROCESSES, exhausted


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), MEMORY),
        (RuntimeError("could not create a primitive"), MEMORY),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory"), MEMORY),
        (RuntimeError("std::bad_alloc"), MEMORY),
        (OSError(errno.EMFILE, "Too many open files"), FILES),
        (RuntimeError("unable to mmap 128 bytes from file: Too many open files (24)"), FILES),
        (RuntimeError("can't start new thread"), PROCESSES),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), PROCESSES),
        (RuntimeError("shape mismatch"), None),
        (OSError(errno.EACCES, "Permission denied"), None),
        (ValueError("can't allocate memory"), None),
    ],
    ids=repr,
)
def test_what_is_used_up_is_told_from_other_errors(error, words):
    assert exhausted(error) == words
