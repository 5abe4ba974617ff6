# SPDX-License-Identifier: MIT
"""The latest schema of a subject, for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confluent_kafka.schema_registry.error import SchemaRegistryError

from django_kafka import kafka
from django_kafka.schema.registry import WriterSchema, ask, writer_schema


@dataclass(frozen=True)
class Registered:
    """schema: of what kind it is says is_avro."""

    subject: str
    version: int
    is_avro: bool
    schema: WriterSchema


_NO_SUBJECT = (40401, 40402)  # no such subject, no such version. Another 404 says that `url` is wrong


def latest_version(subject: str) -> Any:
    """What confluent's client says of the latest version; None: the registry knows no such subject.

    Errors: DjangoKafkaError without a registry in the settings; those of ask()."""
    try:
        return ask(kafka.schema_client.get_latest_version, subject)
    except SchemaRegistryError as error:
        if error.error_code in _NO_SUBJECT:
            return None
        raise


def latest(subject: str) -> Registered | None:
    """None: the registry knows no such subject.

    Errors: DjangoKafkaError without a registry in the settings; those of ask()."""
    client = kafka.schema_client
    found = latest_version(subject)
    if found is None:
        return None
    is_avro = (found.schema.schema_type or "AVRO") == "AVRO"
    schema = writer_schema(client, int(found.schema_id or 0), subject) if is_avro else WriterSchema("null", {})
    return Registered(subject, int(found.version or 0), is_avro, schema)
