# SPDX-License-Identifier: MIT
"""A consumer that writes into PostgreSQL with offsets_in_database, as a process of its own, which may be killed.

python -m tests.live.exactly_once SETTINGS [migrate]        SETTINGS: JSON with bootstrap, group, topics, database
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def configure(options: dict[str, Any]) -> None:
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django_kafka", "tests.synced"],
        DATABASES={"default": options["database"]},
        DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": options["bootstrap"]}},
        USE_TZ=True,
        SECRET_KEY="test",
    )
    django.setup()


def make_tables() -> None:
    from django.core.management import call_command
    from django.db import connection

    from tests.synced.models import Customer, Order

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Customer)
        editor.create_model(Order)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counted (id integer PRIMARY KEY, n integer NOT NULL)")


def run(options: dict[str, Any]) -> None:
    from django.db import connection

    from django_kafka.consumer import Consumer, Topics
    from django_kafka.topic import TopicConsumer
    from django_kafka.topic.json import JSONTopicConsumer
    from django_kafka.topic.model import ModelTopicConsumer
    from tests.synced.models import Order

    rows, counts = options["topics"]

    class Rows(JSONTopicConsumer, ModelTopicConsumer):
        name = rows
        model = Order
        offsets_in_database = True
        sync_mode = options["mode"]

    class Counts(TopicConsumer):
        """Each message counts itself."""

        name = counts
        offsets_in_database = True
        batch_size = 50

        def consume_batch(self, messages: Sequence[Any]) -> None:
            with connection.cursor() as cursor:
                for msg in messages:
                    cursor.execute(
                        "INSERT INTO counted VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET n = counted.n + 1",
                        [int(msg.value())],
                    )

    class MyConsumer(Consumer):
        topics = Topics(Rows(), Counts())
        config = {
            "group.id": options["group"],
            "group.instance.id": "one",  # who comes back has its partitions at once
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }

    MyConsumer().run()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    configure(given)
    if "migrate" in sys.argv[2:]:
        make_tables()
    else:
        run(given)
