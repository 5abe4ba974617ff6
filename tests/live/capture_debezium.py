# SPDX-License-Identifier: MIT
"""Write tests/vectors/avro/debezium.md again: real messages of Debezium, with their schemas, for C and Python tests.

.venv/bin/python -m tests.live.capture_debezium        (after tools/setup.sh test; a minute)

The values in it are fastavro's, without logical types.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka.schema_registry import SchemaRegistryClient

from tests.live import debezium
from tests.live.clients import Plain
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer
from tests.live.servers.connect import HOME, PLUGINS
from tests.live.servers.process import ROOT

FILE = ROOT / "tests/vectors/avro/debezium.md"
# Which offsets of which table: each kind of change once, and each version of a schema.
WANTED = {"orders": [0, 1, 3, 5, 7, 8], "lines": [0, 62], "notes": [0], "flat.orders": [3, 5], "flat.lines": [0]}
HEADING = """\
# Real messages of Debezium

Changes of tables in PostgreSQL as {debezium} and {converter} wrote them on {connect},
without Confluent's framing: in an envelope with the row before and after, and flattened. Made by
tests/live/capture_debezium.py.
"""


def base_types(schema: Any) -> Any:
    """The schema without logical types, so that fastavro gives what is written."""
    if isinstance(schema, dict):
        return {key: base_types(value) for key, value in schema.items() if key != "logicalType"}
    return [base_types(item) for item in schema] if isinstance(schema, list) else schema


def as_text(value: Any) -> str:
    """As the C tests write a value: see tests/c/avro_text.c."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_text(key)}: {as_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_text, value)) + "]"
    if isinstance(value, bytes):
        return json.dumps(value.decode("latin-1"))
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.1f}" if value == math.floor(value) and abs(value) < 1e15 else f"{value:.17g}"
    return json.dumps(value, ensure_ascii=False)


def vector(title: str, schema: str, data: bytes) -> str:
    parsed = json.loads(schema)
    value = fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(base_types(parsed)), None)
    blocks = {"avsc": json.dumps(parsed), "hex": data.hex(" "), "json": as_text(value)}
    return f"\n## {title}\n" + "".join(f"```{kind}\n{text}\n```\n" for kind, text in blocks.items())


def vectors(client: SchemaRegistryClient, messages: dict[str, list[Plain]]) -> str:
    text = ""
    for table, offsets in WANTED.items():
        for offset in offsets:
            message = messages[table][offset]
            for part, data in (("key", message.key), ("value", message.value)):
                # A table's keys look alike: the first will do.
                if data is not None and (part == "value" or offset == offsets[0]):
                    schema = client.get_schema(int.from_bytes(data[1:5], "big")).schema_str or ""
                    text += vector(f"{table}, {part} of message {offset}", schema, data[5:])
    return text


def main() -> None:
    with (
        KafkaServer() as kafka,
        RegistryServer() as registry,
        PostgresServer(options=debezium.OPTIONS) as postgres,
        ConnectServer(kafka.bootstrap) as connect,
    ):
        messages = debezium.messages_of_all_changes(kafka, postgres, connect, registry)
        text = vectors(SchemaRegistryClient({"url": registry.url}), messages)
    names = {"debezium": PLUGINS["debezium"].name, "converter": PLUGINS["avro-converter"].name, "connect": HOME.name}
    FILE.write_text(HEADING.format(**names) + text)
    print(f"{Path(FILE).relative_to(ROOT)}: {text.count('## ')} vectors")


if __name__ == "__main__":
    main()
