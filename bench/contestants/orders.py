# SPDX-License-Identifier: MIT
"""The Avro record that all contestants write and read: eight fields, about 200 bytes."""

from __future__ import annotations

import json
import os
from typing import Any

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "email", "type": ["null", "string"], "default": None},
        {"name": "total", "type": "double"},
        {"name": "paid", "type": "boolean"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "PAID", "SENT"]}},
        {"name": "note", "type": "string"},
        {"name": "created", "type": "long"},
    ],
}
SCHEMA = json.dumps(ORDER)
KEY: dict[str, Any] = {
    "type": "record",
    "name": "OrderKey",
    "namespace": "shop",
    "fields": [{"name": "id", "type": "long"}],
}
KEY_SCHEMA = json.dumps(KEY)
VALUE: dict[str, Any] = {
    "id": 123456789,
    "customer": "Jane Customer-Smith",
    "email": "jane@example.com",
    "total": 99.25,
    "paid": True,
    "status": "PAID",
    "note": "x" * 130,
    "created": 1700000000123,
}
# The `id` of the first and of the last message of each partition (see meter.MARK).
MARK_ID = -1

REGISTRY = os.environ.get("BENCH_REGISTRY", "")


def thousand() -> list[dict[str, Any]]:
    """What is produced again and again: values of their own, as if they had just been made."""
    return [{**VALUE, "id": 123456789 + i, "created": 1700000000123 + i} for i in range(1000)]
