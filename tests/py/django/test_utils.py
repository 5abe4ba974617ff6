# SPDX-License-Identifier: MIT
"""Helpers: retry decorator, headers, timestamps, messages, transforms, error handler."""

from __future__ import annotations

import traceback
from datetime import UTC, date, datetime
from unittest import mock

import pytest
from confluent_kafka import KafkaError
from django.utils import timezone

from django_kafka.error_handlers import ClientErrorHandler
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.logs.tracebacks import format_exception
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic.transforms import days_from_epoch_to_date
from django_kafka.utils import retry
from django_kafka.utils.message import Header, Message, MessageTimestamp
from django_kafka.utils.retry import retry as same_retry


class TestRetry:
    def test_names(self) -> None:
        assert retry is same_retry

    def test_tries_and_backoff(self) -> None:
        fn = mock.Mock(side_effect=[KeyError, KeyError, "done"])
        with mock.patch("time.sleep") as sleep:
            assert retry((KeyError,), tries=3, delay=1, backoff=2)(fn)("a", b=1) == "done"
        assert [call.args for call in sleep.call_args_list] == [(1,), (2,)]
        fn.assert_called_with("a", b=1)

    def test_last_failure_is_raised(self) -> None:
        fn = mock.Mock(side_effect=KeyError("x"))
        with pytest.raises(KeyError):
            retry((KeyError,), tries=2)(fn)()
        assert fn.call_count == 2

    def test_other_exceptions_are_not_caught(self) -> None:
        fn = mock.Mock(side_effect=ValueError)
        with pytest.raises(ValueError):
            retry((KeyError,), tries=5)(fn)()
        assert fn.call_count == 1

    def test_no_tries(self) -> None:
        fn = mock.Mock()
        assert retry(tries=0)(fn)() is None
        assert not fn.called


class TestHeaders:
    headers = [("a", b"1"), ("b", "2"), ("a", None)]

    def test_get_is_the_first(self) -> None:
        assert Header.get(self.headers, "a") == b"1"
        assert Header.get(self.headers, "c") is None
        assert Header.get(None, "a") is None

    def test_list(self) -> None:
        assert Header.list(self.headers, "a") == [b"1", None]
        assert Header.list(None, "a") == []

    def test_members_are_strings(self) -> None:
        class Mine(Header):
            NAME = "x"

        assert Mine.get([("x", 1)], Mine.NAME) == 1


class TestTimestamp:
    def test_numbers(self) -> None:
        assert [int(kind) for kind in MessageTimestamp] == [0, 1, 2]

    def test_to_datetime(self) -> None:
        value = MessageTimestamp.to_datetime((1, 1_700_000_000_123))
        assert value == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
        assert value.utcoffset() == timezone.localtime(value).utcoffset()
        assert MessageTimestamp.to_datetime((0, 0)) is None


def test_message() -> None:
    msg = Message("t", [1, 2], b"v", [("h", b"x")], offset=3, partition=4, timestamp=(1, 5))
    assert (msg.topic(), msg.key(), msg.value(), msg.headers()) == ("t", b"\x01\x02", b"v", [("h", b"x")])
    assert (msg.offset(), msg.partition(), msg.timestamp()) == (3, 4, (1, 5))
    assert not hasattr(msg, "error")


def test_noop_serializer() -> None:
    thing = object()
    assert NoOpSerializer()(thing) is thing
    assert NoOpSerializer()(thing, None) is thing


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, date(1970, 1, 1)), (19_782, date(2024, 2, 29)), (-1, date(1969, 12, 31)), ("1", date(1970, 1, 2))],
)
def test_days(days: int, expected: date) -> None:
    assert days_from_epoch_to_date(days) == expected


def test_no_days() -> None:
    assert days_from_epoch_to_date(None) is None
    assert days_from_epoch_to_date("", default=date.min) == date.min


class TestClientErrorHandler:
    def test_fatal_error_is_raised(self) -> None:
        error = KafkaError(KafkaError._FATAL, "over", fatal=True)
        with pytest.raises(DjangoKafkaError) as caught:
            ClientErrorHandler()(error)
        assert caught.value.args == (error,)

    def test_d37_other_errors_are_logged_but_not_each_time(self, log: pytest.LogCaptureFixture) -> None:
        handler = ClientErrorHandler()
        handler(KafkaError(KafkaError._TRANSPORT, "Connect to ipv4#b:1 failed: Connection refused"))
        for _ in range(5):
            handler(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
        handler(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))
        assert [record.levelname for record in log.records] == ["WARNING", "WARNING"]
        assert "is 'bootstrap.servers' right? - 1/1 brokers are down" in log.text
        assert "'sasl.password' right? - wrong password" in log.text

    def test_same_error_after_another_time_is_the_same(self, log: pytest.LogCaptureFixture) -> None:
        handler = ClientErrorHandler()
        for text in ("Timed out (after 10ms in state APIVERSION)", "Timed out (after 12ms in state APIVERSION)"):
            handler(KafkaError(KafkaError._TIMED_OUT, text))
        assert len(log.records) == 1

    def test_missing_topic_is_named(self, log: pytest.LogCaptureFixture) -> None:
        handler = ClientErrorHandler()
        for topic in ("orders", r"^g\.orders\.retry\.([0-9]+)$"):
            text = f"Subscribed topic not available: {topic}: Broker: Unknown topic or partition"
            handler(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, text))
        (record,) = log.records  # that nothing matches a pattern yet is no news
        assert "there is no topic 'orders'" in record.getMessage()


class TestTracebacks:
    def caught(self, fn: object) -> BaseException:
        try:
            fn()  # type: ignore[operator]
        except BaseException as exc:
            return exc
        raise AssertionError

    def test_same_text_as_the_standard_librarys(self) -> None:
        def plain() -> None:
            raise ValueError("some", "text")

        def chained() -> None:
            try:
                plain()
            except ValueError as exc:
                raise KeyError from exc

        def deep(n: int = 60) -> None:
            deep(n - 1) if n else plain()

        def noted() -> None:
            exc = KeyError("x")
            exc.add_note("a note")
            raise exc

        def grouped() -> None:
            raise ExceptionGroup("group", [ValueError(1)])

        for fn in (plain, plain, chained, deep, noted, grouped, lambda: compile("1 +", "x", "exec")):
            exc = self.caught(fn)
            assert format_exception(exc) == "".join(traceback.format_exception(exc))
        assert format_exception(ValueError("never raised")) == "ValueError: never raised\n"
