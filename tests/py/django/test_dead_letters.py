# SPDX-License-Identifier: MIT
"""kafka_dead_letters without a broker: names, marks, conditions, texts. With one: tests/live/test_dead_letters.py."""

from __future__ import annotations

import argparse
import io
from concurrent.futures import Future
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.serialization import IntegerDeserializer
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from django_kafka.dead_letter.tool.browse import Extent, Letter
from django_kafka.dead_letter.tool.catalogue import check_name, identify
from django_kafka.dead_letter.tool.marks import Marks, parse, render
from django_kafka.dead_letter.tool.purge import purge
from django_kafka.dead_letter.tool.replay import restore
from django_kafka.dead_letter.tool.select import Selection, parse_age, parse_place
from django_kafka.dead_letter.tool.show import describe
from django_kafka.dead_letter.tool.transaction import ReplayTransaction, TooLarge
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.copy import Copy
from django_kafka.management.commands.kafka_dead_letters import Command, argument
from django_kafka.management.progress import Progress
from django_kafka.testing.broker import kafka_broker
from django_kafka.utils.message import Message
from tests.py.django.helpers import Recorder, consumer_of


def letter(partition: int = 0, offset: int = 0, *, key: Any = b"k", value: Any = b"v", **headers: Any) -> Letter:
    """A dead letter; DEAD_LETTER_ is put before the names of headers in capitals."""
    named = [(f"DEAD_LETTER_{name}" if name.isupper() else name, text) for name, text in headers.items()]
    return Letter(Message("g.events.dlt", key, value, named, offset, partition, (1, 1_000_000)))


@given(st.sets(st.integers(0, 300)))
def test_marks_are_read_as_they_were_written(offsets: set[int]) -> None:
    for text in (render(offsets), render(offsets).encode()):
        assert {offset for part in parse(text) for offset in part} == offsets


def mark(text: bytes, partition: int = 1, offset: int = 20, **headers: bytes) -> Message:
    named = [("DEAD_LETTER_REPLAYED", text), *headers.items()]
    return Message("t", b"replayed-1-3", text, named, offset, partition)


def test_a_mark_speaks_for_its_own_partition() -> None:
    marks = Marks()
    assert marks.note(mark(b"3-5,9,what,7-"))
    assert not marks.note(letter().msg)
    assert [offset for offset in range(20) if marks.holds(1, offset)] == [3, 4, 5, 9]
    assert not marks.holds(0, 3)
    assert marks.count(1, [range(2), range(4, 6), range(8, 20)]) == 3
    assert render([4, 3, 9, 5]) == "3-5,9"


def test_a_mark_speaks_for_what_stands_before_it() -> None:
    """Whoever writes the topic cannot make the tool count to a billion."""
    marks = Marks()
    assert marks.note(mark(b"0-999999999999999999,5-3", offset=7))
    assert marks.count(1, [range(100)]) == 7
    assert marks.holds(1, 6)
    assert not marks.holds(1, 7)


@pytest.mark.parametrize(
    "record",
    [
        mark(b"0-5", DEAD_LETTER_MESSAGE_TOPIC=b"events"),
        Message("t", b"replayed-1-3", b"value", [("DEAD_LETTER_REPLAYED", b"0-5")], 7, 1),
        Message("t", b"key", b"0-5", [("DEAD_LETTER_REPLAYED", b"0-5")], 7, 1),
        Message("t", None, b"0-5", [("DEAD_LETTER_REPLAYED", b"0-5")], 7, 1),
    ],
    ids=["with a letter's headers", "another value", "another key", "no key"],
)
def test_a_letter_that_bears_a_marks_header_stays_a_letter(record: Message) -> None:
    assert not Marks().note(record)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9))), st.sets(st.integers(0, 70)))
def test_marks_that_overlap_count_once(named: list[tuple[int, int]], letters: set[int]) -> None:
    marks = Marks()
    for start, length in named:
        marks.add(0, [range(start, start + length)])
    offsets = {offset for start, length in named for offset in range(start, start + length)}
    assert marks.count(0, [range(offset, offset + 1) for offset in sorted(letters)]) == len(offsets & letters)
    assert {offset for offset in range(80) if marks.holds(0, offset)} == offsets


@pytest.mark.parametrize("number", [b"9" * 5000, b"-1", b"1e3", "\u0663".encode(), b"", b"9" * 19])
def test_numbers_that_are_none_of_ours_are_missing(number: bytes) -> None:
    assert letter(ORIGIN_TIMESTAMP=number).timestamp == 1_000_000


