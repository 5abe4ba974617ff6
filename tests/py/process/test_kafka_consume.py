# SPDX-License-Identifier: MIT
"""manage.py kafka_consume with real processes on the embedded broker: what is handled, committed, repeated."""

from __future__ import annotations

import contextlib
import json
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_kafka._native import Broker
from django_kafka.testing import LocalBroker

from .helpers import Program, alive, program, wait_for

MANAGE = Path(__file__).with_name("project") / "manage.py"

pytestmark = pytest.mark.slow

Consume = Callable[..., contextlib.AbstractContextManager[Program]]


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with Broker() as native:
        local = LocalBroker(native)
        for name in ("work", "other"):
            local.create_topic(name)
        yield local
        local.close()


@pytest.fixture
def environment(broker: LocalBroker, tmp_path: Path) -> dict[str, str]:
    return {
        "CREW_KAFKA": broker.bootstrap,
        "CREW_EVENTS": str(tmp_path / "events"),
        "CREW_DATABASE": str(tmp_path / "crew.sqlite3"),
    }


@pytest.fixture
def consume(environment: dict[str, str], tmp_path: Path) -> Consume:
    @contextlib.contextmanager
    def start(*arguments: str, env: dict[str, str] | None = None) -> Iterator[Program]:
        with program(tmp_path, MANAGE, "kafka_consume", *arguments, env={**environment, **(env or {})}) as running:
            yield running

    return start


def orders(broker: LocalBroker, *values: dict[str, Any], topic: str = "work") -> None:
    broker.produce(topic, *(json.dumps(value).encode() for value in values))


