# SPDX-License-Identifier: MIT
"""A consumer of Avro that writes down what each message says, decoded, one JSON line with one write(2)."""

from __future__ import annotations

import json
import os
from typing import Any

from confluent_kafka.serialization import MessageField

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic.avro import AvroTopicConsumer

_LEDGER = os.open(os.environ["LIVE_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(kind: str, **fields: Any) -> None:
    """A line in the ledger."""
    os.write(_LEDGER, json.dumps({"kind": kind, **fields}, default=str).encode() + b"\n")


class AvroLedgerTopic(AvroTopicConsumer):
    name = ""
    retry_settings = None

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def consume(self, msg: Any) -> None:
        note("begin", offset=msg.offset())
        key = self.deserialize(msg.key(), MessageField.KEY, msg.headers())
        value = self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        note("done", offset=msg.offset(), partition=msg.partition(), key=key, value=value)


@kafka.consumers()
class AvroLedgerConsumer(Consumer):
    topics = Topics(*(AvroLedgerTopic(name) for name in json.loads(os.environ["LIVE_TOPICS"])))
    config = {"group.id": os.environ["LIVE_GROUP"], "auto.offset.reset": "earliest"}
