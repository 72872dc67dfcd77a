"""``semivox fetch``: an open data set with labels as a folder that every other command takes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import write_text, writing
from semivox.core.processes.lock import locked
from semivox.data.public.download import download
from semivox.data.public.sets import SOURCE, PublicSet, named
from semivox.data.public.unpack import unpack
from semivox.pipeline.progress import ProgressDisplay, Quiet

MIRROR = "SEMIVOX_MIRROR"
"""Variable of the environment: the address of a mirror, for all that is fetched."""
RECORD = "source.json"
"""In the folder of a fetched set: what it is, where it came from, its license."""


def fetch(
    name: str, out: Path, accept_license: bool, mirror: str | None = None, progress: ProgressDisplay | None = None
) -> Path:
    """The data set ``name`` as the folder ``out``; returns it. What is there already is left.

    ``mirror``: an address under which the archives lie by their names, instead of the publisher's. Raises InputError
    where the license is not accepted, for an unknown name, and for a folder that holds something else; SemivoxError
    where it cannot be had.
    """
    one, progress = named(name), progress or Quiet()
    if not accept_license:
        raise InputError(f"{one.name} comes under {one.license}; with --accept-license it is fetched")
    if _holds(out, one):
        progress.say(f"{one.name} is in {out} already")
        return out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something else; give another --out")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    base = (os.environ.get(MIRROR) or SOURCE) if mirror is None else mirror
    with locked(out.parent, f".{out.name}.lock"):
        _bring(one, f"{base.rstrip('/')}/{one.archive}", out, progress)
    return out


def _holds(out: Path, one: PublicSet) -> bool:
    """Whether the folder is this set, fetched before; another set is something else."""
    try:
        found = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("name") == one.name


def _bring(one: PublicSet, url: str, out: Path, progress: ProgressDisplay) -> None:
    """Download, take apart, record, and remove the archive."""
    archive = out.parent / one.archive
    progress.say(f"{one.name}: {one.what}. License: {one.license}. Cite: {one.cite}. From {url}")
    with progress.bar("fetching (MB)") as count:
        download(url, archive, one.md5, lambda done, total: count(done >> 20, total >> 20))
    with writing(out):
        if out.exists():
            out.rmdir()
    with progress.bar("unpacking files") as count:
        unpack(archive, one.folder, out, count)
    what = {"name": one.name, "what": one.what, "url": url, "md5": one.md5, "license": one.license, "cite": one.cite}
    write_text(out / RECORD, json.dumps(what, indent=2) + "\n")
    archive.unlink()
