"""What only some systems have (record locks, /proc, signals, limits of memory) has a path beside it everywhere.

Nothing here runs on Windows or macOS. The first test finds in the source what is not everywhere; the others switch each
of those branches. Whole commands without all of it at once: test_windows_like.
"""

import ast
import errno
import importlib.util
import multiprocessing
import os
import signal
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from semivox.core import files, memory
from semivox.core.processes import cores, parent_death
from semivox.data.batches import transport
from semivox.experiments import local_processes, one_run
from semivox.training import ensemble, environment, formats
from semivox.training.formats import computes_bfloat16
from tests.data.memory_store import equal, make

SOURCE = Path(files.__file__).parents[1]
OS = """fork forkpty sched_getaffinity sched_setaffinity getuid geteuid getgid getegid getgroups setsid getsid killpg
getpgid setpgid getpgrp statvfs fstatvfs mkfifo mknod pread pwrite preadv pwritev readv writev sync sysconf nice
getpriority wait wait3 wait4 waitid chroot chown lchown fchown O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_SYNC
register_at_fork posix_fadvise posix_fallocate posix_spawn ttyname uname getloadavg confstr WIFSIGNALED WTERMSIG WNOHANG
setxattr getxattr sendfile memfd_create pidfd_open lockf pipe2"""
SIGNAL = """SIGKILL SIGUSR1 SIGUSR2 SIGBUS SIGALRM SIGHUP SIGCHLD SIGSTOP SIGCONT SIGPIPE SIGQUIT SIGTSTP alarm pause
pthread_kill setitimer sigwait pthread_sigmask siginterrupt"""
POSIX = {"os": set(OS.split()), "signal": set(SIGNAL.split())}
"""Of Python's documentation: what is there on Unix only."""
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"}
PLACES = {
    ("core/files.py", "/proc/self/ns/pid"),
    ("core/memory.py", "/sys/fs/cgroup"),
    ("core/processes/cores.py", "/proc/cpuinfo"),
    ("training/formats.py", "/usr/sbin/sysctl"),
    ("training/own_time.py", "/proc/self/task"),
}
"""Files of one system that are looked at, each with a test below, or in tests/training/test_own_time.py."""


def trees():
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(SOURCE).as_posix(), text, ast.parse(text)


def test_what_is_not_everywhere_is_asked_for_first():
    used = [
        (name, node.value.id, node.attr, text)
        for name, text, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.attr in POSIX.get(node.value.id, ())
    ]
    assert len(used) >= 3
    assert not [use[:3] for use in used if f'hasattr({use[1]}, "{use[2]}")' not in use[3]]


def test_modules_that_are_not_everywhere_may_be_missing():
    """Each is imported inside ``try`` or ``with suppress``."""
    bare = [
        (name, ast.unparse(node))
        for name, _, tree in trees()
        for node in tree.body
        if (isinstance(node, ast.Import) and MODULES & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in MODULES)
    ]
    assert not bare


def test_no_other_place_of_one_system_is_looked_at():
    found = {
        (name, node.value)
        for name, _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.startswith(("/proc", "/sys/", "/dev/", "/tmp", "/usr/", "/etc/"))
    }
    assert found == PLACES


def test_cores_are_counted_where_no_system_says_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores.usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable_cores() == 1


def test_a_machine_without_containers_is_told_by_its_name(monkeypatch):
    def missing(path, **_):
        raise FileNotFoundError(path)

    with monkeypatch.context() as patch:
        patch.setattr(files.Path, "stat", missing)
        numbering = files._numbering()
    assert numbering == files.platform.node()


def test_a_new_name_is_kept_where_folders_cannot_be_flushed(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr(os, "fsync", lambda number: pytest.fail("opened a folder") if _is_folder(number) else None)
    files.write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "whole"


def _is_folder(number: int) -> bool:
    return os.path.isdir(f"/dev/fd/{number}")


def test_memory_is_limited_by_a_container_as_far_as_it_has_a_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "resource", None)
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "none")
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000))
    assert memory.available() == 10_000
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    for name, text in (("current", "3000"), ("stat", "anon 1\ninactive_file 500\n"), ("max", "max")):
        (tmp_path / f"memory.{name}").write_text(text, encoding="utf-8")
    assert memory.available() == 10_000
    (tmp_path / "memory.max").write_text("4000", encoding="utf-8")
    assert memory.available() == 4000 - 3000 + 500