def offsets(run: Program, what: str) -> list[int]:
    return [one["offset"] for one in run.events(what)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_handlers_log_is_seen_and_commands_no_terminal(
    broker: LocalBroker, consume: Consume, method: str
) -> None:
    """The project has no LOGGING."""
    orders(broker, {"log": "it was handled \x1b[2J"})
    with consume("--start-method", method) as run:
        run.wait_events("end", 1)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
    (line,) = [line for line in run.output.splitlines() if "it was handled" in line]
    assert line.endswith(" it was handled \\x1b[2J")
    assert " INFO " in line
    assert sum("assigned work[" in line for line in run.output.splitlines()) == 1
    assert run.output.count("crew.consumers.WorkConsumer starts: ") == 1


@pytest.mark.parametrize(("timeout", "wait"), [(45000, "44 s"), (7500, "6.5 s"), (6000, None)])
def test_an_embedded_broker_is_told_with_what_a_restart_takes(
    broker: LocalBroker, consume: Consume, timeout: int, wait: str | None
) -> None:
    settings = json.dumps({"CONSUMER_CONFIG": {"auto.offset.reset": "earliest", "session.timeout.ms": timeout}})
    with consume(env={"CREW_KAFKA_SETTINGS": settings}) as run:
        wait_for(lambda: "reads from librdkafka's mock cluster (kafka_broker)" in run.output)
        orders(broker, {})
        run.wait_events("end", 1)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
    advice = f"After a restart a group waits {wait} for its partitions there: set 'session.timeout.ms' to 6000"
    assert ("After a restart" in run.output) == (wait is not None)
    assert wait is None or advice in run.output


def test_stop_while_the_broker_is_unavailable_keeps_the_grace_period(broker: LocalBroker, consume: Consume) -> None:
    """By itself the client would go on trying to commit until the session times out."""
    orders(broker, *[{}] * 5)
    patient = {"auto.offset.reset": "earliest", "session.timeout.ms": 45000, "auto.commit.interval.ms": 60000}
    settings = json.dumps({"CONSUMER_CONFIG": patient})
    with consume("--grace", "4", env={"CREW_KAFKA_SETTINGS": settings}) as run:
        run.wait_events("end", 5)
        broker.native.set_down(1)
        asked = time.monotonic()
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
        assert time.monotonic() - asked < 8
        assert "killed now" not in run.output
        assert "WorkConsumer has stopped, but not all is done: offsets that could not be committed" in run.output
        assert "work [0] offset 5" in run.output


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to", ["parent", "group"])
def test_graceful_stop_handles_nothing_twice(broker: LocalBroker, consume: Consume, signum: int, to: str) -> None:
    orders(broker, *[{"sleep": 0.2}] * 50)
    with consume() as run:
        run.wait_events("begin", 3)
        (run.signal if to == "parent" else run.signal_group)(signum)
        assert run.wait() == 0, run.output
        done = offsets(run, "end")
        assert done == offsets(run, "begin")
        assert 3 <= len(done) < 50
    with consume(env={"CREW_IN_A_HURRY": "1"}) as run:
        run.wait_events("end", 50)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
        assert offsets(run, "begin") == offsets(run, "end") == list(range(50))


def test_stop_leaves_the_group(broker: LocalBroker, consume: Consume) -> None:
    """Otherwise the next start would wait for the session of the last one to time out, 45 seconds."""
    orders(broker, {})
    with consume() as run:
        run.wait_events("end")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
    orders(broker, {})
    with consume() as run:
        run.wait_events("end", 2)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


def test_stop_when_idle_is_quick(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {})
    with consume() as run:
        run.wait_events("end")
        asked = time.monotonic()
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert time.monotonic() - asked < 10


def test_stop_before_anything_arrived(consume: Consume) -> None:
    with consume() as run:
        wait_for(lambda: "started, pid" in run.output)
        run.signal_group(signal.SIGTERM)
        assert run.wait() == 0, run.output


def test_stop_while_the_broker_is_unreachable(consume: Consume) -> None:
    with consume(env={"CREW_KAFKA": "127.0.0.1:1"}) as run:
        wait_for(lambda: "started, pid" in run.output)
        wait_for(lambda: "127.0.0.1:1" in run.output, what="a word about the broker")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output


def test_message_in_hand_comes_again_after_a_second_signal(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {"sleep_once": 60}, {})
    with consume() as run:
        run.wait_events("begin")
        run.signal(signal.SIGTERM)
        wait_for(lambda: "asking" in run.output)
        time.sleep(
            0.5
        )  # longer than the window in which signals count as one, and room for what comes behind the log
        run.signal(signal.SIGTERM)
        assert run.wait() == 143
    with consume() as run:
        run.wait_events("end", 2)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert offsets(run, "begin") == [0, 0, 1]


def test_message_in_hand_comes_again_after_the_grace_period(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {}, {"sleep": 60})
    with consume("--grace", "0.5") as run:
        run.wait_events("begin", 2)
        run.signal(signal.SIGTERM)
        assert run.wait() == 3
        assert "will be redelivered" in run.output
    committed = broker_committed(broker, "work")
    assert committed in (0, 1), "the message that was killed must not be counted"


def broker_committed(broker: LocalBroker, group: str) -> int:
    from confluent_kafka import TopicPartition

    from django_kafka._native import Consumer

    with Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group}) as client:
        return max(0, client.committed([TopicPartition("work", 0)], 10)[0].offset)


def test_d07_died_consumer_is_started_again(broker: LocalBroker, consume: Consume) -> None:
    """The original stays up with a dead consumer."""
    orders(broker, {"die_once": signal.SIGKILL}, {}, topic="other")
    with consume(env={"CREW_CONSUMERS": "other"}) as run:
        run.wait_events("end", 2)
        assert "killed by SIGKILL" in run.output
        assert offsets(run, "begin") == [0, 0, 1]
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


def test_exit_on_failure(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {"sleep": 1.0})
    orders(broker, {"leave": 7}, topic="other")
    with consume("--exit-on-failure", env={"CREW_CONSUMERS": "work,other"}) as run:
        assert run.wait() == 1, run.output
        assert "exit code 7" in run.output
        work = [one["what"] for one in run.events(job="work")]
        assert work in (["begin", "end"], []), "a message in hand is finished"


