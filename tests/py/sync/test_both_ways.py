# SPDX-License-Identifier: MIT
"""Two databases that send their changes to one another, without Debezium: each write is one message."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import close_old_connections
from django.db.models.signals import post_delete, post_save

from django_kafka import kafka, producer
from django_kafka.consumer import Consumer, Topics
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.testing.broker import LocalBroker
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.synced.models import Watched, contents

SIDES = ("default", "other")
PEER = dict(zip(SIDES, reversed(SIDES), strict=True))


class Pair:
    """Both sides: what they write is sent to a topic of their name, what the other one sends is read."""

    def __init__(self, broker: LocalBroker, **members: Any) -> None:
        self.broker = broker
        self.written = dict.fromkeys(SIDES, 0)
        self.consumers = {side: self._consumer(side, members) for side in SIDES}
        self.handled = dict.fromkeys(SIDES, 0)

    def _consumer(self, side: str, members: dict[str, Any]) -> Any:
        pair = self
        topic = topic_of(Watched, DbzJSONTopic, name=PEER[side], using=side, **members)

        # As django-kafka's README has it.
        class MyConsumer(Consumer):
            topics = Topics(topic)
            config = {"group.id": f"side-{side}", "auto.offset.reset": "earliest"}

            @producer.suppress
            def consume(self, msg: Any) -> None:
                super().consume(msg)
                pair.handled[side] += 1

        return MyConsumer

    def messages(self) -> dict[str, int]:
        """How many there are in each topic."""
        return {side: len(self.broker.collect(side)) for side in SIDES}

    def send(self, instance: Watched, using: str, signal: Any, **_: Any) -> None:
        """A receiver of both signals."""
        value = {"id": instance.pk, "name": instance.name, "count": instance.count}
        data = None if signal is post_delete else json.dumps(value).encode()
        kafka.producer.produce(using, data, key=json.dumps({"id": instance.pk}).encode())

    def write(self, side: str, pk: int, **values: Any) -> None:
        Watched.objects.using(side).update_or_create(pk=pk, defaults=values)
        self.written[side] += 1

    def delete(self, side: str, pk: int) -> None:
        self.written[side] += Watched.objects.using(side).filter(pk=pk).delete()[0]

    def _has_read(self, side: str) -> bool:
        return self.handled[side] >= self.written[PEER[side]]

    def rest(self) -> None:
        """Both have read everything."""
        kafka.producer.flush(10)
        for side in SIDES:
            run_consumer_until(self.consumers[side], partial(self._has_read, side))
            close_old_connections()
        kafka.producer.flush(10)


@pytest.fixture
def both(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with kafka_broker(topics=list(SIDES)) as broker:
        pair = Pair(broker, **getattr(request, "param", {}))
        for signal in (post_save, post_delete):
            signal.connect(pair.send, sender=Watched)
        try:
            yield pair
        finally:
            for signal in (post_save, post_delete):
                signal.disconnect(pair.send, sender=Watched)


def test_random_writes_come_to_rest(both: Pair) -> None:
    """In each round either side writes rows of its own, other ones each time."""
    chance = random.Random(7)
    for number in range(4):
        for _ in range(60):
            turn = chance.randrange(2)
            pk = 2 * chance.randrange(1, 10) + (turn + number) % 2
            if chance.random() < 0.2:
                both.delete(SIDES[turn], pk)
            else:
                both.write(SIDES[turn], pk, name=f"n{chance.randrange(1000)}")
        both.rest()
        assert contents(Watched, "default") == contents(Watched, "other")
    assert contents(Watched) != []
    assert both.messages() == both.written


@pytest.mark.parametrize("both", [{"version_field": "count"}], indirect=True)
def test_with_a_version_both_sides_agree_on_concurrent_writes(both: Pair) -> None:
    chance = random.Random(11)
    version = {side: number for number, side in enumerate(SIDES)}  # never the same on both sides
    for _ in range(3):
        for _ in range(60):
            side = chance.choice(SIDES)
            version[side] += 2 * chance.randrange(1, 4)
            both.write(side, chance.randrange(1, 6), name=f"{side} {version[side]}", count=version[side])
        both.rest()
        assert contents(Watched, "default") == contents(Watched, "other")
    assert both.messages() == both.written


def test_without_a_version_each_side_takes_the_others_value(both: Pair) -> None:
    """As docs/sync-both-ways.md says."""
    for side in SIDES:
        both.write(side, 1, name=side)
    both.rest()
    assert {side: contents(Watched, side)[0]["name"] for side in SIDES} == PEER
