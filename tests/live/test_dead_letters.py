# SPDX-License-Identifier: MIT
"""manage.py kafka_dead_letters on a real broker, with letters that a real consumer has written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from tests.live.clients import Plain, consumer, fetch_count, reference_consume, reference_produce
from tests.live.project.run import CONSUMER, Worker, read_ledger
from tests.live.servers import KafkaServer, wait_until
from tests.live.servers.process import ROOT, free_port


class Project:
    """The live project's `manage.py kafka_dead_letters`, for one group and topic."""

    def __init__(self, bootstrap: str, topic: str, group: str, ledger: Path) -> None:
        self.topic = topic
        self.dead = f"{group}.{topic}.dlt"
        self.ledger = ledger
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.live.project.settings",
            "LIVE_BOOTSTRAP": bootstrap,
            "LIVE_GROUP": group,
            "LIVE_TOPICS": json.dumps([topic]),
            "LIVE_LEDGER": str(ledger),
        }

    def command(self, *arguments: str, answer: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "django", "kafka_dead_letters", *arguments],
            input=answer,
            capture_output=True,
            text=True,
            env={**self.env, **env},
            cwd=ROOT,
            timeout=90,
            check=False,
        )

    def run(self, *arguments: str, code: int = 0, **options: str) -> str:
        """Its output; an AssertionError when its exit code is another one."""
        done = self.command(*arguments, **options)
        assert done.returncode == code, f"{arguments}: code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def counts(self) -> tuple[int, int, int]:
        """Letters, replayed and waiting, as `list` says."""
        line = next(line for line in self.run("list").splitlines() if line.startswith(self.dead))
        assert line.endswith(CONSUMER)
        letters, replayed, waiting = line.split()[1:4]
        return int(letters), int(replayed), int(waiting)


LETTERS: list[dict[str, Any]] = [
    {"key": b"one", "value": b"bad 0", "partition": 0, "headers": [("trace", b"t0"), ("empty", None)]},
    {"key": b"two", "value": b"bad 1", "partition": 1},
    {"key": b"lookup", "value": b"bad 2", "partition": 1, "timestamp": int((time.time() - 7200) * 1000)},
    {"key": None, "value": b"bad 3", "partition": 1},
]


