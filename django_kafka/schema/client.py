# SPDX-License-Identifier: MIT
"""confluent's client of the schema registry, which refuses answers that no registry gives.

confluent's classes take for granted that an answer has what they need: what then fails looks like a fault of the
message, and the client keeps the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka.schema_registry import SchemaRegistryClient

from django_kafka.exceptions import SchemaRegistryUnavailable

T = TypeVar("T")

# What the text of a schema is by its type; None: no JSON.
_FORMS: dict[str, tuple[type, ...] | None] = {"AVRO": (dict, list, str), "JSON": (dict, bool), "PROTOBUF": None}


def no_registry(reason: str) -> SchemaRegistryUnavailable:
    return SchemaRegistryUnavailable(
        f"What answers is not a schema registry ({reason}); see `url` in the setting SCHEMA_REGISTRY."
    )


def check_schema(schema: Any) -> None:
    """Errors: SchemaRegistryUnavailable, when a registry cannot have this Schema."""
    text, kind = schema.schema_str, schema.schema_type or "AVRO"
    if not isinstance(text, str) or not text.strip():
        raise no_registry("it has sent a schema without a text")
    if not isinstance(kind, str):
        raise no_registry(f"it has sent a schema whose type is a {type(kind).__name__}")
    for reference in schema.references or ():
        if not isinstance(reference.subject, str) or type(reference.version) is not int:
            raise no_registry("it has sent a schema that refers to another one without a subject and version")
    form = _FORMS.get(kind)
    if form is not None and not isinstance(_read(text), form):
        raise no_registry(f"it has sent a schema of the type {kind} whose text is none")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _check_id(registered: Any) -> None:
    if type(registered.schema_id) is not int and not isinstance(registered.guid, str):
        raise no_registry("it has sent no id of a registered schema")


def _check_version(registered: Any) -> None:
    _check_id(registered)
    check_schema(registered.schema)
    if type(registered.version) is not int:
        raise no_registry("it has sent a schema of a subject without a version")


def _check_compatible(answer: Any) -> None:
    if not isinstance(answer, bool):
        raise no_registry("it does not say whether schemas are compatible")


class RegistryClient(SchemaRegistryClient):
    """Its methods also raise SchemaRegistryUnavailable. Nothing is kept of such an answer."""

    MOST = 10_000  # schemas that are remembered

    def __init__(self, conf: dict[str, Any]) -> None:
        super().__init__(conf)
        self._sound: dict[int, Any] = {}  # Schemas that were checked, by id()

    def get_schema(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked_schema(super().get_schema(*args, **kwargs))

    def get_schema_by_guid(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked_schema(super().get_schema_by_guid(*args, **kwargs))

    def register_schema_full_response(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().register_schema_full_response(*args, **kwargs), _check_id)

    def lookup_schema(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().lookup_schema(*args, **kwargs), _check_id)

    def get_version(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().get_version(*args, **kwargs), _check_version)

    def get_latest_version(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().get_latest_version(*args, **kwargs), _check_version)

    def get_latest_with_metadata(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().get_latest_with_metadata(*args, **kwargs), _check_version)

    def test_compatibility(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().test_compatibility(*args, **kwargs), _check_compatible)

    def _checked_schema(self, schema: Any) -> Any:
        """confluent's classes ask for one with each message, and get the same object from its cache."""
        if self._sound.get(id(schema)) is not schema:
            self._checked(schema, check_schema)
            if len(self._sound) >= self.MOST:
                self._sound.clear()
            self._sound[id(schema)] = schema
        return schema

    def _checked(self, answer: T, check: Callable[[Any], None]) -> T:
        try:
            check(answer)
        except SchemaRegistryUnavailable:
            self.clear_caches()
            raise
        return answer
