# SPDX-License-Identifier: MIT
"""manage.py kafka_broker, used from another process by confluent's own client."""

from __future__ import annotations

import ast
import contextlib
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.live.servers.process import free_port

from .helpers import Program, program, wait_for

MANAGE = Path(__file__).with_name("project") / "manage.py"
START = "bootstrap.servers: "

Serve = Callable[..., contextlib.AbstractContextManager[Program]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    @contextlib.contextmanager
    def start(*arguments: str) -> Iterator[Program]:
        with program(tmp_path, MANAGE, "kafka_broker", *arguments, env={"CREW_EVENTS": "none"}) as running:
            yield running

    return start


def address(run: Program) -> str:
    def found() -> str:
        assert run.popen.poll() is None, run.output
        return next((line.removeprefix(START) for line in run.output.splitlines() if line.startswith(START)), "")

    result = wait_for(found)
    wait_for(lambda: "Ctrl-C" in run.output)
    return result


def exchange(bootstrap: str, topic: str) -> None:
    """Write a message and read it back."""
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "error_cb": errors.append})
    producer.produce(topic, b"value", b"key", headers={"h": b"1"})
    assert producer.flush(30) == 0, errors
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "fetch.wait.max.ms": 10})
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        message = consumer.poll(30)
        assert message is not None
        assert (message.key(), message.value(), message.headers()) == (b"key", b"value", [("h", b"1")])
    finally:
        consumer.close()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_serves_and_ends_cleanly(serve: Serve, signum: int) -> None:
    with serve("--topics", "orders:3", "customers") as run:
        bootstrap = address(run)
        assert "topic: orders, 3 partitions" in run.output
        assert "topic: customers, 1 partition\n" in run.output
        assert "not for data" in run.output
        assert "4 MB per partition" in run.output
        exchange(bootstrap, "orders")
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g"})
        topics = consumer.list_topics(timeout=30).topics
        consumer.close()
        assert len(topics["orders"].partitions) == 3
        assert len(topics["customers"].partitions) == 1
        run.signal(signum)
        assert run.wait() == 0
        assert "Traceback" not in run.output


def test_chosen_port(serve: Serve) -> None:
    port = free_port()
    with serve("--port", str(port)) as run:
        assert address(run) == f"127.0.0.1:{port}"
        exchange(f"127.0.0.1:{port}", "any")
        # Clients that stay, and one that says nothing, do not keep it from ending.
        with socket.create_connection(("127.0.0.1", port)):
            asked = time.monotonic()
            run.signal(signal.SIGTERM)
            assert run.wait() == 0
            assert time.monotonic() - asked < 15
        assert "Traceback" not in run.output
        assert "Exception" not in run.output


def test_port_in_use(serve: Serve) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serve("--port", str(port)) as run:
            assert run.wait() == 1
            assert f"Port {port} of 127.0.0.1 cannot be used: something else listens there already." in run.output
            assert "by --port" in run.output
            assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--topics", "a b"], "'a b' cannot be a topic's name"),
        (["--topics", ":3"], "'' cannot be a topic's name"),
        (["--topics", ".."], "'..' cannot be a topic's name"),
        (["--topics", "a" * 250], "cannot be a topic's name"),
        (["--topics", "a:0"], "'0' is not a number of partitions, 1 to 1000, for topic 'a'"),
        (["--topics", "a:many"], "'many' is not a number of partitions"),
        (["--topics", "a:"], "'' is not a number of partitions"),
        (["--port", "0"], "'0' is not a port: a number from 1 to 65535"),
        (["--port", "http"], "'http' is not a port"),
    ],
)
def test_bad_arguments(serve: Serve, arguments: list[str], text: str) -> None:
    with serve(*arguments) as run:
        assert run.wait() == 2
        assert text in run.output


def test_settings_to_paste_are_right(serve: Serve) -> None:
    with serve("--topics", "events") as run:
        bootstrap = address(run)
        found = re.search(r"^DJANGO_KAFKA = (\{.*?^\})$", run.output, re.MULTILINE | re.DOTALL)
        assert found, run.output
        settings = ast.literal_eval(found[1])
        assert settings["GLOBAL_CONFIG"] == {"bootstrap.servers": bootstrap}
        consumer = Consumer({**settings["GLOBAL_CONFIG"], **settings["CONSUMER_CONFIG"], "group.id": "g"})
        consumer.subscribe(["events"])
        wait_for(lambda: consumer.poll(0.1) or consumer.assignment())
        consumer.close()
        documented = (MANAGE.parents[4] / "docs" / "embedded-broker.md").read_text()
        assert found[0].replace(bootstrap, "127.0.0.1:9092") in documented


def test_topic_given_twice(serve: Serve) -> None:
    with serve("--topics", "a", "b", "a:2") as run:
        assert run.wait() == 1
        assert "--topics: a given more than once." in run.output
