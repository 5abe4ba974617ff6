# SPDX-License-Identifier: MIT
"""An HTTP proxy in front of a server that notes what it is asked, and can be told to answer 503."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from tests.py.http_stub import Answer, Asked, HttpStub

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class CountingProxy(HttpStub):
    """`with CountingProxy(url) as proxy:`, then proxy.url. `requests` has `METHOD path?query status`.

    port: where it listens, 0 for any. absent: what the server is not asked for, since it has no such thing. unsaid: a
    parameter of queries that the server is not told."""

    def __init__(self, target: str, port: int = 0, absent: str | None = None, unsaid: str | None = None) -> None:
        super().__init__(port)
        self.target = urlsplit(target)
        self.absent = absent
        self.unsaid = unsaid
        self.requests: list[str] = []
        self.fail_with: int | None = None

    @property
    def url(self) -> str:
        return f"{super().url}{self.target.path}"

    def answer(self, asked: Asked) -> Answer:
        status, headers, data = self.ask(asked.method, asked.path, asked.headers, asked.body)
        self.requests.append(f"{asked.method} {asked.path.removeprefix(self.target.path)} {status}")
        return Answer(status, data, [(name, value) for name, value in headers if name.lower() not in _HOP])

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
