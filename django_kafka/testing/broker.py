# SPDX-License-Identifier: MIT
"""A broker for the duration of a test, with settings that lead to it."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from django.conf import settings as django_settings
from django.test import override_settings

from django_kafka._native import OFFSET_BEGINNING, Broker, Consumer, Message, Producer
from django_kafka.conf import DEFAULTS, SETTINGS_KEY

Bytes = bytes | str | None

CONFIG_KEYS = ("GLOBAL_CONFIG", "PRODUCER_CONFIG", "CONSUMER_CONFIG", "RETRY_CONSUMER_CONFIG")
# Where the project's real cluster is and how to log in there; the local one has neither TLS nor users.
FOREIGN_PREFIXES = (
    *("bootstrap.servers", "metadata.broker.list", "broker.address.family", "client.dns."),
    *("security.", "ssl.", "enable.ssl.", "sasl.", "enable.sasl.", "oauth"),
)
# The mock cluster answers a fetch that finds nothing only when its time is up, and when members of a group come or go
# it waits for a second less than their session timeout. Of a rebalance Kafka tells in answers to heartbeats.
QUICK_CONSUMER = {"fetch.wait.max.ms": 10, "session.timeout.ms": 2000, "heartbeat.interval.ms": 100}
# Seconds that the broker may take to answer a question, on a machine that is busy.
ANSWER = 30.0


class LocalBroker:
    """An embedded broker, and ways to put messages in and to look at what is there.

    Messages go straight to the broker, past serializers, settings and producer suppression.
    """

    def __init__(self, native: Broker) -> None:
        self.native = native
        self._producer: Producer | None = None

    @property
    def bootstrap(self) -> str:
        """Value for bootstrap.servers."""
        return self.native.bootstrap

    def create_topic(self, name: str, partitions: int = 1) -> None:
        self.native.create_topic(name, partitions)

    def produce(
        self,
        topic: str,
        *values: Bytes,
        key: Bytes = None,
        headers: Any = None,
        partition: int = -1,
        timestamp: int = 0,
    ) -> None:
        """Write a message per value, and return when they are on the broker. timestamp: milliseconds, 0 is now.

        Errors: KafkaException of the first message that could not be written, AssertionError after 30 s."""
        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0})
        errors: list[Any] = []
        for value in values:
            self._producer.produce(
                topic,
                value,
                key,
                partition=partition,
                timestamp=timestamp,
                headers=headers,
                on_delivery=lambda error, _: errors.append(error) if error else None,
            )
        if left := self._producer.flush(30.0):
            raise AssertionError(f"{left} messages could not be written to topic {topic!r} within 30 s.")
        if errors:
            raise KafkaException(errors[0])

    def collect(self, topic: str, count: int | None = None, timeout: float = 30.0) -> list[Message]:
        """The messages of a topic from its beginning, by partition and offset.

        count: wait for so many, and return so many; None: what is there now. Errors: AssertionError when fewer than
        count came, or the end was not reached, within timeout seconds."""
        config = {
            "bootstrap.servers": self.bootstrap,
            "group.id": f"collect-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            **QUICK_CONSUMER,
        }
        with Consumer(config) as consumer:
            # The ends of partitions that come while it closes would be logged.
            consumer.on_partition_error = lambda *_: None  # type: ignore[attr-defined]
            reading = _Reading(topic, _marks(consumer, topic), count)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in reading.ends])
            deadline = time.monotonic() + timeout
            while not reading.done:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{reading.shortage()}, after {timeout} s.")
                message = consumer.poll(min(left, 0.1))
                if message is not None:
                    reading.take(message)
        return sorted(reading.found, key=lambda message: (message.partition(), message.offset()))

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(1.0)
        self.native.close()


class _Reading:
    """What was read of a topic. Its end is told by the client: offsets may be those of transactions, not of messages.

    marks: the first offset of each partition, and the one behind the last."""

    def __init__(self, topic: str, marks: dict[int, tuple[int, int]], count: int | None) -> None:
        self.topic, self.count = topic, count
        self.ends = {number: high for number, (_, high) in marks.items()}
        self.open = {number for number, (low, high) in marks.items() if high > low}
        self.found: list[Message] = []
        self.error: KafkaError | None = None

    @property
    def done(self) -> bool:
        return not self.open if self.count is None else len(self.found) >= self.count

    def take(self, message: Message) -> None:
        partition: Any = message.partition()
        error = message.error()
        if error is None:
            if self.count is not None or self._is_old(message, partition):
                self.found.append(message.detach())
        elif error.code() == KafkaError._PARTITION_EOF:
            self.open.discard(partition)
        else:
            self.error = error

    def _is_old(self, message: Message, partition: int) -> bool:
        """Whether it was there when reading began."""
        offset: Any = message.offset()
        if offset + 1 >= self.ends[partition]:
            self.open.discard(partition)
        return bool(offset < self.ends[partition])

    def shortage(self) -> str:
        missing = "the end was not reached" if self.count is None else f"not {self.count}"
        reason = f" ({self.error.str()})" if self.error else ""
        return f"topic {self.topic!r} has {len(self.found)} messages, {missing}{reason}"


def _marks(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    numbers = sorted(consumer.list_topics(topic, ANSWER).topics[topic].partitions)
    return {n: consumer.get_watermark_offsets(TopicPartition(topic, n), ANSWER) or (0, 0) for n in numbers}


def broker_settings(bootstrap: str) -> dict[str, Any]:
    """The project's DJANGO_KAFKA, changed so that it leads to this local broker and wastes no time."""
    settings = dict(getattr(django_settings, SETTINGS_KEY, None) or {})
    for name in CONFIG_KEYS:
        config = settings.get(name, DEFAULTS[name])
        settings[name] = {key: value for key, value in config.items() if not key.startswith(FOREIGN_PREFIXES)}
    settings["GLOBAL_CONFIG"]["bootstrap.servers"] = bootstrap
    settings["PRODUCER_CONFIG"]["linger.ms"] = 0
    settings["CONSUMER_CONFIG"] = {"auto.offset.reset": "earliest", **settings["CONSUMER_CONFIG"], **QUICK_CONSUMER}
    return settings


@contextlib.contextmanager
def kafka_broker(topics: Mapping[str, int] | Iterable[str] = (), *, nodes: int = 1) -> Iterator[LocalBroker]:
    """A fresh broker on a free port, and DJANGO_KAFKA overridden so that consumers and `kafka.producer` made inside
    use it. Their other settings stay, but for logging in and TLS.

    topics: names, with their numbers of partitions if they are to have more than one.
    """
    with contextlib.ExitStack() as stack:
        broker = LocalBroker(stack.enter_context(Broker(nodes)))
        stack.callback(broker.close)
        for name, partitions in topics.items() if isinstance(topics, Mapping) else ((name, 1) for name in topics):
            broker.create_topic(name, partitions)
        # The change of the setting makes kafka forget a producer that leads elsewhere, and this one again at the end.
        stack.enter_context(override_settings(**{SETTINGS_KEY: broker_settings(broker.bootstrap)}))
        yield broker
