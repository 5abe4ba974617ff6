# SPDX-License-Identifier: MIT
"""An HTTP proxy in front of a server that notes what it is asked, and can be told to answer 503."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class CountingProxy:
    """`with CountingProxy(url) as proxy:`, then proxy.url. `requests` has `METHOD path?query status`.

    port: where it listens, 0 for any. absent: what the server is not asked for, since it has no such thing. unsaid: a
    parameter of queries that the server is not told."""

    def __init__(self, target: str, port: int = 0, absent: str | None = None, unsaid: str | None = None) -> None:
        self.target = urlsplit(target)
        self.port = port
        self.absent = absent
        self.unsaid = unsaid
        self.requests: list[str] = []
        self.fail_with: int | None = None

    def __enter__(self) -> CountingProxy:
        self.start()
        return self

    def start(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, data = proxy.ask(self.command, self.path, dict(self.headers), body)
                proxy.requests.append(f"{self.command} {self.path.removeprefix(proxy.target.path)} {status}")
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Connection", "close")  # so that nobody has to close the client
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = forward

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}{self.target.path}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The server's answer, or the failure that is wanted."""
        if self.fail_with is not None:
            return self.fail_with, [], b'{"error_code": 50301, "message": "as the test wants it"}'
        if self.absent is not None and path.startswith(self.target.path + self.absent):
            return 404, [], b'{"error_code": 404, "message": "no such resource"}'
        if self.unsaid is not None:
            path = path.replace(f"?{self.unsaid}&", "?").replace(f"?{self.unsaid}", "").replace(f"&{self.unsaid}", "")
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=30)
        try:
            sent = {name: value for name, value in headers.items() if name.lower() not in {"host", "connection"}}
            connection.request(method, path, body or None, sent)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        except (OSError, http.client.HTTPException):
            return 502, [], b'{"error_code": 502, "message": "the server does not answer"}'
        finally:
            connection.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
