"""No file of a stranger runs code, names a path, or leaves this machine: laws on the source text itself."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import semivox
from semivox.core.frozen import Frozen, wrong_with
from semivox.training import checkpoint

SOURCE = Path(semivox.__file__).parent
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.loads",
    "shelve.open", "dill.load", "joblib.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "shutil.unpack_archive", "subprocess.getoutput", "subprocess.getstatusoutput", "tempfile.mktemp", "pd.read_pickle",
    "torch.jit.load", "importlib.import_module",
}  # fmt: skip
NETWORK = {
    *("socket", "urllib.request", "http.client", "requests", "httpx", "aiohttp", "ftplib", "smtplib"),
    *("wandb", "mlflow", "sentry_sdk", "pooch"),
}
"""What could send something away."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Name of what is called, the call, and where."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node, f"{path.relative_to(SOURCE)}:{node.lineno}"


ASKED_FOR = {
    "ray_cluster.py: socket",  # whether the cluster that the user names with --address answers; nothing is sent
    "download.py: urllib.request",  # `semivox fetch` asks for a file by its address
    "download.py: http.client",
}
"""What the user asks for by a command of its own; tracking is another such, see TRACKING."""
TRACKING = "tracking.py"
"""Loads the trackers that the user names: mlflow and wandb."""
OWN = {"pipeline/bundle.py torch.jit.load", "data/public/unpack.py tar.extract"}
"""What was written a line before, to be compared with the model; an archive of known digest, by a safe filter."""


def at(place: str, name: str) -> str:
    """A call without the number of its line."""
    return f"{place.rpartition(':')[0]} {name}"


def keywords(call: ast.Call) -> dict[str, str]:
    return {item.arg: ast.unparse(item.value) for item in call.keywords if item.arg}


def test_nothing_that_runs_code_from_files_is_called():
    assert [use for name, _, place in calls() if name in FORBIDDEN and (use := at(place, name)) not in OWN] == []


def test_weights_and_arrays_are_loaded_as_data_only():
    loads = [(call, place) for name, call, place in calls() if name == "torch.load"]
    assert loads
    assert [place for call, place in loads if keywords(call).get("weights_only") != "True"] == []
    arrays = [(call, place) for name, call, place in calls() if name in ("np.load", "numpy.load")]
    assert [place for call, place in arrays if keywords(call).get("allow_pickle", "False") != "False"] == []


def test_no_shell_reads_a_name():
    assert [place for _, call, place in calls() if "shell" in keywords(call)] == []


def test_no_archive_is_unpacked():
    archives = re.compile(r"\.(extractall|extract|unpack_archive)$")
    found = [(at(place, name), call) for name, call, place in calls() if archives.search(name)]
    assert [use for use, call in found if use not in OWN or keywords(call).get("filter") != "'data'"] == []


def test_nothing_can_be_uploaded():
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names for bad in NETWORK if (name + ".").startswith(bad + ".")]
    assert [use for use in found if use not in ASKED_FOR and not use.startswith(TRACKING)] == []


def test_records_of_later_versions_are_refused():
    """What they say may mean something else."""
    for module in pkgutil.walk_packages(semivox.__path__, "semivox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = [kind for kind in descendants(Frozen) if "version" in kind.model_fields]
    assert len(kinds) >= 10
    assert [kind.__name__ for kind in kinds if not wrong_with(kind, "version", 99)] == []


def descendants(kind: type) -> list[type]:
    return [one for direct in kind.__subclasses__() for one in (direct, *descendants(direct))]


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return open, ("pwned", "w")


def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    torch.save({"step": 5, "method": Payload()}, tmp_path / "checkpoints" / "step-00000005.pt")
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoint.load(tmp_path / "checkpoints").step == 0
    assert not (tmp_path / "pwned").exists()