def test_conditions_add_up() -> None:
    one = letter(2, 7, EXCEPTION=b"shop.errors.NoCustomer", ORIGIN_TIMESTAMP=b"900000")
    assert Selection().takes(one)
    assert Selection([(2, 7)], key="k", older_than=100, newer_than=101, exception="NoCustomer", now=1000).takes(one)
    assert Selection(exception="shop.errors.NoCustomer").takes(one)
    assert not Selection(exception="Customer").takes(one)
    assert not Selection(key="other").takes(one)
    assert not Selection([(7, 2)]).takes(one)
    assert not Selection(older_than=101, now=1000).takes(one)
    assert not Selection(newer_than=99, now=1000).takes(one)
    assert not Selection(exception="ValueError").takes(letter())


def test_a_key_is_compared_as_the_topic_reads_it() -> None:
    topic = Recorder()
    topic.key_deserializer = IntegerDeserializer
    assert Selection(key="5").takes(letter(key=b"\0\0\0\5"), topic)
    assert not Selection(key="5").takes(letter(key=b"\0\0\0\5"))
    assert not Selection(key="5").takes(letter(key=b"broken"), topic)
    assert not Selection(key="None").takes(letter(key=None), topic)


def test_places_that_do_not_exist_are_named() -> None:
    selection = Selection([(0, 1), (0, 2)])
    assert selection.takes(letter(0, 1))
    with pytest.raises(DjangoKafkaError, match=r"No dead letter in 't' at 0:2;"):
        selection.check_places("t")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("3d", 259200), ("1w", 604800)]
)
def test_ages(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1 h", "1y", "nan"])
def test_wrong_ages(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not an age"):
        argument(parse_age)(text)


def test_places() -> None:
    assert parse_place("3:14") == (3, 14)
    for text in ("3", "3:", ":3", "a:1", "-1:2"):
        with pytest.raises(ValueError, match="is not the place"):
            parse_place(text)


def test_whose_topic_it_is(registry: Any) -> None:
    registry()(consumer_of(Recorder("events"), Recorder("^log-.*"), group="shop"))
    eu = consumer_of(Recorder("events"), group="shop.eu")
    eu.__name__ = "Eu"
    registry()(eu)
    owner = identify("shop.events.dlt")
    assert owner is not None
    assert (owner.group, owner.origin, owner.handler is not None) == ("shop", "events", True)
    owner = identify("shop.eu.events.dlt")
    assert owner is not None
    assert (owner.group, owner.origin) == ("shop.eu", "events")
    owner = identify("shop.log-a.dlt")
    assert owner is not None
    assert owner.handler is not None
    owner = identify("shop.gone.dlt")
    assert owner is not None
    assert (owner.origin, owner.handler) == ("gone", None)
    for name in ("other.events.dlt", "shop.events", "shop.dlt", "events"):
        assert identify(name) is None


@pytest.mark.parametrize("name", ["events", ".dlt", "g.events.retry.1", ""])
def test_other_topics_are_refused(name: str) -> None:
    with pytest.raises(DjangoKafkaError, match="is not a dead-letter topic"):
        check_name(name)


def test_a_message_is_restored_as_it_was() -> None:
    dead = letter(
        1,
        5,
        ORIGIN_PARTITION=b"3",
        ORIGIN_OFFSET=b"44",
        ORIGIN_TIMESTAMP=b"123456",
        EXCEPTION=b"x",
        REPLAY_OF=b"g.events.dlt:0:1",
        trace=b"t",
    )
    msg = restore(dead, "events")
    assert (msg.topic(), msg.partition(), msg.offset(), msg.timestamp()) == ("events", 3, 44, (1, 123456))
    assert (msg.key(), msg.value()) == (b"k", b"v")
    assert msg.headers() == [("trace", b"t"), ("DEAD_LETTER_REPLAY_OF", b"g.events.dlt:1:5")]


def test_a_letter_of_the_original_library_is_restored_from_what_there_is() -> None:
    msg = restore(letter(MESSAGE=b"oops", DETAIL=b"Traceback"), "events")
    assert (msg.partition(), msg.offset(), msg.timestamp()) == (None, None, (1, 1_000_000))


def test_a_letter_is_described(registry: Any) -> None:
    registry()(consumer_of(Recorder("events"), group="g"))
    owner = identify("g.events.dlt")
    dead = letter(
        0,
        3,
        value=b"\xff",
        ORIGIN_TOPIC=b"events",
        ORIGIN_PARTITION=b"3",
        ORIGIN_OFFSET=b"44",
        EXCEPTION=b"builtins.ValueError",
        SUMMARY=b"bad\x1b[2J",
        DETAIL=b"Traceback\n  line",
        trace=b"t",
    )
    text = "\n".join(describe(dead, owner, replayed=True, full=True))
    assert text.startswith("0:3  (replayed)\n")
    assert "from       events 3:44, 1970-01-01 00:16:40.000+00:00" in text
    assert "exception  builtins.ValueError: bad\\x1b[2J" in text
    assert "key        'k'" in text
    assert "value      b'\\xff'  (cannot be decoded: " in text
    assert "header     trace: 't'" in text
    assert text.endswith("    Traceback\n      line")
    short = "\n".join(describe(letter(value=b"x" * 1000), owner, replayed=False))
    assert "characters, see --full)" in short
    assert "Traceback" not in short
    odd = letter(ORIGIN_TOPIC=b"x" * 100_000, ORIGIN_PARTITION=b"y" * 100_000, ORIGIN_OFFSET=b"1")
    assert len("\n".join(describe(odd, owner, replayed=False))) < 1000, "any producer can write these headers"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def write(self, text: str, ending: str = "") -> int:
        return super().write(text + ending)


@pytest.mark.parametrize(("stream", "total", "drawn"), [(Terminal, 6000, True), (Terminal, 10, False)])
def test_progress_is_for_much_work_and_people(stream: Any, total: int, drawn: bool) -> None:
    out = stream()
    with Progress(out, total, "Reading") as progress:
        progress(total // 2)
    assert ("50%" in out.getvalue()) == drawn
    hidden = io.StringIO()
    with Progress(hidden, 6000, "Reading") as progress:
        progress(1)
    assert hidden.getvalue() == ""


@pytest.mark.parametrize(
    "arguments", [[], ["show"], ["replay", "g.t.dlt", "--offset", "7"], ["replay", "g.t.dlt", "--older-than", "soon"]]
)
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"(?i)error"):
        call_command("kafka_dead_letters", *arguments)


@pytest.mark.parametrize(
    "arguments", [["-v", "2", "replay", "t"], ["replay", "t", "-v2", "--no-color", "--traceback"]]
)
def test_djangos_options_may_stand_before_and_behind_the_action(arguments: list[str]) -> None:
    options = Command().create_parser("manage.py", "kafka_dead_letters").parse_args(arguments)
    assert (options.action, options.topic, options.verbosity) == ("replay", "t", 2)
    assert options.no_color == options.traceback == ("--traceback" in arguments)
    assert options.settings is None
    options = Command().create_parser("manage.py", "kafka_dead_letters").parse_args(["list", "--settings=a.b"])
    assert (options.settings, options.verbosity) == ("a.b", 1)


def test_a_purge_that_does_not_empty_all_says_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def deleted(error: Exception | None) -> Future[None]:
        future: Future[None] = Future()
        future.set_exception(error) if error is not None else future.set_result(None)
        return future

    refused = KafkaException(KafkaError(KafkaError.POLICY_VIOLATION, "compacted"))
    admin = mock.Mock()
    monkeypatch.setattr("confluent_kafka.admin.AdminClient", mock.Mock(return_value=admin))
    parts = [Extent(partition, 0, 10) for partition in range(3)]
    for errors, text in (
        ([None, refused, TimeoutError()], r"'g\.events\.dlt', partitions 1, 2: .*compacted"),
        ([TimeoutError(), None, None], r"'g\.events\.dlt', partition 0: no answer in time"),
    ):
        places = [TopicPartition("g.events.dlt", part.partition, part.high) for part in parts]
        admin.delete_records.return_value = dict(zip(places, map(deleted, errors), strict=True))
        with pytest.raises(DjangoKafkaError, match=text):
            purge("g.events.dlt", parts)


def test_a_purge_on_the_embedded_broker_names_its_limit() -> None:
    with kafka_broker(["g.events.dlt"]) as broker:
        broker.produce("g.events.dlt", b"1")
        with pytest.raises(DjangoKafkaError, match=r"embedded broker \(kafka_broker\), which cannot delete records"):
            purge("g.events.dlt", [Extent(0, 0, 1)])


def test_a_record_that_is_refused_while_others_are_still_produced_tells_why() -> None:
    """The broker's answer spoils the transaction, so that the next produce() fails, before the report is here."""
    reports: list[Any] = []

    def produce(*_args: Any, on_delivery: Any, **_options: Any) -> None:
        if reports:
            raise KafkaException(KafkaError(KafkaError._STATE, "begin a transaction first"))
        reports.append(on_delivery)

    def poll(_timeout: float) -> None:
        if transaction._producer.poll.call_count == 2:
            reports[0](KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large"), None)

    transaction = ReplayTransaction.__new__(ReplayTransaction)
    transaction.topic, transaction._producer = "g.events.dlt", mock.Mock()
    transaction._producer.produce.side_effect, transaction._producer.poll.side_effect = produce, poll
    copies = [(Copy(letter(offset=offset).msg, "events", []), 0) for offset in range(2)]
    with pytest.raises(TooLarge):
        transaction.send(copies, [letter(), letter(offset=1)])
    assert transaction._producer.abort_transaction.called