def test_memory_is_limited_by_the_limit_of_the_process(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000))
    held = SimpleNamespace(memory_info=lambda: SimpleNamespace(vms=700))
    monkeypatch.setattr(memory.psutil, "Process", lambda: held)
    limits = SimpleNamespace(RLIMIT_AS=9, RLIM_INFINITY=-1, getrlimit=lambda kind: (1000, 1000))
    monkeypatch.setattr(memory, "resource", limits)
    assert memory.available() == 300
    limits.getrlimit = lambda kind: (500, 500)
    assert memory.available() == 0
    limits.getrlimit = lambda kind: (-1, -1)
    assert memory.available() == 10_000


def test_the_most_memory_is_told_on_every_system(monkeypatch):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=2048))
    monkeypatch.setattr(memory, "resource", usage)
    monkeypatch.setattr(memory.sys, "platform", "linux")
    assert memory.peak() == 2048 * 1024
    monkeypatch.setattr(memory.sys, "platform", "darwin")  # which counts bytes
    assert memory.peak() == 2048
    monkeypatch.setattr(memory, "resource", None)
    for held, most in (({"rss": 5, "peak_wset": 7}, 7), ({"rss": 5}, 5)):
        process = SimpleNamespace(memory_info=lambda held=held: SimpleNamespace(**held))
        monkeypatch.setattr(memory.psutil, "Process", lambda process=process: process)
        assert memory.peak() == most


def test_the_processor_is_named_by_python_where_there_is_no_list(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(environment.platform, "processor", lambda: "arm")
    assert environment.processor() == "arm"
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor: 0\nmodel name\t: Model 7\n", encoding="utf-8")
    monkeypatch.setattr(environment, "CPUINFO", listed)
    assert environment.processor() == "Model 7"
    listed.write_text("processor: 0\n", encoding="utf-8")  # as on ARM
    assert environment.processor() == "arm"


@pytest.mark.parametrize(
    ("listed", "machine", "said", "has"),
    [
        ("flags : sse avx512_bf16", "x86_64", None, True),
        ("flags : sse", "x86_64", None, False),
        ("Features : fp bf16", "aarch64", None, True),
        ("processor : 0", "x86_64", None, False),
        (None, "arm64", b"1\n", True),
        (None, "arm64", b"0\n", False),
        (None, "arm64", OSError(errno.ENOENT, "no sysctl"), False),
        (None, "AMD64", b"1\n", False),
    ],
)
def test_bfloat16_is_what_the_system_says(monkeypatch, tmp_path, listed, machine, said, has):
    def run(*words, **options):
        if isinstance(said, Exception):
            raise said
        return SimpleNamespace(stdout=said)

    place = tmp_path / "cpuinfo"
    if listed is not None:
        place.write_text(listed, encoding="utf-8")
    monkeypatch.setattr(formats, "CPUINFO", place)
    monkeypatch.setattr(formats.platform, "machine", lambda: machine)
    monkeypatch.setattr(subprocess, "run", run)
    computes_bfloat16.cache_clear()
    try:
        assert computes_bfloat16(torch.device("cpu")) is has
    finally:
        computes_bfloat16.cache_clear()


def test_a_file_is_copied_where_it_cannot_be_linked(monkeypatch, tmp_path):
    def link(source, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    (tmp_path / "a").write_bytes(b"weights")
    ensemble._linked(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"weights"


def test_batches_go_through_pipes_that_are_no_files(monkeypatch):
    monkeypatch.delattr(os, "readv")
    monkeypatch.setattr(transport, "fcntl", None)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    transport.widen(sender)
    batch = make()[0]
    thread = threading.Thread(target=transport.send, args=(sender, batch))
    thread.start()
    came = transport.receive(receiver)
    thread.join()
    assert equal(came, batch)


def test_a_run_whose_parent_is_gone_asks_itself_to_stop_on_every_system(monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.delattr(signal, "pthread_kill")
    one_run._terminate()
    assert raised == [signal.SIGTERM]


def test_runs_are_asked_to_stop_with_what_windows_hears(monkeypatch):
    def loaded():
        spec = importlib.util.spec_from_file_location("as_elsewhere", local_processes.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    assert (loaded().ASKING, loaded().APART) == (signal.SIGTERM, {"start_new_session": True})
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
    assert (loaded().ASKING, loaded().APART) == (1, {"creationflags": 512})


def test_a_command_itself_waits_for_no_parent(monkeypatch):
    """It was started by a shell, not by us."""
    monkeypatch.setattr(parent_death.sys, "platform", "win32")
    monkeypatch.setattr(threading, "Thread", lambda **_: pytest.fail("a thread waits"))
    parent_death.end_with_parent()
