# SPDX-License-Identifier: MIT
"""Partitions that cannot be read are named and stand still; nothing of them is skipped or repeated."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.admin import NewPartitions
from django.test import override_settings

import tests.django_project  # noqa: F401
from django_kafka.consumer import Consumer
from django_kafka.testing.consumer import run_consumer_until
from tests.live.clients import consumer as client_of
from tests.live.clients import reference_produce
from tests.live.servers import KafkaServer
from tests.py.django.helpers import Recorder, consumer_of

COMPRESSION = {"payload": "gzip", "crc": "none", "length": "none"}
HEADER = 61  # bytes of a batch before its records


@pytest.fixture
def project(own_kafka: KafkaServer) -> Iterator[KafkaServer]:
    conf = {
        "GLOBAL_CONFIG": {"bootstrap.servers": own_kafka.bootstrap},
        "CONSUMER_CONFIG": {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 20, "check.crcs": True},
    }
    with override_settings(DJANGO_KAFKA=conf):
        yield own_kafka


def damage(path: Path, kind: str) -> None:
    """Of three batches in a segment, the middle one."""
    data, places, at = bytearray(path.read_bytes()), [], 0
    while at + 12 <= len(data):
        base, size = struct.unpack(">qi", data[at : at + 12])
        if size <= 0:
            break
        places.append((base, at))
        at += size + 12
    assert [base for base, _ in places] == [0, 10, 20]
    begin = places[1][1] + HEADER
    if kind == "payload":
        data[begin + 20 : begin + 60] = b"\xff" * 40
    elif kind == "length":  # of the first record: librdkafka takes it for one that was not fetched whole
        data[begin : begin + 2] = b"\xff\x7f"
    else:
        data[begin + 30] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_batch_leads_to_no_replay(project: KafkaServer) -> None:
    for kind, compression in COMPRESSION.items():
        project.create_topic(kind)
        for first in (0, 10, 20):
            values = [b"%d " % number + b"x" * 200 for number in range(first, first + 10)]
            config = {"linger.ms": 200, "compression.type": compression}
            reference_produce(project.bootstrap, [{"topic": kind, "value": value} for value in values], **config)
    project.node.stop()
    for kind in COMPRESSION:
        damage(project.node.log_dir / f"{kind}-0" / f"{0:020}.log", kind)
    project.node.start()
    for kind in COMPRESSION:
        check_damaged(project, kind)


def check_damaged(server: KafkaServer, kind: str) -> None:
    errors: list[Any] = []
    lines: list[str] = []
    topic = Recorder(kind)
    logger = logging.getLogger(f"damaged.{kind}")
    logger.handlers = [handler := logging.Handler()]
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    config = {"error_cb": errors.append, "logger": logger, "check.crcs": kind == "crc"}
    cls = consumer_of(topic, group=f"shop-{kind}", config=config)

    def tried_again() -> bool:
        """With a wrong checksum librdkafka goes back to the beginning each time that it reads the batch."""
        return bool(errors) and (kind != "crc" or sum("offset reset" in line for line in lines) >= 2)

    run_consumer_until(cls, tried_again, timeout=90)
    assert [int(value.split()[0]) for value in topic.values] == list(range(10)), "each once, and nothing behind it"
    assert kind != "length" or errors[0].code() == KafkaError._BAD_MSG, (
        "a checksum shows what librdkafka does not say"
    )
    told = [error for error in errors if hasattr(error, "fields")]
    assert len(told) == 1
    assert told[0].str().startswith(f"tests.py.django.helpers.MyConsumer: {kind}[0] does not go on at offset 10: ")
    assert f"--topic {kind}:0 --to-offset N" in told[0].str()
    pass_over(server, cls, topic, kind)


def pass_over(server: KafkaServer, cls: type[Consumer], topic: Recorder, kind: str) -> None:
    """What the line says helps."""
    client = client_of(server.bootstrap, f"shop-{kind}")
    assert client.committed([TopicPartition(kind, 0)], 30)[0].offset == 10
    client.commit(offsets=[TopicPartition(kind, 0, 20)], asynchronous=False)
    client.close()
    run_consumer_until(cls, lambda: len(topic.seen) >= 20, timeout=60)
    assert [int(value.split()[0]) for value in topic.values] == [*range(10), *range(20, 30)]


def test_a_lost_offset_stands_where_nothing_is_to_be_chosen(project: KafkaServer) -> None:
    errors: list[Any] = []
    topic = Recorder("old")
    project.create_topic("old")
    reference_produce(project.bootstrap, [{"topic": "old", "value": b"%d" % number} for number in range(10)])
    client = client_of(project.bootstrap, "shop-old")
    client.commit(offsets=[TopicPartition("old", 0, 2)], asynchronous=False)
    client.close()
    gone = TopicPartition("old", 0, 8)
    project.admin.delete_records([gone])[gone].result(30)
    config = {"error_cb": errors.append, "auto.offset.reset": "error"}
    run_consumer_until(consumer_of(topic, group="shop-old", config=config), lambda: errors, timeout=60)
    assert topic.seen == []
    assert errors[0].code() == KafkaError._AUTO_OFFSET_RESET
    assert "old[0] does not go on at offset 2: " in errors[0].str()


def test_a_partition_that_is_added_is_read_from_its_beginning(project: KafkaServer) -> None:
    """What was written to it before the group took notice, too, with auto.offset.reset at latest."""
    project.create_topic("grows")
    written: list[bytes] = []

    def act(_msg: Any) -> None:
        if not written:
            project.admin.create_partitions([NewPartitions("grows", 2)])["grows"].result(30)
            written.append(b"of the new one")
            reference_produce(project.bootstrap, [{"topic": "grows", "value": written[0], "partition": 1}])

    topic = Recorder("grows", act=act)
    config = {"auto.offset.reset": "latest", "topic.metadata.refresh.interval.ms": 2000}
    begun: list[bool] = []

    class Begins(consumer_of(topic, group="shop-grows", config=config)):  # type: ignore[misc]
        def resume_partitions(self) -> None:
            """The first message comes when the consumer has begun, and knows how many partitions there are."""
            super().resume_partitions()
            counters = self.partition_counters()
            if not begun and counters and counters[0]["end"] is not None and self._member.new_partitions._counts:
                begun.append(True)
                reference_produce(project.bootstrap, [{"topic": "grows", "value": b"first", "partition": 0}])

    run_consumer_until(Begins, lambda: len(topic.seen) >= 2, timeout=90)
    assert topic.values == [b"first", b"of the new one"]
