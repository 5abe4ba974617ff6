# SPDX-License-Identifier: MIT
"""An HTTP server on a loopback port whose answers a test decides."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Asked:
    """A request. path: with the query, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int
    data: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


class HttpStub:
    """Subclass it with answer(), which threads of the server call. `start()` and `close()`, or as a context."""

    def __init__(self, port: int = 0) -> None:
        """port: 0 for a free one, which `port` then says."""
        self.port = port

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = stub.answer(Asked(self.command, self.path, dict(self.headers), body))
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.data)))
                self.send_header("Connection", "close")  # so that nobody has to close the client
                self.end_headers()
                self.wfile.write(answer.data)

            do_GET = do_POST = do_PUT = do_DELETE = serve

        class Server(ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
