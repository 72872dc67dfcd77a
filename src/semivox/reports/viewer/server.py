"""Serves one viewer page and its volumes on this machine alone: 127.0.0.1, a secret in the address, nothing else."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from semivox.core.errors import InputError

KEPT = 8
"""Volumes kept in memory: those of the last cases that were opened."""
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


class ViewerServer(ThreadingHTTPServer):
    """Answers requests for the page, and for volumes by their number, to whoever knows the address."""

    daemon_threads = True

    def __init__(self, page: str, volumes: Mapping[str, Callable[[], bytes]], port: int = 0) -> None:
        """``volumes``: name -> how its bytes are made; ``port``: 0 for any that is free.

        Raises InputError where the port is taken.
        """
        self.page, self.token = page.encode(), secrets.token_urlsafe(24)
        self.volume = lru_cache(maxsize=KEPT)(lambda name: volumes[name]())
        self.names = frozenset(volumes)
        try:
            super().__init__(("127.0.0.1", port), _Answer)
        except OSError as error:
            raise InputError(
                f"port {port} of this machine cannot be used: {error.strerror}; give another --port"
            ) from error

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"


class _Answer(BaseHTTPRequestHandler):
    """One request."""

    server: ViewerServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page, a volume or a part of it, or nothing."""
        self._answer(self.command)

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def _answer(self, command: str) -> None:
        host = self.headers.get("Host", "")
        if host not in (f"127.0.0.1:{self.server.server_port}", f"localhost:{self.server.server_port}"):
            return self._send(HTTPStatus.FORBIDDEN, b"", command)  # another site's name led here
        token, _, name = self.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return self._send(HTTPStatus.NOT_FOUND, b"", command)
        if name == "":
            return self._send(HTTPStatus.OK, self.server.page, command, "text/html; charset=utf-8")
        if name not in self.server.names:
            return self._send(HTTPStatus.NOT_FOUND, b"", command)
        try:
            content = self.server.volume(name)
        except InputError as error:
            return self._send(HTTPStatus.UNPROCESSABLE_ENTITY, str(error).encode(), command)
        return self._part(content, command)

    def _part(self, content: bytes, command: str) -> None:
        """All of a volume, or the range of it that was asked for."""
        asked = RANGE.match(self.headers.get("Range", ""))
        if asked is None or not any(asked.groups()):
            return self._send(HTTPStatus.OK, content, command)
        first, last = asked.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        if start > end:
            return self._send(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", command, content_range=f"bytes */{len(content)}"
            )
        part, place = content[start : end + 1], f"bytes {start}-{end}/{len(content)}"
        return self._send(HTTPStatus.PARTIAL_CONTENT, part, command, content_range=place)

    def _send(
        self,
        status: HTTPStatus,
        content: bytes,
        command: str,
        kind: str = "application/octet-stream",
        content_range: str | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if content_range is not None:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: names of scans do not belong into a log."""
