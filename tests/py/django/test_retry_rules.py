# SPDX-License-Identifier: MIT
"""Retry settings, names of retry and dead-letter topics, headers: what lies on brokers must stay readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from unittest import mock

import pytest
from confluent_kafka import KafkaError, KafkaException
from django.test import override_settings
from django.utils import timezone

from django_kafka import kafka
from django_kafka.consumer import Topics
from django_kafka.dead_letter.header import DeadLetterHeader
from django_kafka.dead_letter.topic import DeadLetterTopicProducer
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.headers import shorten
from django_kafka.failures.story import Story
from django_kafka.retry.consumer import RetryConsumer, RetryTopics
from django_kafka.retry.header import RetryHeader
from django_kafka.retry.search import TopicSearch, refresh_interval
from django_kafka.retry.settings import RetrySettings
from django_kafka.retry.topic import RetryTopicConsumer, RetryTopicProducer
from django_kafka.utils.message import Message
from tests.py.django.helpers import Recorder, consumer_of

NOW = int(datetime.now(UTC).timestamp() * 1000)


def message(
    topic: str = "topic", headers: Any = None, timestamp: tuple[int, int] = (1, NOW), **kwargs: Any
) -> Message:
    return Message(topic, b"key", b"value", headers, offset=7, partition=2, timestamp=timestamp, **kwargs)


class Target:
    """Keeps the copies that it should send."""

    def __init__(self) -> None:
        self.copies: list[Any] = []
        self.story = Story()

    def forward(self, copy: Any) -> bool:
        self.copies.append(copy)
        return True


class TestSettings:
    @pytest.mark.parametrize(
        ("kwargs", "text"),
        [
            ({"max_retries": -2, "delay": 1}, "max_retries must be greater than -1"),
            ({"max_retries": 1, "delay": 0}, "delay must be greater than zero"),
            ({"max_retries": 1, "delay": float("nan")}, "delay must be greater than zero"),
            ({"max_retries": 1, "delay": 1, "include": [], "exclude": []}, "cannot specify both include and exclude"),
            ({"max_retries": 1, "delay": 5, "max_delay": 4}, "max_delay must not be less than delay"),
            ({"max_retries": 1, "delay": 5, "jitter": 2}, "jitter must be between 0 and 1"),
            ({"max_retries": 1, "delay": 5, "log_every": 0}, "log_every must be greater than zero"),
        ],
    )
    def test_wrong_values(self, kwargs: Any, text: str) -> None:
        with pytest.raises(ValueError, match=f"^{text}$"):
            RetrySettings(**kwargs)

    def test_required_arguments_and_defaults(self) -> None:
        with pytest.raises(TypeError):
            RetrySettings()  # type: ignore[call-arg]
        rules = RetrySettings(1, 2)
        assert (rules.backoff, rules.include, rules.exclude, rules.blocking, rules.log_every) == (
            *(False, None, None),
            *(True, None),
        )

    def test_decorator(self) -> None:
        rules = kafka.retry(max_retries=1, delay=2)

        class Mine(Recorder):
            pass

        assert rules(Mine) is Mine
        assert Mine.retry_settings is rules
        assert type("Heir", (Mine,), {}).retry_settings is rules
        assert Recorder.retry_settings is None

    def test_total_tries_are_one_more(self) -> None:
        rules = RetrySettings(2, 1)
        assert [rules.attempts_exceeded(attempt) for attempt in (1, 2, 3)] == [False, False, True]
        assert not RetrySettings(-1, 1).attempts_exceeded(10**9)
        assert RetrySettings(0, 1).attempts_exceeded(1)

    def test_include_and_exclude(self) -> None:
        error = KeyError()
        assert RetrySettings(1, 1).can_retry(1, error)
        assert not RetrySettings(1, 1).can_retry(2, error)
        assert RetrySettings(1, 1, include=[LookupError]).can_retry(1, error)
        assert not RetrySettings(1, 1, include=[ValueError]).can_retry(1, error)
        assert not RetrySettings(1, 1, include=[]).can_retry(1, error)
        assert not RetrySettings(1, 1, exclude=[LookupError]).can_retry(1, error)
        assert RetrySettings(1, 1, exclude=[ValueError]).can_retry(1, error)

    def test_both_generations_of_the_method(self) -> None:
        class Old(RetrySettings):
            def can_retry(self, attempt: int, exc: BaseException) -> bool:
                return False

        assert RetrySettings(1, 1).should_retry(message(), 1, KeyError())
        assert not Old(1, 1).should_retry(message(), 1, KeyError())

    def test_log_every(self) -> None:
        assert not RetrySettings(1, 1).should_log(1)
        assert [RetrySettings(1, 1, log_every=2).should_log(attempt) for attempt in (1, 2, 3, 4)] == [
            *(False, True),
            *(False, True),
        ]

    def test_delay(self) -> None:
        assert [RetrySettings(9, 5).get_retry_delay(attempt) for attempt in (1, 2, 3)] == [5, 5, 5]
        assert [RetrySettings(9, 5, backoff=True).get_retry_delay(attempt) for attempt in (1, 2, 3)] == [5, 10, 20]
        assert RetrySettings(9, 5, backoff=True, max_delay=12).get_retry_delay(3) == 12

    def test_jitter(self) -> None:
        delays = {RetrySettings(9, 10, jitter=0.5).get_retry_delay(1) for _ in range(50)}
        assert len(delays) > 10
        assert all(5 <= delay <= 15 for delay in delays)

    def test_time(self) -> None:
        due = RetrySettings(9, 5).get_retry_time(1)
        assert timedelta(seconds=4) < due - timezone.now() <= timedelta(seconds=5)
        assert RetrySettings(-1, 60, backoff=True).get_retry_time(10**6) > timezone.now()


class TestRetryNames:
    rules = RetrySettings(max_retries=3, delay=5, blocking=False)

    def producer(self, topic: str, rules: RetrySettings | None = None, **kwargs: Any) -> RetryTopicProducer:
        return RetryTopicProducer(retry_settings=rules or self.rules, group_id="group", msg=message(topic), **kwargs)

    def retry(self, target: Target, msg: Any, exc: Exception) -> bool:
        producer = RetryTopicProducer(self.rules, "group", msg)
        producer.target = target  # type: ignore[assignment]
        return producer.retry(exc)

    def test_sequence(self) -> None:
        names, topic = [], "topic"
        for _ in range(3):
            topic = self.producer(topic).name
            names.append(topic)
        assert names == ["group.topic.retry.1", "group.topic.retry.2", "group.topic.retry.3"]
        assert DeadLetterTopicProducer("group", message(topic)).name == "group.topic.dlt"

    def test_pattern_and_suffix(self) -> None:
        assert RetryTopicProducer.suffix() == "retry"
        assert RetryTopicProducer.pattern() == r"retry\.([0-9]+)$"
        with override_settings(DJANGO_KAFKA={"RETRY_TOPIC_SUFFIX": "re.try", "DEAD_LETTER_TOPIC_SUFFIX": "dead"}):
            assert RetryTopicProducer.pattern() == r"re\.try\.([0-9]+)$"
            assert self.producer("topic").name == "group.topic.re.try.1"
            assert DeadLetterTopicProducer("group", message("group.topic.re.try.1")).name == "group.topic.dead"

    def test_attempt_is_in_the_name(self) -> None:
        assert RetryTopicProducer.get_next_retry_attempt("topic") == 1
        assert RetryTopicProducer.get_next_attempt("group.topic.retry.4") == 5
        assert self.producer("topic").retry_attempt == self.producer("topic").attempt == 1
        assert self.producer("group.topic.retry.2").retry_attempt == 3

    def test_blocking_settings_are_refused(self) -> None:
        with pytest.raises(DjangoKafkaError, match=r"^RetryTopicProducer requires non-blocking RetrySettings$"):
            self.producer("topic", RetrySettings(1, 1))

    @pytest.mark.parametrize("topic", ["hairtry.retry.7", "myretry.1", "other.topic.retry.1"])
    def test_d15_other_topics_that_look_like_it(self, topic: str) -> None:
        assert self.producer(topic).name == f"group.{topic}.retry.1"
        assert self.producer(topic).retry_attempt == 1
        assert DeadLetterTopicProducer("group", message(topic)).name == f"group.{topic}.dlt"

    def test_d14_no_new_topic_for_each_of_endless_retries(self) -> None:
        endless = RetrySettings(max_retries=-1, delay=5, blocking=False)
        assert self.producer("topic", endless).name == "group.topic.retry.1"
        assert self.producer("group.topic.retry.1", endless).name == "group.topic.retry.1"
        # Where the original has left messages in a later topic, they stay there.
        assert self.producer("group.topic.retry.9", endless).name == "group.topic.retry.9"

    def test_d14_attempts_are_counted_all_the_same(self) -> None:
        msg = message("group.topic.retry.1", [("RETRY_ATTEMPT", b"41")])
        assert RetryTopicProducer(RetrySettings(-1, 5, blocking=False), "group", msg).retry_attempt == 42

    def test_copy(self) -> None:
        target = Target()
        source = message(headers=[("trace", b"1"), ("trace", b"2"), ("empty", None)])
        producer = RetryTopicProducer(self.rules, "group", source)
        producer.target = target  # type: ignore[assignment]
        with mock.patch.object(RetrySettings, "get_retry_time", return_value=datetime(2026, 1, 2, tzinfo=UTC)):
            assert producer.retry(exc=KeyError("bad")) is True
        (copy,) = target.copies
        assert (copy.topic, copy.key, copy.value, copy.timestamp) == ("group.topic.retry.1", b"key", b"value", NOW)
        assert RetryHeader.list(copy.headers, "trace") == [b"1", b"2"]
        assert RetryHeader.get(copy.headers, RetryHeader.MESSAGE) == b"'bad'"
        assert RetryHeader.get(copy.headers, RetryHeader.TIMESTAMP) == b"1767312000.0"
        assert RetryHeader.get(copy.headers, RetryHeader.ORIGIN_OFFSET) == b"7"

    def test_next_copy_replaces_the_headers_of_the_last(self) -> None:
        first, second = Target(), Target()
        self.retry(first, message(headers=[("h", b"x")]), KeyError("1"))
        headers = first.copies[0].headers
        again = Message("group.topic.retry.1", b"key", b"value", headers, offset=0, partition=0, timestamp=(1, NOW))
        self.retry(second, again, KeyError("2"))
        (copy,) = second.copies
        names = [name for name, _ in copy.headers]
        assert len(names) == len(set(names))
        assert copy.topic == "group.topic.retry.2"
        assert RetryHeader.get(copy.headers, RetryHeader.MESSAGE) == b"'2'"
        assert RetryHeader.get(copy.headers, RetryHeader.ORIGIN_TOPIC) == b"topic"
        assert RetryHeader.get(copy.headers, RetryHeader.ORIGIN_PARTITION) == b"2"

    def test_no_more_tries(self) -> None:
        target = Target()
        assert self.retry(target, message("group.topic.retry.3"), KeyError()) is False
        assert target.copies == []

    def test_old_timestamps_stay_in_a_header_only(self) -> None:
        """A topic's retention would delete a record that claims to be years old before anybody has read it."""
        target = Target()
        self.retry(target, message(timestamp=(1, 1000)), KeyError())
        assert target.copies[0].timestamp == 0
        assert RetryHeader.get(target.copies[0].headers, RetryHeader.ORIGIN_TIMESTAMP) == b"1000"


