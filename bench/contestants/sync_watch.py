# SPDX-License-Identifier: MIT
"""Looks at the table from a connection of its own, and tells how long it took to fill it.

All contestants are watched in the same way, those too that need not ask the table: so all lose the same to it.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from django.db import connection
from meter import MESSAGES, PARTITIONS, WORKER, begin, finish, peak

# How often is looked: what it costs is the contestant's loss.
PAUSE = 0.01
# BENCH_REPLAY: the rows are there, but for the first hundred, which the first batch brings back.
REPLAY = int(os.environ.get("BENCH_REPLAY", "0"))
# Rows that one event leaves on average: from the rows that were first follows how many events those were.
GROWTH = float(os.environ.get("BENCH_GROWTH", "1"))
# BENCH_PEAK_AT: what memory was used until the row of this event was there.
PEAK_AT = int(os.environ.get("BENCH_PEAK_AT", "0"))
FIRST = "SELECT count(*) FROM orders" + (" WHERE id BETWEEN 0 AND 99" if REPLAY else "")
LAST = f"SELECT count(*) FROM orders WHERE id IN ({', '.join(str(-1 - p) for p in range(PARTITIONS))})"


def watch() -> None:
    """From the first rows to the last one of each partition (bench/sync.py); those that were first do not count, nor
    does the processor time of this thread."""
    connection.ensure_connection()
    ask = connection.connection.execute  # the driver's: Django would take several times as long
    more: dict[str, Any] = {}
    while not (first := ask(FIRST).fetchone()[0]):
        time.sleep(PAUSE)
    left = MESSAGES - (REPLAY or round(first / GROWTH))
    if left <= 0 or ask(LAST).fetchone()[0] == PARTITIONS:
        print("the first look has found the last rows: more messages are needed", file=sys.stderr, flush=True)
        os._exit(1)
    begin()
    own = time.thread_time()
    while ask(LAST, prepare=True).fetchone()[0] < PARTITIONS:
        if PEAK_AT and not more and ask("SELECT max(id) FROM orders", prepare=True).fetchone()[0] >= PEAK_AT:
            more["early_peak"] = peak()
        time.sleep(PAUSE)
    besides = time.thread_time() - own if WORKER == "self" else 0.0
    finish(left, besides=besides, **more)