@pytest.fixture
def project(
    broker: KafkaServer,
    name: str,
    worker: Callable[..., Worker],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """One good message and four that have become dead letters."""
    broker.create_topic(name, partitions=2)
    reference_produce(broker.bootstrap, [{"topic": name, **message} for message in LETTERS])
    reference_produce(broker.bootstrap, [{"topic": name, "value": b"good", "partition": 0}])
    group = f"g.{name}"
    monkeypatch.setenv("LIVE_FAIL", "bad")
    running = worker(bootstrap=broker.bootstrap, group=group, topics=[name], log=tmp_path / "worker.log")
    monkeypatch.delenv("LIVE_FAIL")
    running.wait_for(1)
    reader = consumer(broker.bootstrap, f"check-{name}")

    dead = f"{group}.{name}.dlt"

    def length(partition: int) -> int:
        try:
            low, high = reader.get_watermark_offsets(TopicPartition(dead, partition), 10) or (0, 0)
        except KafkaException:  # the topic is just being made
            return 0
        return high - low

    wait_until(lambda: broker.topic_exists(dead) and length(0) + length(1) == len(LETTERS), 60, "four dead letters")
    assert running.stop() == 0
    return Project(broker.bootstrap, name, group, running.ledger)


def replayed_from(message: Plain) -> str:
    return (dict(message.headers)["DEAD_LETTER_REPLAY_OF"] or b"").decode()


def test_list_show_replay_once_and_purge(broker: KafkaServer, project: Project) -> None:
    assert project.counts() == (4, 0, 4)

    shown = project.run("show", project.dead, "--full")
    assert shown.count("  from       ") == 4
    assert "'bad 0'" in shown
    assert "trace: 't0'" in shown
    assert "empty: None" in shown
    assert f"{project.topic} 1:1, " in shown
    assert "builtins.LookupError: no b'bad 2'" in shown
    assert "Traceback (most recent call last)" in shown

    assert project.run("replay", project.dead, "--exception", "LookupError", "--dry-run").endswith(
        "1 would be replayed, 0 not, 0 were replayed before.\n"
    )
    assert project.counts() == (4, 0, 4)
    assert "1 replayed, 0 not, 0 were" in project.run("replay", project.dead, "--older-than", "1h")
    assert "0 replayed, 0 not, 1 were" in project.run("replay", project.dead, "--exception", "LookupError")
    assert "1 replayed, 0 not, 0 were" in project.run("replay", project.dead, "--key", "one")
    assert project.counts() == (4, 2, 2)
    assert "2 replayed, 0 not, 2 were" in project.run("replay", project.dead)
    assert "0 replayed, 0 not, 4 were" in project.run("replay", project.dead)
    assert project.counts() == (4, 4, 0)

    found = reference_consume(broker.bootstrap, [project.topic], 9)
    again = [
        message for message in found if b"DEAD_LETTER_REPLAY_OF" in [name.encode() for name, _ in message.headers]
    ]
    assert len(again) == 4
    by_value = {message.value: message for message in again}
    for number, letter in enumerate(LETTERS):
        message = by_value[b"bad %d" % number]
        assert (message.key, message.partition) == (letter["key"], letter["partition"])
        assert message.headers[:-1] == tuple(letter.get("headers", ()))
        assert replayed_from(message).startswith(f"{project.dead}:")
        assert "timestamp" not in letter or message.timestamp == letter["timestamp"]

    refused = project.command("purge", project.dead, answer="n\n")
    assert refused.returncode == 1
    assert "Nothing was deleted" in refused.stderr
    assert project.counts() == (4, 4, 0)
    assert "Deleted: 4 dead letters" in project.run("purge", project.dead, "--yes")
    assert project.counts() == (0, 0, 0)


def test_replay_to_the_handler_remembers_what_succeeded(broker: KafkaServer, project: Project) -> None:
    output = project.run("replay", project.dead, "--handler", code=1, LIVE_FAIL="bad 0")
    assert "3 replayed, 1 not, 0 were" in output
    assert "not replayed: ValueError: no b'bad 0'" in output
    assert project.counts() == (4, 3, 1)
    assert "1 replayed, 0 not, 3 were" in project.run("replay", project.dead, "--handler")

    handled = {record.value: record for record in read_ledger(project.ledger) if record.value != b"good"}
    assert len(handled) == 4
    for number, letter in enumerate(LETTERS):
        record = handled[b"bad %d" % number]
        assert (record.topic, record.partition, record.key) == (project.topic, letter["partition"], letter["key"])
        assert record.headers[:-1] == tuple(letter.get("headers", ()))
    assert handled[b"bad 2"].offset == 1
    reader = consumer(broker.bootstrap, f"ends-{project.topic}")
    ends = [reader.get_watermark_offsets(TopicPartition(project.topic, partition), 60) for partition in (0, 1)]
    assert ends == [(0, 2), (0, 3)]  # nothing went to the topic itself


def test_what_cannot_be_done_is_said(project: Project) -> None:
    missing = project.command("show", "nobody.nothing.dlt")
    assert missing.returncode == 1
    assert "There is no topic 'nobody.nothing.dlt'" in missing.stderr
    other = project.command("purge", project.topic, "--yes")
    assert other.returncode == 1
    assert f"'{project.topic}' is not a dead-letter topic" in other.stderr
    nowhere = project.command("replay", project.dead, "--offset", "0:999")
    assert nowhere.returncode == 1
    assert "No dead letter in" in nowhere.stderr
    unowned = project.command("replay", project.dead, "--handler", LIVE_GROUP="another")
    assert unowned.returncode == 1
    assert "No registered consumer handles" in unowned.stderr
    assert project.counts() == (4, 0, 4)
    away = project.command("list", LIVE_BOOTSTRAP=f"127.0.0.1:{free_port()}")
    assert away.returncode == 1
    assert "No broker answers at 127.0.0.1:" in away.stderr


def test_a_newer_replay_ends_the_older_one_and_each_letter_is_replayed_once(
    broker: KafkaServer, project: Project, name: str
) -> None:
    """The older one is stopped between its copy and its commit; what it has not committed, nobody sees."""
    script = f"""
import sys, django
django.setup()
from django_kafka.dead_letter.tool.transaction import ReplayTransaction
transaction = ReplayTransaction({project.dead!r})
transaction._producer.begin_transaction()
transaction._produce({project.topic!r}, b"half", None, [], 0, 0)
transaction._producer.flush(60)
print("half", flush=True)
sys.stdin.readline()
try:
    transaction._producer.commit_transaction(30)
except Exception as error:
    print("refused", flush=True)
"""
    older = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=project.env,
        cwd=ROOT,
    )
    try:
        assert older.stdin is not None
        assert older.stdout is not None
        assert older.stdout.readline() == "half\n"
        assert "4 replayed, 0 not, 0 were" in project.run("replay", project.dead)
        output, _ = older.communicate("\n", timeout=60)
        assert output == "refused\n"
    finally:
        older.kill()
        older.wait()
    reader = consumer(broker.bootstrap, f"last-{name}")
    reader.subscribe([project.topic])
    values = sorted(message.value or b"" for message in fetch_count(reader, 9))
    assert values == sorted([b"good", *(b"bad %d" % n for n in range(4)), *(b"bad %d" % n for n in range(4))])
    reader.close()