class TestRetryHeader:
    def test_names(self) -> None:
        assert (RetryHeader.MESSAGE, RetryHeader.TIMESTAMP) == ("RETRY_MESSAGE", "RETRY_TIMESTAMP")

    @pytest.mark.parametrize("value", [b"1000.5", "1000.5"])
    def test_time(self, value: Any) -> None:
        due = RetryHeader.get_retry_time([("RETRY_TIMESTAMP", value), ("RETRY_TIMESTAMP", b"1")])
        assert due == datetime.fromtimestamp(1000.5, tz=UTC)
        assert due.tzinfo is timezone.get_current_timezone()

    @pytest.mark.parametrize(
        "headers",
        [None, [], [("RETRY_TIMESTAMP", b"soon")], [("RETRY_TIMESTAMP", None)], [("RETRY_TIMESTAMP", "inf")]],
    )
    def test_no_time(self, headers: Any) -> None:
        assert RetryHeader.get_retry_time(headers) is None


class TestRetryTopicConsumer:
    def topic(self, name: str = "topic") -> Recorder:
        topic = Recorder(name)
        kafka.retry(max_retries=3, delay=5, blocking=False)(topic)
        return topic

    def test_blocking_topics_are_refused(self) -> None:
        with pytest.raises(DjangoKafkaError, match="is not marked for non-blocking retry"):
            RetryTopicConsumer("group", Recorder())

    def test_name(self) -> None:
        topic = RetryTopicConsumer("gr.oup", self.topic("to.pic"))
        assert topic.name == r"^gr\.oup\.to\.pic\.retry\.([0-9]+)$"
        assert topic.matches("gr.oup.to.pic.retry.12")
        assert not topic.matches("gr.oup.toXpic.retry.1")
        assert not topic.matches("gr.oup.to.pic.retry.1x")

    def test_name_of_a_pattern(self) -> None:
        topic = RetryTopicConsumer("group", self.topic("^a.*b$"))
        assert topic.name == r"^group\.(a.*b)\.retry\.([0-9]+)$"
        assert topic.matches("group.axb.retry.1")

    def test_handler_is_the_topics(self) -> None:
        original = self.topic()
        topic = RetryTopicConsumer("group", original)
        topic.consume(message("group.topic.retry.1"))
        assert original.seen == [(b"key", b"value")]
        for producer in (topic.get_producer_for, topic.producer_for):
            assert producer(message("group.topic.retry.1")).name == "group.topic.retry.2"


