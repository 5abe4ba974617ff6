# SPDX-License-Identifier: MIT
"""Messages that become rows before they are in hand: Claim.behind() and CopyPlan.ahead()."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka import _native
from django_kafka._native import AvroSchema, CopyPlan

Assigned = Callable[..., _native.Consumer]
Fill = Callable[..., None]

COLUMNS: list[Any] = [("id", "int8"), ("name", "text", {"nullable": True})]
COUNT = 30


def row(id: int, name: Any = "a") -> bytes:
    return json.dumps({"id": id, "name": name}).encode()


def key(id: int) -> bytes:
    return json.dumps({"id": id}).encode()


@pytest.fixture
def plan() -> CopyPlan:
    plan = CopyPlan(COLUMNS, ["id"])
    plan.add_json("key")
    plan.add_json("value")
    return plan


@pytest.fixture
def batch(fill: Fill, assigned: Assigned, topic: str) -> _native.Batch:
    fill(topic, [row(i) for i in range(COUNT)], keys=[key(i) for i in range(COUNT)])
    return fetched(assigned(topic))


def fetched(consumer: _native.Consumer) -> _native.Batch:
    batch = consumer.fetch(10)
    assert batch is not None
    assert len(batch) == COUNT
    assert batch.next_topic() is not None
    return batch


def claimed(batch: _native.Batch, most: int = 10) -> _native.Claim:
    claim = batch.claim(most)
    assert claim is not None
    return claim


def behind(claim: _native.Claim, most: int = 10) -> _native.Claim:
    view = claim.behind(most)
    assert view is not None
    return view


def offsets(messages: Any) -> list[int]:
    return [msg.offset() for msg in messages]


class TestBehind:
    def test_are_the_messages_that_follow(self, batch: _native.Batch) -> None:
        first = claimed(batch)
        view = behind(first)
        assert offsets(view) == list(range(10, 20))
        assert offsets(behind(first, 3)) == [10, 11, 12]
        assert offsets(behind(first[2:4], 10**9)) == list(range(10, COUNT))
        first.finish()
        second = claimed(batch)
        assert offsets(second) == offsets(view)
        second.finish()
        claimed(batch).finish()

    def test_nobody_has_them_in_hand(self, batch: _native.Batch) -> None:
        first = claimed(batch)
        view = behind(first)
        assert len(view.rest()) == 0
        assert not view.counts
        for refused in (view.done, view.finish, lambda: view.fail(0, 1.0), lambda: view.defer(0)):
            with pytest.raises(RuntimeError):
                refused()
        first.finish()
        second = claimed(batch)
        assert len(second.rest()) == 10
        second.finish()

    def test_there_are_none(self, batch: _native.Batch) -> None:
        first = claimed(batch)
        assert first.behind(0) is None
        with pytest.raises(OverflowError):
            first.behind(10**30)
        with pytest.raises(TypeError):
            first.behind("many")  # type: ignore[arg-type]
        first.finish()
        assert first.behind(10) is None
        last = claimed(batch, COUNT)
        assert last.behind(10) is None
        last.finish()

    def test_messages_of_another_topic_are_none(
        self, broker: _native.Broker, fill: Fill, consumer: _native.Consumer, topic: str
    ) -> None:
        names = (topic, f"{topic}-2")
        broker.create_topic(names[1], 1)
        for name in names:
            fill(name, [row(1)] * 15)
        consumer.assign([TopicPartition(name, 0, _native.OFFSET_BEGINNING) for name in names])
        seen = 0
        while seen < 30:
            batch = consumer.fetch(10)
            assert batch is not None
            with batch:
                while (current := batch.next_topic()) is not None:
                    while (claim := batch.claim(4)) is not None:
                        seen += len(claim)
                        assert {msg.topic() for msg in claim.behind(100) or ()} <= {current}
                        claim.finish()

    def test_they_can_be_read_when_the_batch_is_closed(self, batch: _native.Batch) -> None:
        view = behind(claimed(batch))
        batch.close()
        assert [msg.value() for msg in view] == [row(i) for i in range(10, 20)]
        assert view.behind(1) is None


class TestAhead:
    def test_is_what_run_would_give(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        first.finish()
        second = claimed(batch)
        result = ahead.take(second)
        assert result is not None
        wanted = plan.run(second)
        assert (bytes(result.block), result.rows, result.stopped_at) == (bytes(wanted.block), 10, None)
        assert ahead.take(second) is None
        second.finish()

    def test_the_plan_is_in_use_meanwhile(self, batch: _native.Batch, plan: CopyPlan) -> None:
        view = behind(claimed(batch))
        ahead = plan.ahead(view)
        assert ahead is not None
        for use in (lambda: plan.run([]), lambda: plan.ahead(view), lambda: plan.add_json("key")):
            with pytest.raises(RuntimeError, match="in use"):
                use()
        del ahead
        assert plan.run(view).rows == 10

    @pytest.mark.parametrize("most", [9, 11])
    def test_other_messages_have_no_use_of_it(self, batch: _native.Batch, plan: CopyPlan, most: int) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        first.finish()
        second = claimed(batch, most)
        assert ahead.take(second) is None
        assert plan.run(second).rows == most
        second.finish()

    def test_nor_have_as_many_of_the_same_batch(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        first.finish()
        claimed(batch, 5).finish()
        third = claimed(batch)
        assert ahead.take(third) is None
        assert plan.run(third).rows == 10
        third.finish()

    def test_nor_has_another_batch(
        self, batch: _native.Batch, fill: Fill, assigned: Assigned, topic: str, plan: CopyPlan
    ) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        other = fetched(assigned(topic))
        claimed(other).finish()
        assert ahead.take(claimed(other)) is None
        assert plan.run([]).rows == 0

    def test_nor_have_those_that_somebody_has_changed(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        first.finish()
        second = claimed(batch)
        second[3].set_value(row(13, "mine"))
        assert ahead.take(second) is None
        assert b"mine" in bytes(plan.run(second).block)
        second.finish()

    def test_a_list_is_not_taken(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        wrong: Any = list(first)
        for messages in (wrong, first):  # a claim whose messages somebody has
            first[0].value()
            with pytest.raises(TypeError, match="behind"):
                plan.ahead(messages)
        assert plan.run(first).rows == 10

    def test_an_error_ends_it_where_run_would(
        self, fill: Fill, assigned: Assigned, topic: str, plan: CopyPlan
    ) -> None:
        values = [row(i, "a" if i != 15 else {}) for i in range(COUNT)]
        values[15] = b"{"
        fill(topic, values, keys=[key(i) for i in range(COUNT)])
        batch = fetched(assigned(topic))
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        first.finish()
        second = claimed(batch)
        result = ahead.take(second)
        wanted = plan.run(second, stop_at_error=True)
        assert result is not None
        assert (result.stopped_at, result.errors, result.rows) == (wanted.stopped_at, wanted.errors, 5)
        assert plan.run(second, 6, result=result).rows == 9
        second.finish()

    def test_headers_may_be_read_at_the_same_time(
        self, make_producer: Callable[..., Any], assigned: Assigned, topic: str
    ) -> None:
        """Those that say which schema it is, too. librdkafka parses headers when they are first asked for."""
        schema = AvroSchema('{"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}]}')
        guid = uuid.uuid4()
        plan = CopyPlan([("id", "int8")], ["id"], key_in_value=True)
        plan.add("value", guid.bytes, schema)
        producer = make_producer({"linger.ms": 60000})
        for i in range(COUNT):
            headers = [("first", b"1"), ("__value_schema_id", b"\x01" + guid.bytes), ("last", b"%d" % i)]
            producer.produce(topic, schema.encode({"id": i}), headers=headers)
        assert producer.flush(20) == 0
        batch = fetched(assigned(topic))
        while (claim := batch.claim(10)) is not None:
            view = claim.behind(10)
            ahead = None if view is None else plan.ahead(view)
            if view is not None:
                assert [msg.headers()[2] for msg in view] == [("last", b"%d" % msg.offset()) for msg in view]
            claim.finish()
            result = None if ahead is None or view is None else ahead.take(view)
            assert ahead is None or (result is not None and result.rows == 10)

    def test_it_keeps_the_bytes_of_a_batch_that_is_gone(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        view = behind(first)
        ahead = plan.ahead(view)
        assert ahead is not None
        batch.close()
        del batch, first
        result = ahead.take(view)
        assert result is not None
        assert result.rows == 10

    def test_a_forked_process_leaves_it_alone(self, batch: _native.Batch, plan: CopyPlan) -> None:
        first = claimed(batch)
        ahead = plan.ahead(behind(first))
        assert ahead is not None
        pid = os.fork()
        if pid == 0:
            taken = ahead.take(first)
            del ahead
            os._exit(0 if taken is None and plan.run([(key(1), row(1))]).rows == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert ahead.take(first) is None
