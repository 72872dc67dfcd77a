"""A server on this machine that can break off, ignore ranges, or send something else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """What it holds, how it behaves, and what it was asked."""

    files: dict[str, bytes]
    breaks: int = 0
    """So many answers end after half of what was asked for."""
    ranges: bool = True
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    """The server, as long as the block lasts."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words):
            pass

        def do_GET(self):
            self.close_connection = True
            wanted = self.headers.get("Range")
            web.asked.append((self.path, wanted))
            content = web.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and web.ranges else 0
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            rest = content[begin:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            if web.breaks:
                web.breaks -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    web.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
