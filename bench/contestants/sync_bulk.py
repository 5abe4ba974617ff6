# SPDX-License-Identifier: MIT
"""The loop that one writes by hand: confluent's consume(), fastavro, bulk_create(update_conflicts) and a delete."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "syncsettings"
django.setup()

import fastavro  # noqa: E402
from changes import CHANGE, CHANGE_KEY  # noqa: E402
from confluent_kafka import Consumer  # noqa: E402
from django.db import transaction  # noqa: E402
from meter import TOPIC, consumer_config  # noqa: E402
from sync_watch import watch  # noqa: E402
from syncapp.models import Order  # noqa: E402

BATCH = int(os.environ.get("BENCH_BATCH", "5000"))
SCHEMA = fastavro.parse_schema(CHANGE)
KEY_SCHEMA = fastavro.parse_schema(CHANGE_KEY)
FIELDS = [field.attname for field in Order._meta.concrete_fields if not field.primary_key]


def write(rows: dict[int, Any]) -> None:
    gone = [key for key, row in rows.items() if row is None]
    with transaction.atomic():
        if gone:
            Order.objects.filter(pk__in=gone).delete()
        Order.objects.bulk_create(
            [row for row in rows.values() if row is not None],
            update_conflicts=True,
            update_fields=FIELDS,
            unique_fields=["id"],
        )


def main() -> None:
    consumer = Consumer({**consumer_config(), "enable.auto.commit": False, "fetch.queue.backoff.ms": 5})
    consumer.subscribe([TOPIC])
    while True:
        messages = consumer.consume(BATCH, 0.2)
        if not messages:
            continue
        rows: dict[int, Any] = {}
        for msg in messages:
            row = fastavro.schemaless_reader(io.BytesIO(msg.value()[5:]), SCHEMA, None)
            deleted = row.pop("__deleted") == "true"
            rows[row["id"]] = None if deleted else Order(**row)
        write(rows)
        consumer.commit(asynchronous=True)


threading.Thread(target=watch, daemon=True).start()
main()
