# SPDX-License-Identifier: MIT
"""Partitions that say nothing although there are messages: only a damaged batch is taken for one."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from django_kafka.consumer.probe import Probe
from django_kafka.testing.broker import kafka_broker
from tests.py.django.standings import Standing


@pytest.fixture
def standing() -> Standing:
    return Standing()


def test_without_a_word(standing: Standing) -> None:
    """librdkafka says nothing of an uncompressed batch with a wrong length inside."""
    assert standing.after(110) == 0
    assert standing.after(30) == 1
    assert "orders[3] does not go on at offset 17: nothing was read for 120 s" in standing.told[0].str()
    assert "although the log goes on to 40" in standing.told[0].str()
    assert standing.probed == [17], "once"


def test_without_a_word_at_a_damaged_batch(standing: Standing) -> None:
    standing.damage = KafkaError(KafkaError._BAD_MSG, "failed CRC32C check")
    assert standing.after(20) == 0
    assert standing.after(10) == 1
    assert (
        "orders[3] does not go on at offset 17: failed CRC32C check. A batch there is damaged"
        in standing.told[0].str()
    )


@pytest.mark.parametrize(("at_end", "probed"), [(False, [5]), (True, [40])])
def test_damage_where_nothing_was_read_yet(at_end: bool, probed: list[int]) -> None:
    """It is looked for where reading begins: at the beginning of the log, or behind what was there at first."""
    standing = Standing(at_end=at_end)
    standing.client.numbers.update(position=None, committed=None)
    assert standing.after(20) == 0
    standing.client.numbers["end"] = 50
    assert standing.after(3600) == 0, "where it is cannot be known, so nothing is said without damage"
    assert standing.probed == probed
    standing.damage = KafkaError(KafkaError._BAD_MSG, "failed CRC32C check")
    standing.standstills.forget([TopicPartition("orders", 3)])
    standing.after(30)
    standing.client.numbers["end"] = 60
    assert standing.after(60) == 1
    assert "does not go on at offset" in standing.told[0].str()


def test_hundreds_of_silent_partitions_do_not_keep_the_loop(standing: Standing) -> None:
    """One after the other is looked into, and other partitions' messages are handled in between."""
    standing.client.partitions, standing.takes = 500, 5.0
    begun = standing.clock.now
    standing.after(7200)
    spent, all_of_it = len(standing.places) * standing.takes, standing.clock.now - begun
    assert 0.02 * all_of_it < spent < 0.06 * all_of_it
    assert len(set(standing.places)) == len(standing.places) > 50


def test_an_empty_log_is_not_looked_into(standing: Standing) -> None:
    standing.client.numbers.update(position=None, committed=None, end=5)
    assert standing.after(3600) == 0
    assert standing.probed == []


@pytest.mark.parametrize("what", [{"held": 1}, {"outstanding": 1}, {"paused": True}, {"end": 17}, {"end": None}])
def test_who_waits_or_is_at_the_end_does_not_stand(standing: Standing, what: dict[str, Any]) -> None:
    standing.client.numbers.update(what)
    assert standing.after(3600) == 0


def test_a_long_handler_does_not_make_it_stand(standing: Standing) -> None:
    standing.after(20)
    standing.clock.now += 3600
    standing.standstills.look()
    assert standing.told == []


def test_the_probe_asks_for_one_batch_and_says_nothing_of_others(caplog: pytest.LogCaptureFixture) -> None:
    """Damage itself is in tests/live: the embedded broker writes none."""
    with kafka_broker(topics=["orders"]) as broker:
        broker.produce("orders", b"1")
        config = {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "shop",
            "group.instance.id": "one",
            "error_cb": pytest.fail,
            "logger": None,
            "statistics.interval.ms": 10,
            "stats_cb": pytest.fail,
        }
        assert Probe(config)(("orders", 0), 0) is None
        assert Probe({**config, "no.such.key": 1})(("orders", 0), 0) is None
    assert caplog.records == []
