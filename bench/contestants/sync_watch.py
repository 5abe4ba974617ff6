# SPDX-License-Identifier: MIT
"""Looks at the table from a connection of its own, and tells how long it took to fill it."""

from __future__ import annotations

import time

from django.db import connection
from meter import MESSAGES, PARTITIONS, begin, finish


def watch() -> None:
    """From the first rows to the last one of each partition (bench/sync.py); those that were first do not count."""
    last = [-1 - partition for partition in range(PARTITIONS)]
    first = 0
    with connection.cursor() as cursor:
        while True:
            if not first:
                cursor.execute("SELECT count(*) FROM orders")
                first = cursor.fetchone()[0]
                if first:
                    begin()
            cursor.execute("SELECT count(*) FROM orders WHERE id = ANY(%s)", [last])
            if cursor.fetchone()[0] == PARTITIONS:
                finish(MESSAGES - first)
            time.sleep(0.005)
