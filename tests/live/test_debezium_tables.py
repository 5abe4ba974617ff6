# SPDX-License-Identifier: MIT
"""PostgreSQL, Debezium, Kafka Connect, Kafka, a consumer of ours, and a second database: while all of them run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import wide
from tests.live.clients import reference_consume
from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer

from django.contrib.postgres.signals import register_type_handlers  # isort: skip  (Django is configured)
from django.db import models  # isort: skip
from django.db.backends.signals import connection_created  # isort: skip
from django_kafka.testing.consumer import run_consumer_until  # isort: skip
from django_kafka.topic.avro import AvroTopicConsumer  # isort: skip
from django_kafka.topic.debezium import DbzModelTopicConsumer  # isort: skip
from tests.live.capture_streams import source_rows, start  # isort: skip
from tests.live.model_tables import database  # isort: skip
from tests.live.wide_models import MODELS, Kept  # isort: skip
from tests.py.django.helpers import consumer_of  # isort: skip
from tests.py.sync.helpers import DbzJSONTopic  # isort: skip
from tests.synced.models import Base  # isort: skip

pytestmark = pytest.mark.timeout(400)
WAYS = {
    "avro": wide.Way("avro", wide.flat("rewrite", add__fields="op")),
    "json": wide.Way("json"),
}
END = [
    "TRUNCATE keyless",
    "ALTER TABLE kept ADD COLUMN later text NOT NULL DEFAULT 'on time'",
    "INSERT INTO kept (id, note) VALUES (1000, 'before')",
]
AFTER = "UPDATE kept SET later = 'now', extra = extra + 1 WHERE id > 1"


class KeptLater(Base):
    """As the target's next migration has it."""

    id = models.IntegerField(primary_key=True)
    note = models.TextField(default="none")
    price = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    extra = models.IntegerField(default=5)
    later = models.TextField(default="on time")

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "kept"


class Both:
    """The two databases of one way."""

    def __init__(self, way: str, server: PostgresServer) -> None:
        self.way, self.server = way, server
        self.prefix = f"s-live-{way}"
        self.names = (f"from_{way}", f"to_{way}")

    def same(self, model: Any) -> bool:
        columns = [field.column for field in model._meta.concrete_fields]
        return self.rows(model, self.names[0], columns) == self.rows(model, self.names[1], columns)

    def rows(self, model: Any, name: str, columns: list[str]) -> list[dict[str, Any]]:
        table = model._meta.db_table
        found = source_rows(self.server, table, name)
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        # What is large and left alone when the key changes is in no message: that row becomes a dead letter.
        return [{n: row[n] for n in columns} for row in rows if table != "wide" or row["id"] != "30"]

    def topic(self, model: Any, **more: Any) -> Any:
        base = DbzJSONTopic if self.way == "json" else type("Avro", (AvroTopicConsumer, DbzModelTopicConsumer), {})
        members = {"name": f"{self.prefix}.public.{model._meta.db_table}", "model": model, "using": self.names[1]}
        return type("LiveTopic", (base,), {**members, "__module__": __name__, **more})()


@pytest.fixture(scope="module", params=WAYS)
def both(
    request: pytest.FixtureRequest,
    source: PostgresServer,
    connect_server: ConnectServer,
    shared_registry: RegistryServer,
    shared_kafka: KafkaServer,
) -> Iterator[Both]:
    found = Both(request.param, source)
    for table in wide.TABLES:
        shared_kafka.create_topic(f"{found.prefix}.public.{table}")
    for name in found.names:
        source.psql(f"CREATE DATABASE {name}")
        source.psql(wide.DDL, database=name)
    source.psql(
        "ALTER TABLE kept ADD COLUMN extra integer NOT NULL DEFAULT 5, DROP COLUMN day", database=found.names[1]
    )
    for statement in wide.BEFORE:
        source.psql(statement, database=found.names[0])
    way = WAYS[request.param]
    more = {"skipped.operations": "none", "database.dbname": found.names[0]}
    start(source, connect_server, shared_registry, f"live-{found.way}", wide.Way(way.format, {**way.options, **more}))
    connection_created.connect(register_type_handlers)  # as the app django.contrib.postgres does
    with database(found.names[1], {**source.django_settings(), "NAME": found.names[1]}):
        yield found
    connection_created.disconnect(register_type_handlers)
    connect_server.delete(found.prefix)


@pytest.fixture(autouse=True)
def _settings(broker: KafkaServer, shared_registry: RegistryServer) -> Iterator[None]:
    with django_kafka_settings(broker.bootstrap, shared_registry.url):
        yield


def test_a_second_database_follows(both: Both, broker: KafkaServer, name: str) -> None:
    """Types, changes of keys, large columns that are left alone, truncation, columns that come and go."""
    group = f"{name}-{both.way}"
    reference_consume(broker.bootstrap, [f"{both.prefix}.public.wide"], 4)  # the snapshot is in the log
    topics = [both.topic(model) for model in MODELS.values()]
    changes = iter([*wide.BEHIND, *END])

    def done() -> bool:
        """Changes while the consumer runs, one at each look."""
        statement = next(changes, None)
        if statement is not None:
            both.server.psql(statement, database=both.names[0])
            return False
        return all(both.same(model) for model in MODELS.values())

    with as_another_process():
        run_consumer_until(consumer_of(*topics, group=group), done, 90)
    for model in MODELS.values():
        assert both.same(model)
    # The column that the source has had for a while: the target's migration, then the next change of the source.
    both.server.psql("ALTER TABLE kept ADD COLUMN later text NOT NULL DEFAULT 'on time'", database=both.names[1])
    both.server.psql(AFTER, database=both.names[0])
    with as_another_process():
        run_consumer_until(consumer_of(both.topic(KeptLater), group=group), lambda: both.same(KeptLater), 60)
    assert both.same(KeptLater)
    assert both.same(Kept)


@pytest.mark.parametrize("answer", ["skip", "error"])
def test_truncation(
    both: Both, broker: KafkaServer, name: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    both.server.psql("TRUNCATE pairs", database=both.names[0])
    both.server.psql("INSERT INTO pairs VALUES (500, 500, 'behind')", database=both.names[0])
    both.server.psql("TRUNCATE pairs", database=both.names[1])
    model, group = MODELS["pairs"], f"{name}-{both.way}-{answer}"
    with as_another_process():
        run_consumer_until(
            consumer_of(both.topic(model, on_truncate=answer, retry_settings=None), group=group),
            lambda: "behind" in both.server.psql("SELECT string_agg(what, ' ') FROM pairs", database=both.names[1]),
            60,
        )
    if both.way == "avro":  # Debezium's transformation has taken it out
        assert "truncated" not in caplog.text
    elif answer == "skip":
        assert "the table was truncated" in caplog.text
    else:
        letters = reference_consume(broker.bootstrap, [f"{group}.{both.prefix}.public.pairs.dlt"], 1)
        assert any(b"truncated" in (value or b"") for _, value in letters[0].headers)
    # Rows that were there before stay: a truncation is no message of theirs.
    assert int(both.server.psql("SELECT count(*) FROM pairs", database=both.names[1])) > 1