def test_a_letter_that_its_topic_does_not_take_stays_and_the_others_go(
    broker: KafkaServer, name: str, tmp_path: Path
) -> None:
    """More letters than one transaction holds, and more in it than the topic takes in one piece."""
    broker.create_topic(name, config={"max.message.bytes": "20000"})
    project = Project(broker.bootstrap, name, f"g.{name}", tmp_path / "ledger.jsonl")
    broker.create_topic(project.dead)
    count = 600
    reference_produce(
        broker.bootstrap,
        (
            {"topic": project.dead, "value": b"x" * 30000 if number == 300 else b"%d" % number, "key": b"%d" % number}
            for number in range(count)
        ),
    )
    output = project.run("replay", project.dead, code=1)
    assert f"{project.dead} 0:300: not replayed: it is too large for its topic" in output
    assert f"{count - 1} replayed, 1 not, 0 were" in output
    assert project.counts() == (count, count - 1, 1)
    found = reference_consume(broker.bootstrap, [name], count - 1)
    assert [int(message.value or b"") for message in found] == [n for n in range(count) if n != 300]
    assert "0 replayed, 1 not, 599 were" in project.run("replay", project.dead, code=1)


def test_a_letter_that_is_refused_while_others_are_still_produced(
    broker: KafkaServer, name: str, tmp_path: Path
) -> None:
    """What fails then is to produce the next one; the reason is another."""
    broker.create_topic(name, config={"max.message.bytes": "20000"})
    project = Project(broker.bootstrap, name, f"g.{name}", tmp_path / "ledger.jsonl")
    broker.create_topic(project.dead)
    values = [b"x" * 30000 if number == 3 else b"%d" % number for number in range(8)]
    reference_produce(broker.bootstrap, ({"topic": project.dead, "value": value} for value in values))
    script = f"""
import sys, time, django
django.setup()
from django.core.management import execute_from_command_line
from django_kafka.dead_letter.tool.transaction import ReplayTransaction
produce = ReplayTransaction._produce
def slowly(self, topic, value, *more):
    produce(self, topic, value, *more)
    while len(value) > 20000 and not self._producer.counters()["failed"]:
        time.sleep(0.01)
ReplayTransaction._produce = slowly
execute_from_command_line(["manage.py", "kafka_dead_letters", "replay", {project.dead!r}])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=project.env,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert f"{project.dead} 0:3: not replayed: it is too large for its topic" in done.stdout + done.stderr
    assert "7 replayed, 1 not, 0 were" in done.stdout + done.stderr
    assert project.counts() == (8, 7, 1)


def test_a_replay_that_is_killed_goes_on_later_and_replays_each_once(
    broker: KafkaServer, name: str, tmp_path: Path
) -> None:
    broker.create_topic(name, partitions=2)
    project = Project(broker.bootstrap, name, f"g.{name}", tmp_path / "ledger.jsonl")
    broker.create_topic(project.dead, partitions=2)
    count = 20_000
    reference_produce(
        broker.bootstrap,
        ({"topic": project.dead, "value": b"%d" % number, "partition": number % 2} for number in range(count)),
    )
    reader = consumer(broker.bootstrap, f"check-{name}")

    def arrived() -> int:
        return sum((reader.get_watermark_offsets(TopicPartition(name, p), 10) or (0, 0))[1] for p in (0, 1))

    command = [sys.executable, "-m", "django", "kafka_dead_letters", "replay", project.dead]
    replay = subprocess.Popen(
        command, env=project.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: arrived() > 1000, 60, "some are replayed", interval=0.005)
    finally:
        replay.kill()
    assert replay.wait() == -signal.SIGKILL, "it had ended before"
    before = arrived()
    assert before < count + count // 250
    again = project.run("replay", project.dead)
    done = int(again.split(" replayed, 0 not, ")[1].split()[0])
    print(f"{before} were there when it was killed, {done} of them for good")
    assert 0 < done < count
    assert f"{count - done} replayed, 0 not, {done} were" in again
    reader.subscribe([name])
    values = Counter(int(message.value or b"") for message in fetch_count(reader, count))
    assert values == Counter(range(count))
    reader.close()
