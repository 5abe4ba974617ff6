# SPDX-License-Identifier: MIT
"""The consumer class apart from its loop: configuration, names to override, what is called with what."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import TopicPartition
from django.test import override_settings
from django.utils import timezone

import django_kafka.consumer
import django_kafka.consumer.consumer
from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.consumer.managers import Backoff, PauseManager, RetryManager
from django_kafka.consumer.plan import Path, make_plan
from django_kafka.consumer.results import _reported
from django_kafka.consumer.runner import ConsumerWorker, KafkaConsumeRunner
from django_kafka.error_handlers import ClientErrorHandler
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError
from django_kafka.processes.child import StopRequest
from django_kafka.processes.exits import Exit
from django_kafka.registry import ConsumersRegistry
from tests.py.django.helpers import FailTimes, Recorder, consumer_of


@pytest.fixture
def client() -> Iterator[mock.Mock]:
    """The native client's class, replaced where projects replace it."""
    with mock.patch("django_kafka.consumer.consumer.ConfluentConsumer") as cls:
        yield cls


def message(offset: int = 5, error: Any = None, topic: str | None = "events") -> mock.Mock:
    return mock.Mock(
        **{
            "topic.return_value": topic,
            "partition.return_value": 1,
            "offset.return_value": offset,
            "error.return_value": error,
            "key.return_value": b"k",
            "value.return_value": b"v",
            "headers.return_value": None,
            "timestamp.return_value": (0, 0),
        }
    )


class TestConfiguration:
    def test_names(self) -> None:
        assert django_kafka.consumer.Consumer is django_kafka.consumer.consumer.Consumer
        assert Consumer.default_logger.name == "django_kafka.consumer.consumer"

    def test_order(self) -> None:
        cls = consumer_of(Recorder(), config={"d": "class"}, group="g")
        with override_settings(
            DJANGO_KAFKA={
                "CLIENT_ID": "me",
                "GLOBAL_CONFIG": {"a": "global", "b": "global", "logger": "ignored"},
                "CONSUMER_CONFIG": {"b": "consumer", "d": "consumer"},
            }
        ):
            config = cls.build_config()
        assert isinstance(config.pop("error_cb"), ClientErrorHandler)
        assert config == {
            "client.id": "me",
            "a": "global",
            "b": "consumer",
            "logger": Consumer.default_logger,
            "d": "class",
            "group.id": "g",
        }

    def test_values_are_the_texts_that_librdkafka_gets(self) -> None:
        """Who names a retry topic after the group, say, has the same as the broker."""
        text = type("Text", (str,), {"__str__": lambda _self: "other"})("earliest")
        config = consumer_of(config={"auto.offset.reset": text, "fetch.min.bytes": 5}, group=b"shop").build_config()
        assert (config["group.id"], config["fetch.min.bytes"]) == ("shop", 5)
        assert str(config["auto.offset.reset"]) == "earliest"

    def test_class_can_replace_logger_and_handler(self) -> None:
        config = consumer_of(config={"logger": 1, "error_cb": 2}).build_config()
        assert (config["logger"], config["error_cb"]) == (1, 2)

    def test_client_is_made_with_the_object(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder(), group="g")()
        assert consumer._consumer is client.return_value
        assert consumer.group_id == consumer.config["group.id"] == "g"
        assert isinstance(consumer._retries, RetryManager)
        assert isinstance(consumer._pauses, PauseManager)

    @pytest.mark.parametrize("value", [True, False, "false", "true"])
    def test_d05_offsets_are_ours_whatever_is_configured(self, client: mock.Mock, value: Any) -> None:
        consumer_of(Recorder(), config={"enable.auto.offset.store": value})()
        assert client.call_args.args[0]["enable.auto.offset.store"] is False

    @pytest.mark.parametrize(
        ("value", "options"), [(False, {"commit_interval": 0.0}), ("False", {"commit_interval": 0.0}), (True, {})]
    )
    def test_d05_without_auto_commit_each_batch_is_committed(
        self, client: mock.Mock, value: Any, options: dict[str, Any]
    ) -> None:
        consumer_of(Recorder(), config={"enable.auto.commit": value})()
        assert client.call_args.kwargs == options

    def test_other_attributes_are_the_clients(self, client: mock.Mock) -> None:
        assert consumer_of(Recorder())().assignment is client.return_value.assignment

    def test_missing_topics_are_named(self, client: mock.Mock) -> None:
        consumer = type("NoTopics", (Consumer,), {})()
        with pytest.raises(AttributeError, match=r"NoTopics has no attribute 'topics'"):
            consumer.topics  # noqa: B018


