# SPDX-License-Identifier: MIT
"""The latest schema of a subject, for commands."""

from __future__ import annotations

from dataclasses import dataclass

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


def latest(subject: str) -> Registered | None:
    """None: the registry knows no such subject.

    Errors: DjangoKafkaError without a registry in the settings; those of ask()."""
    client = kafka.schema_client
    try:
        found = ask(client.get_latest_version, subject)
    except SchemaRegistryError as error:
        if error.http_status_code == 404:
            return None
        raise
    is_avro = (found.schema.schema_type or "AVRO") == "AVRO"
    schema = writer_schema(client, int(found.schema_id or 0), subject) if is_avro else WriterSchema("null", {})
    return Registered(subject, int(found.version or 0), is_avro, schema)