class TestRetryConsumer:
    def build(self, **members: Any) -> type[RetryConsumer]:
        topic = Recorder()
        kafka.retry(max_retries=3, delay=5, blocking=False)(topic)
        built = RetryConsumer.build(consumer_of(topic, Recorder("plain"), group="group", **members))
        assert built is not None
        return built

    def test_class(self) -> None:
        built = self.build()
        assert built.__name__ == "MyConsumerRetry"
        assert issubclass(built, RetryConsumer)
        assert isinstance(built.topics, RetryTopics)
        assert built.topics.names == [r"^group\.events\.retry\.([0-9]+)$"]
        assert built.config["group.id"] == "group.retry"

    def test_nothing_to_retry(self) -> None:
        assert RetryConsumer.build(consumer_of(Recorder())) is None

    def test_d16_configuration_of_the_consumer_is_inherited(self) -> None:
        built = self.build(config={"security.protocol": "SSL", "auto.offset.reset": "latest"})
        with override_settings(DJANGO_KAFKA={"CONSUMER_CONFIG": {"fetch.min.bytes": 2, "group.id": "other"}}):
            config = built.build_config()
        assert config["group.id"] == "group.retry"
        assert config["security.protocol"] == "SSL"
        assert config["auto.offset.reset"] == "earliest"
        assert config["topic.metadata.refresh.interval.ms"] == 10000
        assert config["fetch.min.bytes"] == 2

    @pytest.mark.parametrize(("given", "reset"), [({}, "earliest"), ({"auto.offset.reset": "latest"}, "latest")])
    def test_what_came_before_it_is_handled_unless_it_says_so_itself(self, given: dict[str, str], reset: str) -> None:
        """One's own setting replaces the default: the first messages of a new retry topic would be passed over."""
        built = self.build(config={"auto.offset.reset": "latest"})
        with override_settings(DJANGO_KAFKA={"RETRY_CONSUMER_CONFIG": {"fetch.min.bytes": 1, **given}}):
            assert built.build_config()["auto.offset.reset"] == reset

    def test_a_class_of_its_own(self) -> None:
        """That was not made by build() has a configuration all the same."""

        class Own(RetryConsumer):
            topics = Topics()
            config: ClassVar[dict[str, Any]] = {"group.id": "own"}

        assert Own.build_config()["group.id"] == "own"

    def test_overridden_methods_are_inherited(self) -> None:
        consume = mock.Mock()
        built = self.build(consume=consume)
        assert built.consume is consume


