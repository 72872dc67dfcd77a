"""Taking a data set's archive apart: into a folder that is whole or absent."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from semivox.core.errors import SemivoxError
from semivox.core.files import beside, writing
from semivox.core.memory import amount


def unpack(archive: Path, folder: str, out: Path, count: Callable[[int, int], None] = lambda done, total: None) -> None:
    """The ``folder`` within a tar archive as ``out``, which must not exist; ``count`` is told files done and in all.

    Members that would lie elsewhere, and links, are refused by Python's data filter; notes of macOS (``._name``) are
    left out. Raises SemivoxError for an archive that is damaged or holds another folder, and where the disk is full.
    """
    temporary = beside(out)
    try:
        with tarfile.open(archive) as tar:
            members = [one for one in tar if not Path(one.name).name.startswith("._")]
            size, free = sum(one.size for one in members), shutil.disk_usage(out.parent).free
            if size > free:
                raise SemivoxError(
                    f"{out} needs {amount(size)} and {amount(free)} are free; make room, or give another --out"
                )
            with writing(out):
                for done, one in enumerate(members, 1):
                    tar.extract(one, temporary, filter="data")
                    count(done, len(members))
        inner = temporary / folder
        if not inner.is_dir():
            raise SemivoxError(f"{archive} holds no folder {folder}; it is not the published archive")
        with writing(out):
            inner.rename(out)
    except tarfile.TarError as error:
        raise SemivoxError(f"{archive} is no readable tar archive ({error}); delete it and fetch it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