def test_d08_killed_supervisor_leaves_no_orphans(broker: LocalBroker, consume: Consume) -> None:
    """The original's children live on and keep consuming."""
    orders(broker, *[{"sleep": 0.3}] * 4)
    with consume() as run:
        pid = run.wait_events("begin", 2)[0]["pid"]
        assert pid != run.pid
        run.signal(signal.SIGKILL)
        wait_for(lambda: not alive(pid), 30, "the orphan stops")
        assert offsets(run, "begin") == offsets(run, "end")
    with consume() as run:
        run.wait_events("end", 4)
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert offsets(run, "begin") == [0, 1, 2, 3]


def test_d09_signal_to_the_group_finishes_the_message(broker: LocalBroker, consume: Consume) -> None:
    """The original's child dies in mid-message and the runner reports success."""
    orders(broker, {"sleep": 1.0})
    with consume() as run:
        run.wait_events("begin")
        run.signal_group(signal.SIGTERM)
        assert run.wait() == 0
        assert offsets(run, "end") == [0]
    assert broker_committed(broker, "work") == 1


def test_d10_what_a_handler_produced_is_sent_before_the_end(broker: LocalBroker, consume: Consume) -> None:
    """linger.ms is a second here, so that nothing would be sent without a flush."""
    orders(broker, {"produce_to": "out", "sleep": 0.2})
    with consume() as run:
        run.wait_events("begin")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
    assert [message.value() for message in broker.collect("out", 1)] == [b"from a child"]


def test_d11_producer_made_before_the_fork(broker: LocalBroker, consume: Consume) -> None:
    """In the original, produce() in the child succeeds and nothing is ever sent."""
    orders(broker, {"produce_to": "early"})
    with consume("--start-method", "fork", env={"CREW_EARLY": "1"}) as run:
        run.wait_events("end")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
    values = {message.value() for message in broker.collect("early", 2)}
    assert values == {b"from the parent", b"from a child"}


def test_d20_database_connection_is_not_shared(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {"use_database": None})
    with consume("--start-method", "fork", env={"CREW_EARLY": "1"}) as run:
        (seen,) = run.wait_events("database")
        assert seen["early"] == run.pid
        assert seen["own"]
        assert seen["descriptors"] == 1
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_consumers_in_parallel(broker: LocalBroker, consume: Consume, method: str) -> None:
    orders(broker, {"sleep": 0.5})
    orders(broker, {"sleep": 0.5}, topic="other")
    with consume("--start-method", method, env={"CREW_CONSUMERS": "work,other"}) as run:
        run.wait_events("end", 2)
        assert len({one["pid"] for one in run.events("begin")} | {run.pid}) == 3
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output


def test_chosen_consumer(broker: LocalBroker, consume: Consume) -> None:
    orders(broker, {})
    orders(broker, {}, topic="other")
    with consume("crew.consumers.OtherConsumer", env={"CREW_CONSUMERS": "work,other"}) as run:
        run.wait_events("end", job="other")
        assert "WorkConsumer" not in run.output
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert not run.events(job="work")


def test_unknown_consumer(consume: Consume) -> None:
    with consume("crew.consumers.WorkConsumr") as run:
        assert run.wait() == 1
        assert (
            "`crew.consumers.WorkConsumr` is not registered. Did you mean `crew.consumers.WorkConsumer`?"
            in run.output
        )
        assert "Traceback" not in run.output


def test_no_consumers(consume: Consume) -> None:
    with consume(env={"CREW_CONSUMERS": ""}) as run:
        assert run.wait() == 0
        assert "No consumer is registered" in run.output


def test_consumer_without_topics(consume: Consume) -> None:
    with consume(env={"CREW_CONSUMERS": "empty"}) as run:
        assert run.wait() == 0
        assert "EmptyConsumer has no topics" in run.output


def test_missing_group_id(consume: Consume) -> None:
    with consume(env={"CREW_CONSUMERS": "groupless"}) as run:
        assert run.wait() == 1
        assert "group.id" in run.output
        assert "GrouplessConsumer" in run.output
        assert "Traceback" not in run.output