class TestCopiesOfAProjectsOwn:
    """Classes and methods that a project puts in place of ours are called as the original calls them."""

    @pytest.fixture(autouse=True)
    def _client(self) -> Iterator[None]:
        with mock.patch("django_kafka.consumer.consumer.ConfluentConsumer"):
            yield

    def test_dead_letter(self) -> None:
        consumer, exc = consumer_of(Recorder())(), KeyError("x")
        with mock.patch("django_kafka.dead_letter.topic.DeadLetterTopicProducer") as own:
            consumer.dead_letter_msg(source := message(), exc)
        own.assert_called_once_with(group_id=consumer.group_id, msg=source)
        own.return_value.produce_for.assert_called_once_with(header_summary="'x'", header_detail=mock.ANY)

    def test_retry(self) -> None:
        rules = RetrySettings(max_retries=3, delay=5, blocking=False)
        consumer, exc = consumer_of(Recorder())(), KeyError("x")
        with mock.patch("django_kafka.retry.topic.RetryTopicProducer") as own:
            consumer.non_blocking_retry(rules, source := message(), exc)
        own.assert_called_once_with(retry_settings=rules, group_id=consumer.group_id, msg=source)
        own.return_value.retry.assert_called_once_with(exc=exc)

    def test_further_retry(self) -> None:
        topic = Recorder()
        topic.retry_settings = RetrySettings(max_retries=3, delay=5, blocking=False)
        built = RetryConsumer.build(consumer_of(topic))
        assert built is not None
        source = message(f"{built.origin_group_id}.{topic.name}.retry.1")
        with mock.patch.object(RetryTopicConsumer, "get_producer_for", autospec=True) as own:
            own.return_value.retry.return_value = False
            built().retry_msg(source, KeyError("x"))
        own.assert_called_once_with(mock.ANY, source)


