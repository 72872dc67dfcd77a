"""Getting a large file over the web: goes on after an interruption, and is believed only when its digest is right.

``pooch`` and its like begin anew after an interruption, so this is our own, on Python's ``urllib`` (which also knows
the system's proxies).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError, SemivoxError
from semivox.core.files import put, writing

PIECE = 1 << 18
"""Bytes that are taken at a time."""
SILENCE = 30.0
"""Seconds without a byte after which a connection is given up."""
TRIES = 4
"""Connections in a row that bring nothing new before we give up."""
PAUSE = 1.0
"""Seconds before the second try; twice as many before each further one."""

Count = Callable[[int, int], None]
"""Called with bytes had and bytes in all (0: the server does not say)."""


def download(url: str, target: Path, md5: str, count: Count = lambda done, total: None) -> None:
    """The file at ``url`` (http or https) as ``target``, unless it is there already with this digest.

    An interrupted download is kept in ``target.part``, and the next call resumes it. Raises InputError for an address
    that is none or has no such file, and SemivoxError where the server cannot be reached, breaks off again and again,
    or sends other bytes than were published.
    """
    if not _is_web_address(url):
        raise InputError(f"{url} is no web address; --mirror takes one that begins with https:// or http://")
    if target.exists():
        if digest(target) == md5:
            return
        raise InputError(f"{target} is there, but is not the published file; move it away, or give another --out")
    part = target.with_name(f"{target.name}.part")
    for fresh in (False, True):  # a part that does not fit the rest is thrown away once
        _fetch(url, part, count)
        if digest(part) == md5:
            with writing(target):
                put(part, target)
            return
        began = fresh or not part.exists()
        part.unlink()
        if began:
            break
    raise SemivoxError(
        f"{url} has sent other bytes than were published (MD5 {md5} expected); nothing was kept. Try again, or use "
        "another --mirror"
    )


def _is_web_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:  # brackets or a port that are none
        return False


def digest(path: Path) -> str:
    """MD5 of a file: what the publisher gives; it tells damage, not malice, which https does."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _fetch(url: str, part: Path, count: Count) -> None:
    """Bring ``part`` to its full length. Raises as ``download`` does."""
    barren, reason = 0, ""
    while barren < TRIES:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _receive(url, part, before, count):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404, 410):
                raise InputError(f"{url}: the server says {error.code} {error.reason}; try another --mirror") from error
            reason = f"the server says {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", "") or error) or type(error).__name__
        barren = 0 if part.exists() and part.stat().st_size > before else barren + 1
        if barren < TRIES:
            time.sleep(PAUSE * 2 ** max(barren - 1, 0))
    kept = " What has arrived is kept, and the same command resumes from there." if part.exists() else ""
    raise SemivoxError(f"cannot get {url}: {reason}.{kept} Without a connection to it, give a --mirror")


def _receive(url: str, part: Path, had: int, count: Count) -> bool:
    """Ask for what is missing and append it; whether all is there then."""
    request = urllib.request.Request(
        url, headers={"User-Agent": "semivox", **({"Range": f"bytes={had}-"} if had else {})}
    )
    try:
        answer = urllib.request.urlopen(request, timeout=SILENCE)
    except urllib.error.HTTPError as error:
        if error.code == 416 and had:  # nothing lies beyond what we have
            return True
        raise
    with contextlib.closing(answer):
        goes_on = answer.status == 206 and (answer.headers.get("Content-Range") or "").startswith(f"bytes {had}-")
        had = had if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = had + int(length) if length else 0
        with writing(part):
            stream: Any = part.open("ab" if goes_on else "wb")
        with stream:
            while piece := answer.read(PIECE):
                with writing(part):
                    stream.write(piece)
                had += len(piece)
                count(had, total)
    return had == total if total else True
