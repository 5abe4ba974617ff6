# SPDX-License-Identifier: MIT
"""A schema registry on a loopback port: as much of the API as confluent's client uses, in memory, counting requests.

It judges compatibility by the C codec: the new schema has to read what the last one wrote.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import unquote, urlsplit

from django_kafka._native import AvroSchema, SchemaError
from tests.py.http_stub import Answer, Asked, HttpStub


class SchemaRegistry(HttpStub):
    """`with SchemaRegistry() as registry:`, then registry.url. `requests` lists what was asked, `bodies` what with.

    fail_with: a status that everything is answered with. broken: ids of schemas that it fails on with 500.
    page: a status, a type and a text instead of any answer, as of a proxy that stands before the registry."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.page: tuple[int, str, str] | None = None
        self.broken: set[int] = set()
        self.schemas: list[dict[str, Any]] = []  # id is the index + 1
        self.subjects: dict[str, list[int]] = {}
        self.fail_with: int | None = None
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        path = unquote(urlsplit(asked.path).path)
        body = json.loads(asked.body) if asked.body else None
        with self._lock:
            self.requests.append(f"{asked.method} {path}")
            self.bodies.append(body)
            status, reply = self.reply(asked.method, path, body)
        kind, data = "application/vnd.schemaregistry.v1+json", json.dumps(reply).encode()
        if self.page is not None:
            status, kind, text = self.page
            data = text.encode()
        return Answer(status, data, [("Content-Type", kind)])

    def add(self, subject: str, schema: str, **more: Any) -> int:
        """Register without HTTP. Returns the id."""
        entry = {"schema": schema, **more}
        if entry not in self.schemas:
            self.schemas.append(entry)
        schema_id = self.schemas.index(entry) + 1
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return schema_id

    def count(self, part: str) -> int:
        return sum(part in request for request in self.requests)

    def reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self.fail_with is not None:
            return self.fail_with, {"error_code": self.fail_with, "message": "as the test wants it"}
        parts = path.strip("/").split("/")
        if method == "GET" and parts[:2] == ["schemas", "ids"]:
            return self._by_id(int(parts[2]))
        if parts[0] == "subjects" and len(parts) == 2 and method == "POST":
            return self._look_up(parts[1], self._entry(body))
        if parts[0] == "subjects" and len(parts) == 3 and method == "POST":
            entry = self._entry(body)
            schema_id = self.add(parts[1], entry.pop("schema"), **entry)
            return 200, self._registered(parts[1], schema_id)
        if parts[0] == "subjects" and len(parts) == 4 and method == "GET":
            return self._version(parts[1], parts[3])
        if parts[:2] == ["compatibility", "subjects"] and method == "POST":
            return self._compatibility(parts[2], body)
        return 404, {"error_code": 404, "message": f"nothing at {path}"}

    @staticmethod
    def _entry(body: dict[str, Any]) -> dict[str, Any]:
        kept = {key: body[key] for key in ("schema", "references", "ruleSet") if body.get(key)}
        kind = body.get("schemaType", "AVRO")
        return kept if kind == "AVRO" else {**kept, "schemaType": kind}

    def _registered(self, subject: str, schema_id: int) -> dict[str, Any]:
        version = self.subjects[subject].index(schema_id) + 1
        return {
            "subject": subject,
            "id": schema_id,
            "version": version,
            "schemaType": "AVRO",
            **self.schemas[schema_id - 1],
        }

    def _by_id(self, schema_id: int) -> tuple[int, Any]:
        if schema_id in self.broken:
            return 500, {"error_code": 50001, "message": "Error in the backend data store"}
        if not 0 < schema_id <= len(self.schemas):
            return 404, {"error_code": 40403, "message": f"Schema {schema_id} not found"}
        return 200, {"schemaType": "AVRO", **self.schemas[schema_id - 1]}

    def _look_up(self, subject: str, entry: dict[str, Any]) -> tuple[int, Any]:
        for schema_id in self.subjects.get(subject, []):
            if self.schemas[schema_id - 1] == entry:
                return 200, self._registered(subject, schema_id)
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def _version(self, subject: str, version: str) -> tuple[int, Any]:
        ids = self.subjects.get(subject)
        if not ids:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        return 200, self._registered(subject, ids[-1] if version == "latest" else ids[int(version) - 1])

    def _compatibility(self, subject: str, body: dict[str, Any]) -> tuple[int, Any]:
        ids = self.subjects.get(subject)
        if not ids:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        try:
            reader = self._compile(body)
        except SchemaError as error:
            return 422, {"error_code": 42201, "message": f"Invalid schema: {error}"}
        try:
            AvroSchema.reader(self._compile(self.schemas[ids[-1] - 1]), reader)
        except SchemaError as error:
            return 200, {"is_compatible": False, "messages": [str(error)]}
        return 200, {"is_compatible": True}

    def _compile(self, entry: dict[str, Any]) -> AvroSchema:
        """The schema with what it refers to; errors as of a registry that was not told of a reference."""
        names = {}
        for reference in entry.get("references") or ():
            schema_id = self.subjects[reference["subject"]][reference["version"] - 1]
            names[reference["name"]] = self.schemas[schema_id - 1]["schema"]
        return AvroSchema(entry["schema"], names)
