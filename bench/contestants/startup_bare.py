# SPDX-License-Identifier: MIT
"""A bare client, for the time from the start of a process to its first message."""

from __future__ import annotations

import os
import time
from pathlib import Path

from confluent_kafka import Consumer
from meter import TOPIC, consumer_config

consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while (msg := consumer.poll(1.0)) is None or msg.error():
    pass
with Path(os.environ["BENCH_NOTES"]).open("a") as notes:
    notes.write(f"{time.time()}\n")
consumer.close()
