# SPDX-License-Identifier: MIT
"""What django_kafka.testing gives tests of a project: messages in, messages out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from django_kafka import testing
from django_kafka._native import Producer
from django_kafka.testing.broker import LocalBroker, kafka_broker


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "many": 3}) as broker:
        yield broker


def write(broker: LocalBroker, *values: bytes, end: Callable[[Producer], object]) -> None:
    with Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "t"}) as producer:
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce("events", value)
        assert producer.flush(30) == 0
        end(producer)


def values(broker: LocalBroker, topic: str = "events", count: int | None = None, timeout: float = 30) -> list[bytes]:
    return [message.value() for message in broker.collect(topic, count, timeout)]


def test_collect_finds_what_is_there_after_a_transaction(broker: LocalBroker) -> None:
    """The end of a transaction takes an offset of its own, which no message has."""
    broker.produce("events", b"before")
    write(broker, b"1", b"2", end=lambda producer: producer.commit_transaction(30))
    assert values(broker) == [b"before", b"1", b"2"]
    broker.produce("events", b"behind")
    assert values(broker) == [b"before", b"1", b"2", b"behind"]


def test_collect_ends_at_an_aborted_transaction(broker: LocalBroker) -> None:
    """The embedded broker hands out what was aborted, which docs/embedded-broker.md says."""
    broker.produce("events", b"before")
    write(broker, b"1", end=lambda producer: producer.abort_transaction(30))
    assert values(broker) == [b"before", b"1"]


def test_collect_of_nothing_does_not_wait(broker: LocalBroker) -> None:
    assert values(broker, "many") == []
    broker.produce("many", b"2", partition=1)
    assert values(broker, "many") == [b"2"]


def test_collect_says_how_many_there_are(broker: LocalBroker) -> None:
    broker.produce("events", b"1", b"2")
    assert values(broker, count=1) == [b"1"]
    with pytest.raises(AssertionError, match=r"^topic 'events' has 2 messages, not 3, after 0.5 s.$"):
        broker.collect("events", 3, timeout=0.5)


def test_collect_does_not_run_after_those_who_write(broker: LocalBroker) -> None:
    """What comes while it reads is not waited for."""
    broker.produce("events", *(b"%d" % i for i in range(100)))
    assert len(values(broker)) == 100
    assert [m.offset() for m in broker.collect("events")] == list(range(100))


def test_the_pytest_plugin_loads_nothing_that_other_tests_do_not_need() -> None:
    """All of a project's runs of pytest load it."""
    code = "import sys, django_kafka.testing.plugin; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "django_kafka.testing.plugin" in loaded
    heavy = {"django_kafka._native", "confluent_kafka", "django_kafka.consumer", "django.test", "django.db.models"}
    assert not heavy & set(loaded)


def test_what_the_package_offers_is_there() -> None:
    assert set(testing.__all__) <= set(dir(testing))
    assert {getattr(testing, name).__module__ for name in testing.__all__} == {
        "django_kafka.testing.broker",
        "django_kafka.testing.consumer",
    }
    assert not hasattr(testing, "nothing")
