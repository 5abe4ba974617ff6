"""Claim: several messages of a batch in hand at once, and what becomes of each."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka import _native

Assigned = Callable[..., _native.Consumer]
Fill = Callable[..., None]

NUMBERS = [b"%d" % i for i in range(10)]


def fetched(consumer: _native.Consumer, timeout: float = 10) -> _native.Batch:
    batch = consumer.fetch(timeout)
    assert batch is not None
    return batch


def position(consumer: _native.Consumer, topic: str) -> int:
    """How far messages are finished."""
    consumer.commit(asynchronous=False)
    return consumer.committed([TopicPartition(topic, 0)], 10)[0].offset


def values(messages: Any) -> list[bytes]:
    return [msg.value() for msg in messages]


@pytest.fixture
def consumer(fill: Fill, assigned: Assigned, topic: str) -> _native.Consumer:
    """That has ten messages to hand out."""
    fill(topic, NUMBERS)
    return assigned(topic)


@pytest.fixture
def batch(consumer: _native.Consumer) -> _native.Batch:
    batch = fetched(consumer)
    assert len(batch) == 10
    assert batch.next_topic() is not None
    return batch


def claimed(batch: _native.Batch, most: int = 100) -> _native.Claim:
    claim = batch.claim(most)
    assert claim is not None
    return claim


class TestSequence:
    def test_reads_like_a_list(self, batch: _native.Batch) -> None:
        claim = claimed(batch)
        assert len(claim) == 10
        assert values(claim) == NUMBERS
        assert [claim[0].offset(), claim[-1].offset(), claim[9].partition()] == [0, 9, 0]
        assert values(reversed(claim)) == NUMBERS[::-1]
        assert claim[3] in claim
        assert claim.index(claim[3]) == 3
        assert claim.count(claim[3]) == 1
        for wrong in (10, -11):
            with pytest.raises(IndexError):
                claim[wrong]
        with pytest.raises(TypeError):
            claim["0"]  # type: ignore[call-overload]

    def test_slices_are_claims(self, batch: _native.Batch) -> None:
        claim = claimed(batch)
        part = claim[2:8][1:4]
        assert isinstance(part, _native.Claim)
        assert values(part) == [b"3", b"4", b"5"]
        assert part[0] is claim[3]
        assert values(claim[::-2]) == NUMBERS[::-2]
        assert values(claim[8:3]) == []
        del claim
        gc.collect()
        assert values(part) == [b"3", b"4", b"5"]

    def test_a_place_is_one_object_while_somebody_has_it(self, batch: _native.Batch) -> None:
        claim = claimed(batch)
        kept = claim[1]
        kept.set_value("mine")
        list(claim)
        assert claim[1] is kept
        claim[2].set_value("too")
        values(claim)
        assert claim[2].value() == "too"

    @pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="there is no GIL")
    def test_a_loop_needs_two_objects(self, batch: _native.Batch) -> None:
        assert len({id(msg) for msg in claimed(batch)}) == 2

    def test_stays_readable(self, batch: _native.Batch) -> None:
        claim = claimed(batch)
        kept = list(claim[:3])
        claim.finish()
        batch.close()
        assert values(kept) == NUMBERS[:3]
        assert values(claim) == NUMBERS
        assert not claim.counts

    def test_kept_messages_let_their_batch_go(self, batch: _native.Batch) -> None:
        claim = claimed(batch)
        kept = claim[4]
        claim.finish()
        assert kept.received() is kept  # it stands alone
        assert (kept.value(), kept.offset(), kept.partition()) == (b"4", 4, 0)

    def test_spans(
        self, broker: _native.Broker, fill: Fill, make_consumer: Assigned, topic: str, wait: Callable[..., Any]
    ) -> None:
        name = topic + "-two"
        broker.create_topic(name, 2)
        for partition in (0, 1):
            fill(name, NUMBERS[:3], partition=partition)
        consumer = make_consumer()
        consumer.assign([TopicPartition(name, partition, _native.OFFSET_BEGINNING) for partition in (0, 1)])
        found: list[Any] = []
        while sum(end - first for *_, first, end in found) < 6:
            with fetched(consumer) as batch:
                assert batch.next_topic() == name
                claim = claimed(batch)
                found += claim.spans()
                if len(claim) == 6:
                    one, other = (partition for _, partition, *_ in found)  # whichever was fetched first
                    assert claim[1:].spans() == [(name, one, 0, 1, 3), (name, other, 2, 0, 3)]
                claim.finish()
        offsets = {(partition, offset) for _, partition, _, first, end in found for offset in range(first, end)}
        assert offsets == {(partition, offset) for partition in (0, 1) for offset in range(3)}


class TestRuns:
    def test_so_many_at_most(self, batch: _native.Batch, consumer: _native.Consumer, topic: str) -> None:
        sizes = []
        while (claim := batch.claim(4)) is not None:
            sizes.append(len(claim))
            claim.finish()
        assert sizes == [4, 4, 2]
        assert position(consumer, topic) == 10

    def test_a_run_ends_where_the_topic_changes(
        self, broker: _native.Broker, fill: Fill, make_consumer: Assigned, topic: str
    ) -> None:
        names = [topic, topic + "-b"]
        broker.create_topic(names[1], 1)
        for name in names:
            fill(name, NUMBERS)
        consumer = make_consumer()
        consumer.assign([TopicPartition(name, 0, _native.OFFSET_BEGINNING) for name in names])
        seen: dict[str, list[bytes]] = {name: [] for name in names}
        while sum(map(len, seen.values())) < 20:
            with fetched(consumer) as batch:
                while (name := batch.next_topic()) is not None:
                    while (claim := batch.claim(3)) is not None:
                        assert {msg.topic() for msg in claim} == {name}
                        seen[name] += values(claim)
                        claim.finish()
        assert seen == dict.fromkeys(names, NUMBERS)

    def test_goes_with_a_walk(self, batch: _native.Batch, consumer: _native.Consumer, topic: str) -> None:
        assert next(batch).value() == b"0"
        claim = claimed(batch, 2)
        assert values(claim) == NUMBERS[1:3]
        with pytest.raises(RuntimeError, match="the last claim is open"):
            next(batch)
        with pytest.raises(RuntimeError, match="the last claim is open"):
            batch.next_topic()
        with pytest.raises(RuntimeError, match="the last claim is open"):
            batch.claim(1)
        with pytest.raises(RuntimeError, match="no single message is in hand"):
            batch.fail(0)
        claim.finish()
        assert next(batch).value() == b"3"
        batch.close()
        assert position(consumer, topic) == 3

    def test_wrong_numbers(self, batch: _native.Batch) -> None:
        for wrong in (0, -1, 1000001):
            with pytest.raises(ValueError, match="from 1 to 1000000"):
                batch.claim(wrong)
        with pytest.raises(TypeError):
            batch.claim("1")  # type: ignore[arg-type]
        batch.close()
        assert batch.claim(1) is None

    def test_full(self, fill: Fill, assigned: Assigned, topic: str) -> None:
        fill(topic, NUMBERS)
        consumer = assigned(topic)
        with consumer.fetch(10, 4) as batch:  # type: ignore[union-attr]
            assert len(batch) == 4
            assert batch.full
        with fetched(consumer) as batch:
            assert not batch.full


class TestOutcomes:
    def test_done_counts_whatever_becomes_of_the_rest(
        self, batch: _native.Batch, consumer: _native.Consumer, topic: str
    ) -> None:
        claim = claimed(batch)
        claim[:3].done()
        claim[5:6].done()
        assert values(claim.rest()) == [b"3", b"4", b"6", b"7", b"8", b"9"]
        assert claim[:3].rest().rest().spans() == []
        batch.close()
        assert position(consumer, topic) == 3
        again = fetched(consumer)
        again.next_topic()
        assert values(claimed(again)) == [b"3", b"4", b"6", b"7", b"8", b"9"]
        again.close()

    def test_one_that_fails_and_those_behind_it(
        self, batch: _native.Batch, consumer: _native.Consumer, topic: str
    ) -> None:
        claim = claimed(batch)
        claim[:6].fail(4, 0.05)
        assert values(claim.rest()) == NUMBERS[:4]
        with pytest.raises(RuntimeError, match="not in hand"):
            claim.fail(5, 0)
        claim.finish()
        assert batch.claim(1) is None
        again = fetched(consumer)
        assert [msg.offset() for msg in again] == [4, 5, 6, 7, 8, 9]
        assert position(consumer, topic) == 10

    def test_given_back(self, batch: _native.Batch, consumer: _native.Consumer, topic: str) -> None:
        claim = claimed(batch, 5)
        claim[:2].done()
        claim.give_back(0.0)
        assert batch.claim(5) is None  # what is behind it waits with it
        again = fetched(consumer)
        assert [msg.offset() for msg in again] == [2, 3, 4, 5, 6, 7, 8, 9]
        assert consumer.counters()["failed"] == 0

    def test_ends_once_and_as_a_whole(self, batch: _native.Batch) -> None:
        claim = claimed(batch, 5)
        for end in (claim[:5].finish, lambda: claim[:5].give_back(0)):
            with pytest.raises(RuntimeError, match="part of a claim"):
                end()
        claim.finish()
        for end in (claim.finish, lambda: claim.give_back(0), claim.done, lambda: claim.fail(0, 0)):
            with pytest.raises(RuntimeError, match="is over"):
                end()
        later = claimed(batch, 5)
        with pytest.raises(RuntimeError, match="is over"):
            claim.done()  # nor is it another one's
        assert len(later.rest()) == 5

    def test_wrong_arguments(self, batch: _native.Batch) -> None:
        claim = claimed(batch, 5)
        for wrong in (5, -1):
            for call in (lambda i: claim.fail(i, 0), claim.defer, claim.noted, lambda i: claim.note(i, "x")):
                with pytest.raises(IndexError):
                    call(wrong)
        with pytest.raises(ValueError, match="delay"):
            claim.fail(0, -1)
        with pytest.raises(TypeError):
            claim.fail("0", 0)  # type: ignore[arg-type]
        assert len(claim.rest()) == 5

    def test_tickets(self, batch: _native.Batch, consumer: _native.Consumer, topic: str) -> None:
        claim = claimed(batch)
        tickets = [claim[3:].defer(i) for i in range(2)]
        with pytest.raises(RuntimeError, match="not in hand"):
            claim.defer(3)
        claim.finish()
        assert position(consumer, topic) == 3
        tickets[0].resolve()
        assert position(consumer, topic) == 4
        tickets[1].reject(0)
        batch.close()
        assert [msg.offset() for msg in fetched(consumer)] == [4]

    def test_notes(self, batch: _native.Batch, consumer: _native.Consumer) -> None:
        claim = claimed(batch)
        assert claim.noted(0) is None
        claim.note(0, "attempts=1")
        with pytest.raises(ValueError, match="too many"):
            claim.note(1, "x" * 5000)
        assert claim[:1].noted(0) == "attempts=1"
        claim.fail(0, 0)
        claim.finish()
        batch.close()
        again = fetched(consumer)
        again.next_topic()
        assert claimed(again, 1).noted(0) == "attempts=1"
        again.close()

    def test_copies(
        self, batch: _native.Batch, consumer: _native.Consumer, producer: _native.Producer, topic: str, wait: Any
    ) -> None:
        claim = claimed(batch)
        with pytest.raises(ValueError, match="one message of a claim"):
            producer.forward(claim, topic + ".dlt")
        producer.forward(claim[2:3], topic + ".dlt")
        with pytest.raises(RuntimeError, match="not in hand"):
            producer.forward(claim[2:3], topic + ".dlt")
        with pytest.raises((ValueError, _native.ConfigError)):
            producer.forward(claim[4:5], "")
        assert len(claim.rest()) == 9  # what could not be queued is in hand
        claim.finish()
        batch.close()
        wait(lambda: producer.poll(0.01) == 0 and producer.copies == 0)
        assert position(consumer, topic) == 10

    def test_counts_until_a_partition_is_taken_away(
        self, batch: _native.Batch, consumer: _native.Consumer, topic: str
    ) -> None:
        claim = claimed(batch)
        assert claim.counts
        assert claim[:2].counts
        consumer.seek(TopicPartition(topic, 0, 5))
        assert not claim.counts
        claim.finish()
        batch.close()
        assert [msg.offset() for msg in fetched(consumer)] == [5, 6, 7, 8, 9]


class TestMemory:
    def test_an_exception_gives_back(self, consumer: _native.Consumer, topic: str) -> None:
        with pytest.raises(ZeroDivisionError), fetched(consumer) as batch:
            batch.next_topic()
            claimed(batch)[:4].done()
            raise ZeroDivisionError
        assert position(consumer, topic) == 4

    def test_cycles_are_collected(self, batch: _native.Batch) -> None:
        class Mark:
            pass

        mark = Mark()
        gone = weakref.ref(mark)
        claim: Any = claimed(batch)
        claim[0].set_value([claim, mark])
        claim[1].set_headers([("x", claim[0:4])])
        batch.close()
        del claim, mark
        gc.collect()
        assert gone() is None

    def test_dropping_the_batch_gives_back(self, consumer: _native.Consumer, topic: str) -> None:
        batch: Any = fetched(consumer)
        claim = batch.claim(4)
        del batch
        assert values(claim) == NUMBERS[:4]
        assert not claim.counts
        assert [msg.offset() for msg in fetched(consumer)] == list(range(10))