def test_wrong_configuration_key(consume: Consume) -> None:
    with consume(
        env={"CREW_KAFKA_SETTINGS": json.dumps({"CONSUMER_CONFIG": {"auto.ofset.reset": "earliest"}})}
    ) as run:
        assert run.wait() == 1
        assert "auto.ofset.reset" in run.output
        assert "Traceback" not in run.output


@pytest.mark.parametrize("argument", ["-1", "soon", "nan"])
def test_bad_grace(consume: Consume, argument: str) -> None:
    with consume(f"--grace={argument}") as run:
        assert run.wait() == 2
        assert "is not a number of seconds, 0 or more" in run.output


def test_help_tells_the_exit_codes(consume: Consume) -> None:
    with consume("--help") as run:
        assert run.wait() == 0
        for line in ("  0    stopped as asked", "  3    a consumer was killed", "  143  ended by a second SIGTERM"):
            assert line in run.output


def test_wrong_setting_is_found_by_the_checks(consume: Consume) -> None:
    with consume(env={"CREW_KAFKA_SETTINGS": json.dumps({"CONSUMER_CONFG": {}})}) as run:
        assert run.wait() == 1
        assert "unknown key 'CONSUMER_CONFG' (did you mean 'CONSUMER_CONFIG'?)" in run.output
        assert "Traceback" not in run.output


SCRIPT = """
import os, sys
sys.path.insert(0, {project!r})
os.environ["DJANGO_SETTINGS_MODULE"] = "crew.settings"
import django
django.setup()
from django_kafka import kafka
from django_kafka.consumer.runner import KafkaConsumeRunner
from django_kafka.exceptions import DjangoKafkaError
if __name__ == "__main__":
{body}
"""


@contextlib.contextmanager
def script(folder: Path, environment: dict[str, str], body: str) -> Iterator[Program]:
    file = folder / "script.py"
    file.write_text(SCRIPT.format(project=str(MANAGE.parent), body=textwrap.indent(textwrap.dedent(body), "    ")))
    with program(folder, file, env=environment) as running:
        yield running


def test_run_consumers(broker: LocalBroker, environment: dict[str, str], tmp_path: Path) -> None:
    """From Python, and afterwards the caller has its own signal handlers back."""
    orders(broker, {})
    body = """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("code", kafka.run_consumers())
        print("handler", signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)
    """
    with script(tmp_path, environment, body) as run:
        run.wait_events("end")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
        assert "code 0" in run.output
        assert "handler True" in run.output


def test_run_consumers_with_an_unknown_key(environment: dict[str, str], tmp_path: Path) -> None:
    body = """
        try:
            kafka.run_consumers(["nonsense"])
        except DjangoKafkaError as error:
            print("refused:", error)
    """
    with script(tmp_path, environment, body) as run:
        assert run.wait() == 0, run.output
        assert "refused: `nonsense` is not registered." in run.output


def test_runner_from_a_thread(broker: LocalBroker, environment: dict[str, str], tmp_path: Path) -> None:
    """There are threads, so children are spawned, and there are no signals, so stop() ends it."""
    orders(broker, {})
    body = """
        import threading, time
        runner = KafkaConsumeRunner()
        thread = threading.Thread(target=runner.start)
        thread.start()
        while "end" not in open(os.environ["CREW_EVENTS"]).read():
            time.sleep(0.02)
        print("running", sorted(runner.pids))
        runner.stop()
        thread.join()
        print("stopped", runner.pids)
    """
    with script(tmp_path, environment, body) as run:
        assert run.wait() == 0, run.output
        assert "running ['crew.consumers.WorkConsumer']" in run.output
        assert "stopped {}" in run.output


def test_runner_raises_when_a_consumer_died(broker: LocalBroker, environment: dict[str, str], tmp_path: Path) -> None:
    orders(broker, {"leave": 7})
    body = """
        try:
            KafkaConsumeRunner(["crew.consumers.WorkConsumer"], exit_on_failure=True).start()
        except DjangoKafkaError as error:
            print("raised:", error)
    """
    with script(tmp_path, environment, body) as run:
        assert run.wait() == 0, run.output
        assert "raised: The consumers did not end as they should: some died" in run.output
