# SPDX-License-Identifier: MIT
"""A Kafka Connect on a loopback port that keeps connectors in memory, and answers what a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.py import http_stub
from tests.py.http_stub import Asked, HttpStub


class Answer(http_stub.Answer):
    """body: bytes, text, or what is sent as JSON."""

    def __init__(self, status: int, body: Any = "", **headers: str) -> None:
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        super().__init__(status, data, list(headers.items()))


def error(status: int, message: str) -> Answer:
    return Answer(status, {"error_code": status, "message": message})


class StubConnect(HttpStub):
    """`with StubConnect() as stub:`, then stub.url. requests: what was asked, "PUT /connectors/a/config".

    connectors: configurations by name. states: answers about the status by name, else all runs. next: answers for the
    next requests, instead of the stub's own. delay: seconds before each answer. errors: of options, for validations.
    most_at_once: requests that were answered at the same time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.authorizations: list[str | None] = []
        self.connectors: dict[str, dict[str, Any]] = {}
        self.states: dict[str, Any] = {}
        self.next: list[Answer] = []
        self.errors: dict[str, list[str]] = {}
        self.delay = 0.0
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> http_stub.Answer:
        body = json.loads(asked.body) if asked.body else None
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.requests.append(f"{asked.method} {asked.path}")
            self.bodies.append(body)
            self.authorizations.append(asked.headers.get("Authorization"))
            answer = self.next.pop(0) if self.next else self.reply(asked.method, asked.path, body)
        if self.delay:
            time.sleep(self.delay)  # the network's, not a test's
        with self._lock:
            self.at_once -= 1
        return answer

    def reply(self, method: str, path: str, body: Any) -> Answer:
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        if parts[0] == "connector-plugins":
            return Answer(200, self._validation(body))
        if len(parts) == 1:
            return Answer(200, list(self.connectors))
        name, action = parts[1], parts[2] if len(parts) > 2 else ""
        if (method, action) == ("PUT", "config"):
            created = name not in self.connectors
            self.connectors[name] = {key: str(value) for key, value in body.items()}
            return Answer(201 if created else 200, {"name": name, "config": body, "tasks": []})
        if name not in self.connectors:
            return error(404, f"No status found for connector {name}")
        if method == "DELETE" and not action:
            del self.connectors[name]
            return Answer(204)
        if action == "config":
            return Answer(200, {"name": name, **self.connectors[name]})
        if action == "status":
            return Answer(200, self.states.get(name, state("RUNNING", "RUNNING")))
        if action == "offsets":
            return Answer(200, {"offsets": [{"partition": {"server": name}, "offset": {"lsn": 5}}]})
        return Answer(202)

    def _validation(self, config: dict[str, Any]) -> dict[str, Any]:
        errors = dict(self.errors)
        if "name" not in config:
            errors["name"] = ['Missing required configuration "name" which has no default value.']
        options = sorted({*config, *errors})
        configs = [{"value": {"name": option, "errors": errors.get(option, [])}} for option in options]
        return {"name": "x", "error_count": sum(map(len, errors.values())), "configs": configs}


def state(connector: str, *tasks: str, trace: str = "") -> dict[str, Any]:
    """The answer about a status. trace: of what has FAILED."""
    failed = {"trace": trace} if trace else {}
    return {
        "name": "x",
        "connector": {"state": connector, "worker_id": "w:1", **(failed if connector == "FAILED" else {})},
        "tasks": [
            {"id": i, "state": task, "worker_id": "w:1", **(failed if task == "FAILED" else {})}
            for i, task in enumerate(tasks)
        ],
    }
