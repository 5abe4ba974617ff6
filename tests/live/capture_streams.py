# SPDX-License-Identifier: MIT
"""Write tests/vectors/debezium again: all messages of Debezium about some tables, in each way that it can be told to
write them, with what is in the tables in the end.

.venv/bin/python -m tests.live.capture_streams        (after tools/setup.sh test; two minutes)

tests/live/test_streams.py and tests/py/sync/test_streams.py read them.
"""

from __future__ import annotations

import base64
import json
import lzma
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient

from tests.live import debezium, wide
from tests.live.clients import Plain, reference_consume
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer
from tests.live.servers.connect import PLUGINS
from tests.live.servers.process import ROOT
from tests.live.wide import WAYS, Way

FOLDER = ROOT / "tests/vectors/debezium"
OPTIONS = {**debezium.OPTIONS, "max_wal_senders": "30", "max_replication_slots": "30"}
# Texts of what can be written in several ways.
AS_TEXT = {
    "numeric": 'trim_scale("{}")::text',
    "interval": 'extract(epoch from "{}")::text',
    "json": '"{}"::jsonb::text',
}
TOPICS = ("wide", "kept", "pairs", "extremes", "keyless")


def source_rows(postgres: PostgresServer, table: str, database: str = "lab") -> dict[str, Any]:
    """The columns of a table and the text of each value, null for NULL."""
    found = postgres.psql(
        f"SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = '{table}'::regclass "
        "AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
        database=database,
    )
    types = dict(line.split("|") for line in found.split("\n"))
    items = ", ".join(AS_TEXT.get(kind, '"{}"::text').format(name) for name, kind in types.items())
    rows = postgres.psql(
        f"SET timezone = 'UTC'; SELECT json_build_array({items}) FROM {table} ORDER BY {wide.ORDER[table]}",
        database=database,
    )
    return {"columns": list(types), "rows": [json.loads(line) for line in rows.splitlines()]}


def start(postgres: PostgresServer, connect: ConnectServer, registry: RegistryServer, name: str, way: Way) -> None:
    config = debezium.connector(postgres, f"s-{name}", registry.native_url, **way.options)
    if way.format != "avro":
        config = {
            key: value for key, value in config.items() if ".converter" not in key and ".adjustment." not in key
        }
        config |= wide.JSON if way.format == "json" else wide.JSON_SCHEMAS
    own = f"s_{name.replace('-', '_')}"
    config |= {"slot.name": own, "publication.name": own, "table.include.list": "public.*"}
    connect.put(f"s-{name}", config)


def until_the_end(kafka: KafkaServer, name: str) -> list[Plain]:
    """All messages of a connector. The last ones of two tables say so."""
    topics = [f"s-{name}.public.{table}" for table in TOPICS]
    seen = reference_consume(kafka.bootstrap, topics, 1)
    while not all(any(b"the end" in (msg.value or b"") for msg in seen if msg.topic == topics[i]) for i in (0, 2)):
        seen = reference_consume(kafka.bootstrap, topics, len(seen) + 1)
    return sorted(seen)


def text_of(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def packed(way: Way, messages: list[Plain], tables: dict[str, Any], registry: SchemaRegistryClient) -> bytes:
    schemas: dict[int, str] = {}
    for message in messages:
        for data in (message.key, message.value):
            if way.format == "avro" and data is not None:
                number = int.from_bytes(data[1:5], "big")
                schemas[number] = registry.get_schema(number).schema_str or ""
    whole = {
        "debezium": PLUGINS["debezium"].name,
        "format": way.format,
        "options": way.options,
        "topic": way.topic,
        "inexact": way.inexact,
        "deletes": way.deletes,
        "ddl": wide.DDL,
        "tables": tables,
        "schemas": schemas,
        "messages": [
            (
                m.topic.rpartition(".")[2],
                m.offset,
                text_of(m.key),
                text_of(m.value),
                [(name, text_of(data)) for name, data in m.headers],
            )
            for m in messages
        ],
    }
    return lzma.compress(json.dumps(whole, indent=0).encode(), preset=9)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        KafkaServer() as kafka,
        RegistryServer() as registry,
        PostgresServer(options=OPTIONS) as postgres,
        ConnectServer(kafka.bootstrap) as connect,
    ):
        debezium.run(postgres, [wide.DDL, *wide.BEFORE])
        for name, way in WAYS.items():
            start(postgres, connect, registry, name, way)
        for name in WAYS:  # the snapshots are done
            for topic, count in (("wide", 4), ("kept", 6), ("pairs", 9), ("extremes", 3), ("keyless", 2)):
                reference_consume(kafka.bootstrap, [f"s-{name}.public.{topic}"], count)
        debezium.run(postgres, wide.BEHIND)
        tables = {table: source_rows(postgres, table) for table in wide.TABLES}
        client = SchemaRegistryClient({"url": registry.url})
        for name, way in WAYS.items():
            messages = until_the_end(kafka, name)
            data = packed(way, messages, tables, client)
            (FOLDER / f"{name}.json.xz").write_bytes(data)
            print(f"{name}: {len(messages)} messages, {len(data)} bytes")


if __name__ == "__main__":
    main()
