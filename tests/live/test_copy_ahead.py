# SPDX-License-Identifier: MIT
"""A topic that is copied reads ahead: the next messages become rows while PostgreSQL writes those before them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

import tests.django_project  # noqa: F401
from django_kafka.consumer.paths import direct
from django_kafka.sync.ahead import Ahead
from django_kafka.testing import kafka_broker, run_consumer_until
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.django.helpers import Recorder, consumer_of
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.synced.models import Customer, contents, empty_tables, make_tables

SIZE = 50


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_ahead", alias="ahead") as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    connections[pg].close()
    empty_tables(pg)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each run through a plan: whether it had begun before its messages were in hand."""
    found: list[bool] = []
    take = Ahead.take

    def watched(self: Ahead, *args: Any) -> Any:
        result = take(self, *args)
        found.append(result is not None)
        return result

    monkeypatch.setattr(Ahead, "take", watched)
    return found


def produce(broker: Any, count: int, value: Callable[[int], Any], keys: int = 120) -> None:
    for number in range(count):
        broker.produce("customers", value(number), key=json.dumps({"id": number % keys}))


def named(number: int) -> str:
    return json.dumps({"id": number % 120, "name": f"n{number}"})


def names(alias: str) -> set[str]:
    return {row["name"] for row in contents(Customer, alias)}


def newest(count: int, but: frozenset[int] = frozenset()) -> set[str]:
    """The last name of each key."""
    return set({number % 120: f"n{number}" for number in range(count) if number not in but}.values())


def watch_wanted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is asked for before each fetch."""
    found: list[int] = []
    wanted = direct.DirectPath.wanted

    def watched(self: direct.DirectPath) -> int:
        found.append(wanted(self))
        return found[-1]

    monkeypatch.setattr(direct.DirectPath, "wanted", watched)
    return found


def test_most_messages_are_rows_before_they_are_in_hand(alias: str, taken: list[bool]) -> None:
    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers"]) as broker:
        produce(broker, 1000, named)
        run_consumer_until(consumer_of(topic, group="rows"), lambda: names(alias) == newest(1000))
    assert sum(taken) > len(taken) / 2


def test_a_message_that_fails_is_handled_by_itself(alias: str, taken: list[bool]) -> None:
    """In the middle of what was read ahead, and the last one of it."""
    poison = frozenset({475, 549, 800})

    def value(number: int) -> str:
        return json.dumps({"id": number % 120, "name": "x" * 1000}) if number in poison else named(number)

    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers", "rows.customers.dlt"]) as broker:
        produce(broker, 1000, value)
        run_consumer_until(consumer_of(topic, group="rows"), lambda: names(alias) == newest(1000, poison))
        letters = broker.collect("rows.customers.dlt")
    assert [json.loads(letter.key())["id"] for letter in letters] == [number % 120 for number in sorted(poison)]
    assert any(taken)


def test_nothing_is_kept_when_the_database_refuses(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be gone for long, and a batch is up to 8 MiB."""
    ended: list[tuple[bool, bool]] = []
    end = Ahead.end

    def watched(self: Ahead) -> None:
        had_begun = self._begun is not None
        end(self)
        ended.append((had_begun, self._begun is not None))

    def value(number: int) -> str:
        code = "same" if number in (20, 30) else f"c{number}"
        return json.dumps({"id": number % 120, "name": f"n{number}", "code": code})

    monkeypatch.setattr(Ahead, "end", watched)
    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers", "rows.customers.dlt"]) as broker:
        produce(broker, 200, value)
        run_consumer_until(consumer_of(topic, group="rows"), lambda: ended)
    assert ended[0] == (True, False)


def test_other_fields_in_mid_stream(alias: str, taken: list[bool]) -> None:
    """Rows get another layout, and go back to the first one."""

    def value(number: int) -> str:
        more = {"code": f"c{number}"} if 330 <= number < 640 else {}
        return json.dumps({"id": number % 120, "name": f"n{number}", **more})

    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers"]) as broker:
        produce(broker, 1000, value)
        run_consumer_until(consumer_of(topic, group="rows"), lambda: names(alias) == newest(1000))
    assert {row["id"]: row["code"] for row in contents(Customer, alias)} == {
        number % 120: f"c{number}" for number in range(520, 640)
    }
    assert any(taken)


def test_a_slow_database_is_given_no_more_than_it_takes_at_a_time(
    alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the loop does besides messages must not wait for several slow transactions."""
    monkeypatch.setattr(direct, "QUICK", 0.0)
    wanted = watch_wanted(monkeypatch)
    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers"]) as broker:
        produce(broker, 200, named)
        run_consumer_until(consumer_of(topic, group="rows"), lambda: names(alias) == newest(200))
    assert set(wanted) == {0}


def test_nor_where_messages_of_another_topic_come_one_by_one(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their handler may be slow, and partitions of one fetch wait for one another."""
    wanted = watch_wanted(monkeypatch)
    begin: list[int] = []
    others = Recorder("others", lambda _: begin.append(len(wanted)))
    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=SIZE)
    with kafka_broker(topics=["customers", "others"]) as broker:
        broker.produce("others", b"1")
        produce(broker, 200, named)
        cls = consumer_of(others, topic, group="rows")
        run_consumer_until(cls, lambda: begin and names(alias) == newest(200) and len(wanted) > begin[0])
    assert set(wanted[begin[0] :]) == {0}