class TestLife:
    def test_start_subscribes_when_run_calls_it(self, client: mock.Mock) -> None:
        consumer_of(Recorder("a"), Recorder("^b"), run=Consumer.start)().run()
        assert client.return_value.subscribe.call_args.kwargs["topics"] == ["a", "^b"]

    def test_start_calls_an_overridden_subscribe_as_it_can_be_called(self, client: mock.Mock) -> None:
        called: list[Any] = []

        class Later(Consumer):
            topics = Topics(Recorder("a"))
            config = {"group.id": "g"}
            run = Consumer.start

            def subscribe(self) -> None:  # type: ignore[override]
                called.append("later generation")

        class Seed(Later):
            def subscribe(self, topics: Any) -> None:  # type: ignore[override]
                called.append(topics)

        Later().run()
        Seed().run()
        assert called == ["later generation", ["a"]]

    def test_subscribe_in_both_ways(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder("a"))()
        consumer.subscribe()
        consumer.subscribe(topics=["x"])
        assert [call.kwargs for call in client.return_value.subscribe.call_args_list] == [
            {"topics": ["a"]},
            {"topics": ["x"]},
        ]

    def test_stop_closes(self, client: mock.Mock) -> None:
        consumer_of(Recorder())().stop()
        client.return_value.close.assert_called_once_with()

    def test_run_uses_the_methods_of_the_original(self, client: mock.Mock) -> None:
        client.return_value.stopping = False
        cls = consumer_of(Recorder())
        calls: list[Any] = []
        messages = [message(), None]

        class Mine(cls):  # type: ignore[misc, valid-type]
            def start(self, stop_event: Any = None) -> None:
                calls.append("start")

            def resume_partitions(self) -> None:
                calls.append("resume")

            def poll(self) -> Any:
                calls.append("poll")
                if messages:
                    return messages.pop(0)
                raise KeyError("enough")

            def process_message(self, msg: Any) -> None:
                calls.append("process")

            def log_error(self, msg: Any = None, exc_info: Any = False) -> None:
                calls.append("log")

            def stop(self) -> None:
                calls.append("stop")

        with pytest.raises(KeyError):
            Mine().run()
        assert calls == [
            *("start", "resume", "poll", "process", "resume", "poll"),
            *("resume", "poll", "log", "stop"),
        ]

    def test_no_topics_ends_at_once(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        consumer_of()().run()
        assert "has no topics, there is nothing to consume" in log.text
        client.return_value.close.assert_called_once_with()

    def test_poll_passes_the_time_by_keyword(self, client: mock.Mock) -> None:
        with override_settings(DJANGO_KAFKA={"POLLING_FREQUENCY": 3}):
            assert consumer_of(Recorder())().poll() is client.return_value.poll.return_value
        client.return_value.poll.assert_called_once_with(timeout=3)

    def test_request_stop(self, client: mock.Mock) -> None:
        consumer_of(Recorder())().request_stop()
        client.return_value.stop.assert_called_once_with()


class TestMessages:
    def test_success_stores_the_offset(self, client: mock.Mock) -> None:
        topic = Recorder()
        msg = message()
        consumer_of(topic)().process_message(msg)
        assert topic.seen == [(b"k", b"v")]
        client.return_value.store_offsets.assert_called_once_with(msg)

    @pytest.mark.parametrize(("result", "stored"), [(None, True), (True, True), (False, False)])
    def test_results_of_consume(self, client: mock.Mock, result: bool | None, stored: bool) -> None:
        consumer_of(Recorder(), consume=lambda _self, _msg: result)().process_message(message())
        assert client.return_value.store_offsets.called is stored

    @pytest.mark.parametrize("result", ["yes", 0, [], object()])
    def test_whatever_else_is_returned_is_no_failure(
        self, client: mock.Mock, result: object, log: pytest.LogCaptureFixture
    ) -> None:
        """As with both generations of the original: return self.get_topic(msg).consume(msg), say."""
        consumer = consumer_of(Recorder(), consume=lambda _self, _msg: result)()
        _reported.clear()
        consumer.process_message(message())
        assert client.return_value.store_offsets.called
        assert f"returned {result!r}" in log.text

    def test_what_did_not_run_is_a_failure(self, client: mock.Mock) -> None:
        async def consume(self: Consumer, msg: object) -> None: ...

        consumer = consumer_of(Recorder(), consume=consume)()
        with mock.patch.object(consumer, "handle_exception", return_value=False) as handle:
            consumer.process_message(message())
        assert "did not run: its consume() is asynchronous" in str(handle.call_args.args[1])
        assert not client.return_value.store_offsets.called

    def test_d04_error_events_are_logged(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        topic = Recorder()
        consumer = consumer_of(topic)()
        for name in (None, "events", "unknown"):
            consumer.process_message(message(error="broken", topic=name))
        assert log.text.count("Message error: 'broken'") == 3
        assert topic.seen == []

    def test_unknown_topic_waits(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        consumer_of(Recorder())().process_message(message(topic="unknown"))
        assert "No topic registered for `unknown`" in log.text
        assert client.return_value.pause.called
        assert not client.return_value.store_offsets.called


class TestFailures:
    def test_d01_pause_keeps_the_offset(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder())()
        consumer.pause_partition(message(offset=5), timezone.now() + timedelta(hours=1))
        (seek,), (pause,) = client.return_value.seek.call_args.args, client.return_value.pause.call_args.args
        assert (seek.topic, seek.partition, seek.offset) == ("events", 1, 5)
        assert [(tp.topic, tp.partition) for tp in pause] == [("events", 1)]
        consumer.resume_partitions()
        assert not client.return_value.resume.called

    def test_resume_when_it_is_time(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder())()
        consumer.pause_partition(message(), timezone.now())
        consumer.resume_partitions()
        consumer.resume_partitions()
        client.return_value.resume.assert_called_once_with([TopicPartition("events", 1)])

    def test_blocking_retry(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        topic = Recorder(act=FailTimes(99))
        kafka.retry(max_retries=2, delay=5)(topic)
        consumer = consumer_of(topic)()
        with mock.patch.object(consumer, "dead_letter_msg") as dead_letter:
            for _ in range(3):
                consumer.process_message(message())
        assert client.return_value.pause.call_count == 2
        assert dead_letter.call_count == 1
        stored = client.return_value.store_offsets.call_args_list
        notes = [call.kwargs["offsets"][0] for call in stored[:2]]
        assert [note.offset for note in notes] == [5, 5]
        assert [note.metadata.split()[0] for note in notes] == ["attempts=1", "attempts=2"]
        assert len(stored) == 3
        assert (
            log.text.count("failed' on 'tests.py.django.helpers.Recorder' (topic=events partition=1 offset=5)") == 3
        )

    def test_log_every(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        topic = Recorder(act=FailTimes(99))
        kafka.retry(max_retries=9, delay=5, log_every=2)(topic)
        consumer = consumer_of(topic)()
        for _ in range(4):
            consumer.process_message(message())
        assert log.text.count("failed'") == 2

    def test_retry_msg(self, client: mock.Mock) -> None:
        topic = Recorder()
        consumer = consumer_of(topic)()
        assert consumer.retry_msg(message(), KeyError()) == (False, False)
        kafka.retry(max_retries=1, delay=5)(topic)
        with mock.patch.object(consumer, "blocking_retry", return_value=True) as blocking:
            assert consumer.retry_msg(message(), KeyError()) == (True, True)
        assert blocking.called
        kafka.retry(max_retries=1, delay=5, blocking=False)(topic)
        with mock.patch("django_kafka.retry.topic.RetryTopicProducer") as producer:
            producer.return_value.retry.return_value = True
            assert consumer.retry_msg(message(), KeyError()) == (True, False)

    def test_handle_exception(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder())()
        order = mock.Mock()
        with (
            mock.patch.object(consumer, "retry_msg", order.retry),
            mock.patch.object(consumer, "dead_letter_msg", order.letter),
            mock.patch.object(consumer, "log_error", order.log),
        ):
            order.retry.return_value = (True, True)
            assert consumer.handle_exception(message(), KeyError()) is False
            order.retry.return_value = (True, False)
            assert consumer.handle_exception(message(), KeyError()) is True
            order.reset_mock()
            order.retry.return_value = (False, True)
            assert consumer.handle_exception(message(), KeyError()) is True
        assert [call[0] for call in order.mock_calls] == ["retry", "letter", "log"]

    def test_d06_failing_failure_handling_holds_the_partition(
        self, client: mock.Mock, log: pytest.LogCaptureFixture
    ) -> None:
        consumer = consumer_of(Recorder(act=FailTimes(99)))()
        with mock.patch("django_kafka.dead_letter.topic.DeadLetterTopicProducer") as producer:
            producer.return_value.produce_for.side_effect = DjangoKafkaError("no such topic")
            consumer.process_message(message())
        assert not client.return_value.store_offsets.called
        assert client.return_value.pause.called
        assert "the partition is paused until this message succeeds; next try in 1 s" in log.text
        assert "no such topic" in log.text
        assert "no b'v'" in log.text

    def test_only_exceptions_are_caught(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder(act=FailTimes(1, error=SystemExit)))()  # type: ignore[arg-type]
        with pytest.raises(SystemExit):
            consumer.process_message(message())
        assert not client.return_value.store_offsets.called

    def test_log_line_of_the_consumer(self, client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
        consumer_of(Recorder())().log_error()
        assert log.messages[-1].endswith("MyConsumer failed'")


def test_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="django_kafka")
    Consumer.debug_log("paused", message())
    Consumer.debug_log("resumed", partition=TopicPartition("events", 1, 5))
    assert caplog.messages == [f"{word} (topic=events partition=1 offset=5)" for word in ("paused", "resumed")]


class TestManagers:
    def test_pauses(self) -> None:
        pauses = PauseManager()
        now = timezone.now()
        first = pauses.set(message(offset=5), now)
        assert (first.topic, first.partition, first.offset) == ("events", 1, 5)
        assert pauses.holds(message())
        assert pauses.next_due() == 0
        assert list(pauses.pop_ready()) == [first]
        assert list(pauses.pop_ready()) == []
        assert pauses.next_due() is None
        pauses.set(message(), now + timedelta(hours=1))
        assert list(pauses.pop_ready()) == []
        pauses.forget([TopicPartition("events", 1)])
        assert len(pauses) == 0

    def test_attempts(self) -> None:
        retries = RetryManager()
        assert [retries.next(message(offset)) for offset in (5, 5, 6, 6, 6, 5)] == [1, 2, 1, 2, 3, 1]
        assert retries.known(message(5))
        retries.set(message(7), 4)
        assert retries.next(message(7)) == 5
        retries.reset()
        assert not retries.known(message(7))

    def test_backoff(self) -> None:
        backoff = Backoff(1, 60)
        assert [backoff.next(message()) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
        assert backoff.next(message(6)) == 1


class TestPlan:
    def plan(self, **members: Any) -> Any:
        with mock.patch("django_kafka.consumer.consumer.ConfluentConsumer"):
            return make_plan(consumer_of(Recorder(), **members)(), native=True)

    def test_direct(self) -> None:
        plan = self.plan(handle_exception=None, log_error=None, build_config=Consumer.build_config, other=1)
        assert plan.path is Path.DIRECT
        assert plan.explain().startswith("direct: each message goes straight to its topic's consume()")

    @pytest.mark.parametrize("name", ["consume", "get_topic"])
    def test_hooks(self, name: str) -> None:
        plan = self.plan(**{name: lambda _self, _msg: None})
        assert plan.path is Path.HOOKS
        assert plan.reasons == (f"{name}() is overridden",)

    @pytest.mark.parametrize("name", ["poll", "process_message", "commit_offset"])
    def test_polling(self, name: str) -> None:
        assert self.plan(**{name: lambda *_: None}).path is Path.POLL

    def test_patched_methods_count(self) -> None:
        with mock.patch("django_kafka.consumer.Consumer.process_message"):
            assert self.plan().path is Path.POLL

    def test_other_clients_are_polled(self, client: mock.Mock) -> None:
        consumer = consumer_of(Recorder())()
        assert consumer.plan().path is Path.POLL

    def test_retry_consumer_sees_what_its_consumer_overrides(self) -> None:
        from django_kafka.retry.consumer import RetryConsumer

        topic = Recorder()
        kafka.retry(max_retries=1, delay=1, blocking=False)(topic)
        with mock.patch("django_kafka.consumer.consumer.ConfluentConsumer"):
            plain = RetryConsumer.build(consumer_of(topic))
            own = RetryConsumer.build(consumer_of(topic, process_message=lambda _self, _msg: None))
            assert make_plan(plain(), native=True).path is Path.DIRECT  # type: ignore[misc]
            assert make_plan(own(), native=True).path is Path.POLL  # type: ignore[misc]


def test_own_failure_topics(client: mock.Mock) -> None:
    everything = consumer_of(Recorder("^.*"), group="g")()
    assert everything.is_own_failure_topic("g.orders.dlt")
    assert everything.is_own_failure_topic("g.orders.retry.3")
    assert not everything.is_own_failure_topic("other.orders.dlt")
    assert not everything.is_own_failure_topic("g.orders")
    assert not consumer_of(Recorder("g.orders.dlt"), group="g")().is_own_failure_topic("g.orders.dlt")
    assert not consumer_of(Recorder(r"^g\..*\.dlt$"), group="g")().is_own_failure_topic("g.orders.dlt")
    assert not consumer_of(Recorder(r"^g\..*\.(new|retry\.1)$"), group="g")().is_own_failure_topic("g.orders.retry.1")
    named_so = consumer_of(Recorder("^retry-.*"), group="retry-dlt")()
    assert named_so.is_own_failure_topic("retry-dlt.retry-all.dlt")
    assert named_so.is_own_failure_topic("retry-dlt.retry-all.retry.1")
    assert not named_so.is_own_failure_topic("retry-all")
    letters = consumer_of(Recorder(r"^.*\.dlt$"), group="reader")()
    assert not letters.is_own_failure_topic("g.orders.dlt")
    assert not letters.is_own_failure_topic("reader.orders.dlt")
    assert letters.is_own_failure_topic("reader.g.orders.dlt.dlt"), "it would fail there, and there, and so on"


def test_topics_may_be_set_on_the_object(client: mock.Mock) -> None:
    consumer = consumer_of(Recorder(), run=Consumer.start)()
    consumer.topics = Topics(Recorder("other"))
    consumer.run()
    assert client.return_value.subscribe.call_args.kwargs["topics"] == ["other"]


@pytest.mark.parametrize(
    ("settings", "config", "text"),
    [
        ({"GLOBAL_CONFIG": {"no.such": 1}}, {}, r"\"no.such\".* \(it is in DJANGO_KAFKA\['GLOBAL_CONFIG'\]\)"),
        ({"CONSUMER_CONFIG": {"a.b": 1}}, {"a.b": 2}, r"\(it is in tests.py.django.helpers.MyConsumer.config\)"),
        ({}, {"session.timeout.ms": -5}, r"1\.\.3600000 \(it is in "),  # librdkafka ends this text with a new line
        ({}, {"error_cb": "print"}, r"of tests.py.django.helpers.MyConsumer is wrong: .*error_cb"),
    ],
)
def test_wrong_configuration_says_where_it_is(settings: Any, config: dict[str, Any], text: str) -> None:
    with override_settings(DJANGO_KAFKA=settings), pytest.raises(ConfigurationError, match=text):
        consumer_of(Recorder(), config=config)()


def test_worker_without_brokers_does_not_start(registry: ConsumersRegistry, log: pytest.LogCaptureFixture) -> None:
    cls = kafka.consumers()(consumer_of(Recorder()))
    with override_settings(DJANGO_KAFKA={}):
        assert ConsumerWorker(registry.get_key(cls))(StopRequest()) == Exit.CONFIG
    assert "there is no 'bootstrap.servers': set it in DJANGO_KAFKA['GLOBAL_CONFIG']" in log.text


def test_runner_leaves_out_consumers_without_topics(
    registry: ConsumersRegistry, log: pytest.LogCaptureFixture
) -> None:
    kafka.consumers()(type("Idle", (Consumer,), {"config": {"group.id": "g"}}))
    assert KafkaConsumeRunner().consumers == []
    assert "Idle has no topics, so it is not started" in log.text