class TestDeadLetter:
    def letter(self, source: Message, **kwargs: Any) -> Any:
        target = Target()
        producer = DeadLetterTopicProducer(group_id="group", msg=source)
        producer.target = target  # type: ignore[assignment]
        producer.exception = kwargs.pop("exception", None)
        producer.produce_for(**kwargs)
        (copy,) = target.copies
        return copy

    def test_names(self) -> None:
        assert DeadLetterTopicProducer.suffix() == "dlt"
        assert DeadLetterTopicProducer("group", message("topic")).name == "group.topic.dlt"
        assert DeadLetterTopicProducer("group", message("group.topic.retry.2")).name == "group.topic.dlt"

    def test_headers_of_both_generations(self) -> None:
        copy = self.letter(
            message(headers=[("trace", b"1")]), header_summary="sum", header_detail="detail", exception=KeyError("x")
        )
        assert (copy.topic, copy.key, copy.value, copy.timestamp) == ("group.topic.dlt", b"key", b"value", NOW)
        assert dict(copy.headers) == {
            "trace": b"1",
            "DEAD_LETTER_MESSAGE": b"sum",
            "DEAD_LETTER_SUMMARY": b"sum",
            "DEAD_LETTER_DETAIL": b"detail",
            "DEAD_LETTER_MESSAGE_TOPIC": b"topic",
            "DEAD_LETTER_MESSAGE_PARTITION": b"2",
            "DEAD_LETTER_MESSAGE_OFFSET": b"7",
            "DEAD_LETTER_EXCEPTION": b"builtins.KeyError",
            "DEAD_LETTER_ORIGIN_TOPIC": b"topic",
            "DEAD_LETTER_ORIGIN_PARTITION": b"2",
            "DEAD_LETTER_ORIGIN_OFFSET": b"7",
            "DEAD_LETTER_ORIGIN_TIMESTAMP": str(NOW).encode(),
        }

    def test_both_keywords(self) -> None:
        copy = self.letter(message(), header_message="old", header_detail="d")
        assert DeadLetterHeader.get(copy.headers, DeadLetterHeader.MESSAGE) == b"old"
        assert DeadLetterHeader.get(copy.headers, DeadLetterHeader.SUMMARY) == b"old"

    def test_after_retries_the_origin_is_known(self) -> None:
        headers = [
            ("h", b"x"),
            ("RETRY_MESSAGE", b"boom"),
            ("RETRY_ORIGIN_TOPIC", b"topic"),
            ("RETRY_ORIGIN_PARTITION", b"4"),
            ("RETRY_ORIGIN_OFFSET", b"44"),
        ]
        copy = self.letter(message("group.topic.retry.3", headers), header_summary="s", header_detail="d")
        found = dict(copy.headers)
        assert found["h"] == b"x"
        assert not any(name.startswith("RETRY_") for name in found)
        assert found["DEAD_LETTER_MESSAGE_TOPIC"] == b"group.topic.retry.3"
        assert (found["DEAD_LETTER_ORIGIN_TOPIC"], found["DEAD_LETTER_ORIGIN_PARTITION"]) == (b"topic", b"4")

    def test_records_of_the_original_tell_the_topic_only(self) -> None:
        copy = self.letter(message("group.a.b.retry.3"), header_summary="s", header_detail="d")
        assert DeadLetterHeader.get(copy.headers, DeadLetterHeader.ORIGIN_TOPIC) == b"a.b"
        assert DeadLetterHeader.get(copy.headers, DeadLetterHeader.ORIGIN_OFFSET) is None

    def test_d06_long_and_broken_texts_fit_into_headers(self) -> None:
        copy = self.letter(message(), header_summary="\ud800" + "x" * 10_000, header_detail="a" + "\ud800" * 300_000)
        summary = DeadLetterHeader.get(copy.headers, DeadLetterHeader.SUMMARY)
        assert len(summary) < 2100
        summary.decode()
        headers: Any = copy.headers
        sizes = []
        while headers is not None:
            sizes.append(len(DeadLetterHeader.get(headers, DeadLetterHeader.DETAIL) or b""))
            headers = shorten(headers)
        assert sizes == [99_999, 9_999, 999, 0]  # whole characters, both halves alike


