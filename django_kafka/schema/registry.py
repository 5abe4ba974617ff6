# SPDX-License-Identifier: MIT
"""The schema registry, seen from the C codec: schemas by id, compiled, with what they refer to.

Everything that goes over HTTP is done by confluent's client (`kafka.schema_client`)."""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import SerializationError

from django_kafka._native import AvroSchema, SchemaError
from django_kafka.conf import settings
from django_kafka.exceptions import ConfigurationError, SchemaRegistryUnavailable
from django_kafka.schema.client import check_schema, no_registry

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.serialization import SerializationContext

T = TypeVar("T")

DEPTH_MOST = 1024  # levels that the codec can go down

# The registry, or what is before it, says that it cannot or may not answer now: no message's fault.
_AWAY = frozenset({401, 403, 407, 408, 429})
# Codes of the registry for a path that it does not have: the `url` is wrong. What it does not know has 40401 and
# more.
_NO_PATH = frozenset({None, -1, 404, 405})


def ask(question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """question(*args, **kwargs), which asks the registry.

    Errors: SchemaRegistryUnavailable when no answer came; SchemaRegistryError when the answer is no."""
    try:
        return question(*args, **kwargs)
    except SchemaRegistryError as error:
        if not is_answer(error):
            raise SchemaRegistryUnavailable(
                f"The schema registry does not answer: {error}; is `url` in the setting SCHEMA_REGISTRY right?"
            ) from error
        raise
    except SchemaRegistryUnavailable:
        raise
    except Exception as error:
        if is_unreachable(error):
            raise SchemaRegistryUnavailable(
                f"The schema registry cannot be reached ({type(error).__name__}: {error}); "
                "see `url`, authentication and TLS in the setting SCHEMA_REGISTRY."
            ) from error
        if is_misread(error):
            raise no_registry(f"{type(error).__name__}: {error}") from error
        raise


def is_answer(error: SchemaRegistryError) -> bool:
    """Whether the registry itself has said no. Nothing that it says with 5xx is about the schema asked for, and what
    comes without an error code of its own (a proxy's page, a redirection) is not the registry's."""
    code: Any = error.error_code
    return 400 <= error.http_status_code < 500 and error.http_status_code not in _AWAY and code not in _NO_PATH


def is_unreachable(error: BaseException) -> bool:
    """Whether confluent's client failed because of the connection. Its HTTP library differs between versions."""
    if isinstance(error, OSError):
        return True
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & {"RequestError", "OAuthTokenError", "RequestException"})


