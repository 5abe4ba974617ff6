# SPDX-License-Identifier: MIT
"""A table whose changes Debezium writes to Kafka as Avro: what is in it, what is done to it, and the connector."""

from __future__ import annotations

from tests.live.clients import Plain, reference_consume
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer
from tests.live.servers.connect import confluent_avro

OPTIONS = {"wal_level": "logical"}  # of the PostgreSQL server

# Columns of the usual types. The default '{}' is one that a registry may take for something else than a text.
SCHEMA = """
CREATE TYPE mood AS ENUM ('fine', 'so so');
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    small smallint NOT NULL DEFAULT 7,
    number integer,
    paid boolean NOT NULL DEFAULT false,
    weight real,
    length double precision,
    price numeric(12, 2) NOT NULL DEFAULT 0,
    exact numeric,
    note text,
    code varchar(10) NOT NULL DEFAULT 'new',
    padded char(5),
    day date,
    hour time,
    millis timestamp(3),
    micros timestamp,
    at timestamptz,
    took interval,
    ref uuid,
    data jsonb NOT NULL DEFAULT '{}',
    raw_data json,
    blob bytea,
    tags text[],
    numbers integer[],
    address inet,
    feeling mood
);
ALTER TABLE orders REPLICA IDENTITY FULL;
CREATE TABLE lines (
    order_id bigint, line integer, what text NOT NULL, amount numeric(20, 4), PRIMARY KEY (order_id, line)
);
CREATE TABLE notes (what text);
"""

_FULL = """
(1, 32767, -2147483648, true, 1.5, -1e300, 9999999999.99, 123456789012345678901234567890.123456789, 'grüße ✓ 😀',
 'abc', 'x', '2024-02-29', '23:59:59.999999', '2024-02-29 12:30:15.123', '1900-01-01 00:00:00.000001',
 '2024-02-29 23:59:59.123456+02', '1 year 2 mons 3 days 04:05:06.789', '9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b',
 '{"a": [1, {"b": null}]}', '{"z": 1,  "z": 2}', '\\x00ff10', '{a,NULL,"c d"}', '{1,NULL,-3}', '192.168.0.1/24',
 'so so')
"""

# Each a transaction. Before the connector starts: what its snapshot reads. Behind: what it reads in the log.
BEFORE = [
    f"INSERT INTO orders VALUES {_FULL}",
    "INSERT INTO orders (id) VALUES (2)",
    "INSERT INTO lines SELECT 1, n, 'line ' || n, n / 8.0 FROM generate_series(1, 20) n",
]
BEHIND = [
    "INSERT INTO orders (id, day, hour, price) VALUES (3, '0001-01-01', '00:00', -0.01)",
    "UPDATE orders SET price = price - 0.01, note = NULL, tags = '{}', data = '[]' WHERE id = 1",
    "UPDATE orders SET small = -32768, number = 0, at = '2024-03-01 00:00:00+00' WHERE id = 2",
    "INSERT INTO lines SELECT 2, n, repeat('x', n * 100), NULL FROM generate_series(1, 20) n",
    "UPDATE lines SET amount = amount * -1 WHERE order_id = 1",
    "DELETE FROM orders WHERE id = 2",
    "UPDATE lines SET order_id = 3 WHERE order_id = 1 AND line = 1",  # of the key: a delete and a create
    "DELETE FROM lines WHERE order_id = 2 AND line > 10",
    "ALTER TABLE orders ADD COLUMN extra integer NOT NULL DEFAULT 5",
    "INSERT INTO orders (id, extra) VALUES (4, 6)",
    "ALTER TABLE orders DROP COLUMN note",
    "UPDATE orders SET extra = 9 WHERE id = 1",
    "INSERT INTO notes VALUES ('no key'), (NULL)",
]
# Records by topic: each change is one, a delete two (the second a tombstone), as is a change of the key and one more.
RECORDS = {"orders": 2 + 3 + 2 + 1 + 1, "lines": 20 + 20 + 20 + 3 + 20, "notes": 2}


def run(postgres: PostgresServer, statements: list[str]) -> None:
    for statement in statements:
        postgres.psql(statement)


def connector(postgres: PostgresServer, prefix: str, registry_url: str, **more: str) -> dict[str, str]:
    """The connector's configuration; its topics are PREFIX.public.TABLE."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1",
        "database.port": str(postgres.port),
        "database.user": "lab",
        "database.password": "unused",
        "database.dbname": "lab",
        "topic.prefix": prefix,
        "slot.drop.on.stop": "true",
        "poll.interval.ms": "50",
        **confluent_avro(registry_url),
        **more,
    }


# The new row alone, with a field that says whether it was deleted, in place of old and new in an envelope.
FLAT = {
    "transforms": "unwrap",
    "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
    "transforms.unwrap.delete.tombstone.handling.mode": "rewrite-with-tombstone",
    "transforms.unwrap.add.fields": "op,source.ts_ms",
}
PREFIXES = {"": "live", "flat.": "live-flat"}  # a dash is no part of a name in Avro: Debezium has to adjust it


def messages_of_all_changes(
    kafka: KafkaServer, postgres: PostgresServer, connect: ConnectServer, registry: RegistryServer
) -> dict[str, list[Plain]]:
    """Do everything, and wait for what becomes of it: messages by table, under `flat.` in the flattened form."""
    run(postgres, [SCHEMA, *BEFORE])
    for kind, prefix in PREFIXES.items():
        for table in RECORDS:
            kafka.create_topic(f"{prefix}.public.{table}")
        more = FLAT if kind else {}
        config = connector(postgres, prefix, registry.native_url, **more)
        names = {key: prefix.replace("-", "_") for key in ("slot.name", "publication.name")}
        connect.put(prefix, {**config, **names})
    for prefix in PREFIXES.values():  # the snapshots are done
        reference_consume(kafka.bootstrap, [f"{prefix}.public.lines"], 20, 60)
    run(postgres, BEHIND)
    return {
        f"{kind}{table}": reference_consume(kafka.bootstrap, [f"{prefix}.public.{table}"], count, 60)
        for kind, prefix in PREFIXES.items()
        for table, count in RECORDS.items()
    }
