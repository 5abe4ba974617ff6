# SPDX-License-Identifier: MIT
"""The registry of the benchmark: as much of Confluent's API as the contestants use, in memory, counting requests;
and of Apicurio's, for its converter in Kafka Connect: schemas by the same numbers.

A real registry (the live tests have one) takes milliseconds for what this answers in a fraction of one, over
connections that are kept open. So a client that asks for every message is flattered here, not slowed; and no server
in Java competes for the processors with those who are measured.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit


class Registry:
    """`with Registry() as registry:`, then registry.url; `requests` counts what was asked."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.schemas: list[str] = []  # id is the index + 1
        self.subjects: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Registry:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def reset(self) -> None:
        """Forget what was asked; schemas stay."""
        with self._lock:
            self.requests.clear()

    def add(self, subject: str, schema: str) -> int:
        """The id of a schema, registered if it was not."""
        if schema not in self.schemas:
            self.schemas.append(schema)
        number = self.schemas.index(schema) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        with self._lock:
            self.requests[f"{method} {path}"] += 1
            if method == "GET" and parts[:2] == ["schemas", "ids"] and 0 < int(parts[2]) <= len(self.schemas):
                return 200, {"schemaType": "AVRO", "schema": self.schemas[int(parts[2]) - 1]}
            if method == "GET" and parts[:-2] == ["apis", "registry", "v2", "ids"]:
                return 200, json.loads(self.schemas[int(parts[-1]) - 1])
            if method == "GET" and parts[-1] == "references":
                return 200, []
            if method == "POST" and parts[0] == "subjects" and len(parts) in (2, 3):
                number = self.add(parts[1], body["schema"])
                version = self.subjects[parts[1]].index(number) + 1
                return 200, {
                    "id": number,
                    "subject": parts[1],
                    "version": version,
                    "schema": body["schema"],
                    "schemaType": "AVRO",
                }
        return 404, {"error_code": 404, "message": f"nothing at {path}"}


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None: ...

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = unquote(urlsplit(self.path).path)
            status, reply = registry.answer(self.command, path, json.loads(body) if body else None)
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

    return Handler
