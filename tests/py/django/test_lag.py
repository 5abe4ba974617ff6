# SPDX-License-Identifier: MIT
"""What a consumer that is behind says, in the log and on a terminal."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import pytest

import tests.django_project  # noqa: F401
from django_kafka import kafka
from django_kafka.consumer.lag import SHOW, TELL, Lag, in_words
from django_kafka.processes import runner
from django_kafka.processes.child import StopRequest
from django_kafka.processes.exits import Exit
from django_kafka.processes.status_line import StatusLine
from django_kafka.processes.worker import ConsumerWorker
from django_kafka.registry import ConsumersRegistry
from django_kafka.testing.broker import kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from tests.py.django.helpers import Recorder, consumer_of

LOGGER = logging.getLogger("django_kafka.test_lag")


class Client:
    """Handles messages when it is told to."""

    def __init__(self, *lags: int) -> None:
        self.asked = 0
        self.now = 100.0
        self.ends = dict(enumerate(lags))
        self.handled = dict.fromkeys(self.ends, 0)

    def partition_counters(self) -> list[dict[str, Any]]:
        self.asked += 1
        return [
            {"topic": "t", "partition": p, "position": done or None, "committed": None if done else 0, "end": end,
             "handled": done}
            for (p, end), done in zip(self.ends.items(), self.handled.values(), strict=True)
        ]  # fmt: skip

    def work(self, lag: Lag, seconds: float, rate: float, step: float = 1.0) -> None:
        """Each partition handles so many messages per second; lag is looked at once per step."""
        for _ in range(round(seconds / step)):
            self.now += step
            for partition, end in self.ends.items():
                self.handled[partition] = min(end, self.handled[partition] + round(rate * step))
            lag.look()


def made(client: Client) -> Lag:
    lag = Lag(client, "MyConsumer", LOGGER, lambda: client.now)
    lag.look()
    return lag


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.name == LOGGER.name]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "django_kafka")
    return caplog


class TestLog:
    def test_behind_and_caught_up(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(100_000, 100_000)
        lag = made(client)
        client.work(lag, TELL, 1000)
        assert lines(log) == ["MyConsumer is behind: 140,000 messages, handles 2,000 per second, 70 s left."]
        client.work(lag, 3 * TELL, 1000)
        assert lines(log)[1:] == [
            "MyConsumer is behind: 80,000 messages, handles 2,000 per second, 40 s left.",
            "MyConsumer is behind: 20,000 messages, handles 2,000 per second, 10 s left.",
            "MyConsumer has caught up: 200,000 messages in 2 min.",
        ]
        client.work(lag, 3 * TELL, 0)
        assert len(lines(log)) == 4

    def test_little_is_not_told(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(35_000)
        client.work(made(client), TELL, 1000)  # 5 seconds are left
        assert lines(log) == []

    def test_nothing_handled_is_not_told(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(1_000_000)
        client.work(made(client), 2 * TELL, 0)
        assert lines(log) == []

    def test_a_stall_does_not_count_as_caught_up(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(1_000_000)
        lag = made(client)
        client.work(lag, TELL, 1000)
        client.work(lag, 2 * TELL, 0)
        client.work(lag, TELL, 1000)
        assert ["is behind" in line for line in lines(log)] == [True, True]

    def test_more_is_produced_than_handled(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(100_000)
        lag = made(client)
        client.ends[0] += 50_000
        client.work(lag, TELL, 1000)
        assert lines(log) == ["MyConsumer is behind: 120,000 messages, handles 1,000 per second, not getting less."]

    def test_partitions_that_come_and_go(self, log: pytest.LogCaptureFixture) -> None:
        client = Client(100_000)
        lag = made(client)
        client.ends[1], client.handled[1] = 1_000_000, 0
        client.work(lag, TELL, 1000)
        assert lines(log) == ["MyConsumer is behind: 1,040,000 messages, handles 2,000 per second, 9 min left."]
        del client.ends[1]
        kept = client.handled.pop(1)
        client.work(lag, TELL, 1000)
        assert "40,000 messages, handles 1,000 per second, 40 s left" in lines(log)[-1]
        client.ends[1], client.handled[1] = 1_000_000, kept
        client.work(lag, TELL, 1000)
        assert "handles 2,000 per second" in lines(log)[-1]

    def test_it_is_looked_at_seldom(self) -> None:
        client = Client(1_000_000)
        client.work(made(client), TELL, 1000, step=0.001)
        assert client.asked == 2


def test_a_consumer_on_a_broker(log: pytest.LogCaptureFixture) -> None:
    """A handler that takes 10 ms by a clock of its own."""
    now = [0.0]

    def act(_: Any) -> None:
        now[0] += 0.01

    topic = Recorder(act=act)

    class Slow(consumer_of(topic)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._member.lag._clock = lambda: now[0]
            self.show_lag(shown.append)

    shown: list[str] = []
    with kafka_broker({"events": 1}) as broker:
        broker.produce("events", *[b"value"] * 9000)
        run_consumer_until(Slow, lambda: len(topic.seen) >= 9000)
    told = [record.getMessage() for record in log.records if " is behind: " in record.getMessage()]
    assert told
    assert "Slow is behind: " in told[0]
    assert "handles 100 per second" in told[0]
    assert told[0].endswith(" s left.")
    assert any("100 messages/s, lag " in text for text in shown)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestTerminal:
    def test_live(self) -> None:
        client = Client(5_000)
        lag = Lag(client, "MyConsumer", LOGGER, lambda: client.now)
        shown: list[str] = []
        lag.show = shown.append
        lag.look()
        client.work(lag, 2, 1000)
        assert shown == [
            "MyConsumer: 1,000 messages/s, lag 4,000, 4 s left",
            "MyConsumer: 1,000 messages/s, lag 3,000, 3 s left",
        ]
        client.work(lag, 10, 1000)
        assert shown[-1] == ""
        assert shown.count("") == 1
        assert client.asked == 13
        client.work(lag, SHOW / 2, 0, step=SHOW / 2)
        assert client.asked == 13

    @pytest.mark.parametrize("shows_lag", [True, False])
    def test_worker(self, shows_lag: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[Any] = []

        def run(self: Any) -> None:
            shown.append(self._member.lag.show)
            if shows_lag:
                self._member.lag.show("how far it is")
            self.stop()

        registry = ConsumersRegistry()
        cls = consumer_of(Recorder(), run=run, config={"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        registry.register(cls)
        monkeypatch.setattr(kafka, "consumers", registry)
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        assert ConsumerWorker(registry.get_key(cls), shows_lag=shows_lag)(StopRequest()) == Exit.OK
        assert [show is not None for show in shown] == [shows_lag]
        assert ("how far it is" in terminal.getvalue()) == shows_lag
        assert terminal.getvalue().endswith("\r\x1b[K\r") == shows_lag

    def test_line(self) -> None:
        stream = Terminal()
        line = StatusLine(stream)
        assert line.is_seen
        line.clear()
        assert stream.getvalue() == ""
        line.write("a" * 500)
        assert len(stream.getvalue()) < 500
        line.clear()
        assert stream.getvalue().endswith("\r\x1b[K\r")
        stream.close()
        line.write("nobody sees it")
        assert not StatusLine(io.StringIO()).is_seen
        assert not StatusLine(None).is_seen

    @pytest.mark.parametrize("keys", [1, 2])
    def test_a_single_consumer_shows_it(self, keys: int, monkeypatch: pytest.MonkeyPatch) -> None:
        registry = ConsumersRegistry()
        for number in range(keys):
            cls = consumer_of(Recorder())
            cls.__name__ = f"Consumer{number}"
            registry.register(cls)
        monkeypatch.setattr(kafka, "consumers", registry)
        made: list[ConsumerWorker] = []
        monkeypatch.setattr(runner, "Supervisor", lambda jobs, **_: made.extend(jobs.values()))
        runner.KafkaConsumeRunner(verbosity=1)
        assert [worker.shows_lag for worker in made] == [keys == 1] * keys


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (45, "45 s"), (99.4, "99 s"), (720, "12 min"), (11100, "3 h 5 min")]
)
def test_words(seconds: float, text: str) -> None:
    assert in_words(seconds) == text