def is_misread(error: BaseException) -> bool:
    """Whether confluent's client failed over an answer: it takes for granted that this is the JSON of a registry."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(str(frame.f_globals.get("__name__")).endswith("schema_registry_client") for frame, _ in frames)


class Asking:
    """A (de)serializer of confluent's, called through ask(): an unavailable registry is not the message's fault.

    client: the one that it asks. kind: the type of its schemas."""

    def __init__(self, confluent: Any, client: Any, kind: str) -> None:
        self.confluent = confluent
        self.client = client
        self.kind = kind

    def __call__(self, value: Any, ctx: SerializationContext | None = None) -> Any:
        try:
            return ask(self.confluent, value, ctx)
        except (SchemaRegistryUnavailable, SchemaRegistryError):
            raise
        except Exception as error:
            schema = _schema_in_hand(error)
            if schema is None:
                raise
            raise self._about(schema, error) from error

    def _about(self, schema: Any, error: Exception) -> Exception:
        """What is wrong with a schema that confluent's class could not read."""
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        if schema is getattr(self.confluent, "_schema", None):
            return ConfigurationError(f"The topic's schema is no {self.kind} schema ({reason}).")
        if schema.schema_type != self.kind:
            return SerializationError(f"The schema is of type {schema.schema_type}, not {self.kind}.")
        self.client.clear_caches()
        return no_registry(f"it has sent a schema that cannot be read: {reason}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.confluent, name)


def _schema_in_hand(error: BaseException) -> Any:
    """The Schema that one of confluent's classes failed to read; None if it failed over something else."""
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name in _READING and str(frame.f_globals.get("__name__")).startswith("confluent_kafka."):
            found = frame.f_locals.get("schema")
    return found


_READING = frozenset({"_get_parsed_schema", "_resolve_named_schema", "_get_validator"})


@dataclass(frozen=True)
class Compiled:
    """A registered schema, ready for use."""

    source: Schema
    codec: AvroSchema
    bare: bool  # values are the payload itself: confluent writes a schema that is just "bytes" so
    plain: bool  # no rules: the codec alone does what confluent's serializers do


def compile_schema(client: SchemaRegistryClient, source: Schema) -> Compiled:
    """Errors: SchemaError; those of ask(), when referred schemas have to be asked for."""
    text = source.schema_str
    if text is None or (source.schema_type or "AVRO") != "AVRO":
        raise SchemaError(f"The schema is of type {source.schema_type}, not AVRO.")
    names: dict[str, str] = {}
    plain = _collect_names(client, source, names)
    codec = AvroSchema(text, names, depth=min(settings.AVRO_DEPTH or DEPTH_MOST, DEPTH_MOST))
    return Compiled(source, codec, _is_bytes(text), plain)


class WriterSchema:
    """The schema that a message was written with: its text, and those of the named schemas that it refers to.

    derived: whatever somebody makes of it once. exact: the values are of its types."""

    __slots__ = ("derived", "exact", "names", "text")

    def __init__(self, text: str, names: dict[str, str]) -> None:
        self.text = text
        self.names = names
        self.exact = False
        self.derived: Any = None


def writer_schema(client: SchemaRegistryClient, identity: int | bytes, subject: str | None) -> WriterSchema:
    """The schema of an id or a GUID. Errors: those of ask()."""
    source = fetch(client, identity, subject)
    names: dict[str, str] = {}
    _collect_names(client, source, names)
    return WriterSchema(source.schema_str or "null", names)


def _is_bytes(text: str) -> bool:
    schema = json.loads(text)
    return schema == "bytes" or (isinstance(schema, dict) and schema.get("type") == "bytes")


def _collect_names(client: SchemaRegistryClient, source: Schema, names: dict[str, str]) -> bool:
    """The texts of all schemas that are referred to, by full name. Whether neither they nor this have rules."""
    plain = getattr(source, "rule_set", None) is None and "confluent:" not in (source.schema_str or "")
    for reference in source.references or ():
        registered = ask(client.get_version, reference.subject, reference.version, True)
        referred = _sound(client, registered.schema)
        plain = _collect_names(client, referred, names) and plain
        text = referred.schema_str or ""
        names[_full_name(text) or str(reference.name)] = text
    return plain


def _full_name(text: str) -> str | None:
    schema = json.loads(text)
    if not isinstance(schema, dict) or "name" not in schema:
        return None
    name: str = schema["name"]
    namespace = schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _sound(client: SchemaRegistryClient, schema: Schema) -> Schema:
    """The schema, checked: a client of the project's own does not do it."""
    try:
        check_schema(schema)
    except SchemaRegistryUnavailable:
        client.clear_caches()  # it is kept there, and would be given again
        raise
    return schema


def fetch(client: SchemaRegistryClient, identity: int | bytes, subject: str | None) -> Schema:
    """The schema of an id or a GUID. Errors: those of ask()."""
    name = f"id {identity}" if isinstance(identity, int) else f"GUID {uuid.UUID(bytes=identity)}"
    try:
        if isinstance(identity, bytes):
            return _sound(client, ask(client.get_schema_by_guid, str(uuid.UUID(bytes=identity))))
        return _sound(client, ask(client.get_schema, identity, subject))
    except SchemaRegistryUnavailable as error:
        raise SchemaRegistryUnavailable(f"Schema {name}: {error}") from error