def test_retry_pattern_escapes() -> None:
    with override_settings(DJANGO_KAFKA={"RETRY_TOPIC_SUFFIX": "r+"}):
        assert re.search(RetryTopicProducer.pattern(), "t.r+.1")


class TestTopicSearch:
    """Asks for the list of topics, which makes the client look for those that its pattern matches."""

    @pytest.fixture
    def clock(self) -> Iterator[mock.Mock]:
        with mock.patch("django_kafka.retry.search.time.monotonic", return_value=100.0) as clock:
            yield clock

    @staticmethod
    def client(topics: int) -> mock.Mock:
        return mock.Mock(**{"list_topics.return_value.topics": dict.fromkeys(range(topics))})

    def test_a_small_cluster_is_asked_every_second(self, clock: mock.Mock) -> None:
        search = TopicSearch(client := self.client(20), 10.0)
        assert (search.look(), client.list_topics.call_count) == (1.0, 0)
        clock.return_value += 1
        assert (search.look(), client.list_topics.call_count) == (1.0, 1)
        clock.return_value += 0.75
        assert (search.look(), client.list_topics.call_count) == (0.25, 1)

    def test_a_large_one_less_often(self, clock: mock.Mock) -> None:
        search = TopicSearch(client := self.client(500), 10.0)
        clock.return_value += 1
        assert (search.look(), client.list_topics.call_count) == (5.0, 1)

    def test_where_the_client_asks_as_often_itself_it_is_left_to_it(self, clock: mock.Mock) -> None:
        assert TopicSearch(self.client(1), 0.5).look() is None
        search = TopicSearch(client := self.client(2000), 10.0)
        clock.return_value += 1
        search.look()
        clock.return_value += 100
        assert (search.look(), client.list_topics.call_count) == (None, 1)

    def test_a_broker_that_is_away_is_asked_less_often(self, clock: mock.Mock) -> None:
        search = TopicSearch(client := self.client(1), float("inf"))
        client.list_topics.side_effect = KafkaException(KafkaError(KafkaError._TRANSPORT))
        pauses = []
        for _ in range(8):
            clock.return_value += 60
            pauses.append(search.look())
        assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]

    @pytest.mark.parametrize(
        ("value", "seconds"), [(None, 300.0), (500, 0.5), ("500", 0.5), (-1, float("inf")), ("soon", 0.0)]
    )
    def test_interval(self, value: Any, seconds: float) -> None:
        config = {} if value is None else {"topic.metadata.refresh.interval.ms": value}
        assert refresh_interval(config) == seconds
