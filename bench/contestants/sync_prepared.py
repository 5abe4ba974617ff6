# SPDX-License-Identifier: MIT
"""What the database can take: COPY buffers made beforehand, and the statements that the library uses. No Kafka."""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "syncsettings"
django.setup()

import struct  # noqa: E402
import threading  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from typing import Any  # noqa: E402

from changes import EIGHT, changes  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from meter import MESSAGES  # noqa: E402
from sync_watch import watch  # noqa: E402

BATCH = int(os.environ.get("BENCH_BATCH", "5000"))
HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">II", 0, 0)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = "id, customer, email, total, paid, status, note, created"
NAMES = [name for name in COLUMNS.split(", ") if name != "id"]
CREATE = """
CREATE TEMPORARY TABLE batch (id bigint, customer varchar(100), email text, total double precision, paid boolean,
                              status varchar(10), note text, created timestamptz) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE gone (id bigint) ON COMMIT DELETE ROWS
"""
UPSERT = f"""
INSERT INTO orders AS t ({COLUMNS}) SELECT {COLUMNS} FROM batch ORDER BY id
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in NAMES)}
WHERE ({", ".join(f"t.{name}" for name in NAMES)})
  IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in NAMES)})
"""
DELETE = "DELETE FROM orders AS t WHERE t.id = ANY (ARRAY(SELECT r.id FROM gone AS r))"


def field(data: bytes | None) -> bytes:
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def tuple_of(row: dict[str, Any]) -> bytes:
    micros = int((row["created"] - EPOCH).total_seconds()) * 1_000_000
    fields = (
        struct.pack(">q", row["id"]),
        row["customer"].encode(),
        row["email"] and row["email"].encode(),
        struct.pack(">d", row["total"]),
        b"\1" if row["paid"] else b"\0",
        row["status"].encode(),
        row["note"].encode(),
        struct.pack(">q", micros),
    )
    return struct.pack(">h", len(fields)) + b"".join(map(field, fields))


def blocks() -> list[tuple[bytes, bytes]]:
    made = []
    rows: dict[int, bytes | None] = {}

    def close() -> None:
        upserts = b"".join(row for row in rows.values() if row is not None)
        keys = b"".join(struct.pack(">hiq", 1, 8, key) for key, row in rows.items() if row is None)
        made.append((HEADER + upserts + b"\xff\xff", HEADER + keys + b"\xff\xff"))
        rows.clear()

    for number, row in enumerate(changes(MESSAGES, EIGHT), 1):
        rows[row["id"]] = None if row["__deleted"] == "true" else tuple_of(row)
        if number % BATCH == 0:
            close()
    if rows:
        close()
    return made


def send(cursor: Any, sql: str, block: bytes) -> None:
    with cursor.cursor.copy(sql) as copy:
        copy.write(block)


def main() -> None:
    prepared = blocks()
    watcher = threading.Thread(target=watch)
    watcher.start()
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        for rows, keys in prepared:
            with transaction.atomic():
                send(cursor, "COPY gone FROM STDIN (FORMAT binary)", keys)
                cursor.execute(DELETE)
                send(cursor, "COPY batch FROM STDIN (FORMAT binary)", rows)
                cursor.execute(UPSERT)
    watcher.join()


main()
