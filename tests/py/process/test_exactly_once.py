# SPDX-License-Identifier: MIT
"""A consumer that is killed again and again, also between the end of a transaction and the commit of its offsets:
with `offsets_in_database` nothing has its effect twice, and nothing is left out."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import tests.django_project  # noqa: F401
from django_kafka.testing.broker import kafka_broker

ROOT = Path(__file__).resolve().parents[3]
COUNT = 400

# Counts what it handles, and kills itself: in a handler, before the end of a transaction, or behind it.
PROGRAM = """
import os, signal, sys
database, brokers, where, count = sys.argv[1:]
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django_kafka"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": brokers}},
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from django.db import connection
from django_kafka.consumer import Consumer, Topics
from django_kafka.consumer.offsets import StoredOffsets
from django_kafka.topic import TopicConsumer

call_command("migrate", verbosity=0)
calls = 0


def die(place):
    if calls >= 3 and place == where:
        os.kill(os.getpid(), signal.SIGKILL)


class Counting(TopicConsumer):
    name = "events"
    batch_size = 20
    offsets_in_database = True

    def consume_batch(self, messages):
        global calls
        calls += 1
        with connection.cursor() as cursor:
            for msg in messages:
                cursor.execute(
                    "INSERT INTO counts VALUES (%s, 1) ON CONFLICT (value) DO UPDATE SET n = n + 1",
                    [msg.value().decode()],
                )
        die("handler")


class Counter(Consumer):
    topics = Topics(Counting())
    polling_freq = 0.05
    config = {
        "group.id": "g",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 1500,
        "heartbeat.interval.ms": 300,
        "fetch.wait.max.ms": 10,
        "auto.commit.interval.ms": 3600000,  # nothing is committed to Kafka before the end
    }

    def resume_partitions(self):
        super().resume_partitions()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM counts")
            if cursor.fetchone()[0] == int(count):
                self.request_stop()


store, stored = StoredOffsets.store, StoredOffsets.stored


def before_the_end(self, using, spans):
    ends = store(self, using, spans)
    die("before")
    return ends


def behind_the_end(self, ends):
    die("behind")
    stored(self, ends)


StoredOffsets.store, StoredOffsets.stored = before_the_end, behind_the_end
Counter().run()
"""


def run(database: Path, brokers: str, where: str) -> int:
    """The exit code of a consumer that dies there."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, str(database), brokers, where, str(COUNT)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def counts(database: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT value, n FROM counts ORDER BY rowid").fetchall()
    connection.close()
    return found


@pytest.mark.slow
def test_nothing_has_its_effect_twice(tmp_path: Path) -> None:
    database = tmp_path / "db.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE counts (value varchar(20) PRIMARY KEY, n integer NOT NULL)")
    connection.close()
    with kafka_broker({"events": 1}) as broker:
        broker.produce("events", *(b"%d" % i for i in range(COUNT)))
        for where in ("behind", "handler", "behind", "before", "behind"):
            assert run(database, broker.bootstrap, where) == -signal.SIGKILL
            assert all(n == 1 for _, n in counts(database))
        assert 0 < len(counts(database)) < COUNT
        assert run(database, broker.bootstrap, "nowhere") == 0
    assert counts(database) == [(str(i), 1) for i in range(COUNT)]
