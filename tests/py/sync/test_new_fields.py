# SPDX-License-Identifier: MIT
"""Fields that newer versions of Django have: computed by the database, and primary keys of several columns."""

from __future__ import annotations

from typing import Any

import django
import pytest

from tests.py.sync.helpers import DbzJSONTopic, message, topic_of
from tests.synced import models
from tests.synced.models import contents

needs_5_0 = pytest.mark.skipif(django.VERSION < (5, 0), reason="Django has no db_default and no generated fields")
needs_5_2 = pytest.mark.skipif(django.VERSION < (5, 2), reason="Django has no composite primary keys")


@pytest.fixture(params=["bulk", "instances"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@needs_5_0
def test_columns_that_the_database_fills(path: str) -> None:
    def row(n: int, **values: Any) -> Any:
        return message({"id": n}, {"id": n, **values})

    topic = topic_of(models.Computed, sync_mode=path)
    topic.consume_batch([row(1, count=5, total=99), row(2, price=7), row(3), row(2, count=1, total=None)])
    assert [(r["id"], r["price"], r["count"], r["total"]) for r in contents(models.Computed)] == [
        (1, 3, 5, 15),
        (2, 7, 1, 7),
        (3, 3, 2, 6),
    ]
    topic.consume(row(1, count=1, total=5))
    topic.consume_batch([row(1, price=1), row(4, total=1)])
    assert [r["total"] for r in contents(models.Computed)] == [1, 7, 6, 6]


@needs_5_2
@pytest.mark.parametrize("base", [None, DbzJSONTopic])
def test_primary_keys_of_several_columns(path: str, base: Any) -> None:
    def row(tenant: int, number: int, **values: Any) -> Any:
        key = {"tenant": tenant, "number": number}
        return message(key, {**key, **values} if values else None)

    topic = topic_of(models.Compound, **({"base": base} if base else {}), sync_mode=path)
    assert topic.plan().path == path
    topic.consume_batch([row(1, 1, name="a"), row(1, 2, name="b"), row(2, 1, name="c"), row(1, 1, name="d")])
    topic.consume_batch([row(1, 2), row(2, 1, name="e"), row(3, 3)])
    assert [(r["tenant"], r["number"], r["name"]) for r in contents(models.Compound)] == [(1, 1, "d"), (2, 1, "e")]
    topic.consume(row(1, 1, name="f"))
    topic.consume(row(2, 1))
    topic.consume(message(None, {"tenant": 5, "number": 6, "name": "no key"}))
    assert [(r["tenant"], r["number"], r["name"]) for r in contents(models.Compound)] == [
        (1, 1, "f"),
        (5, 6, "no key"),
    ]


@needs_5_2
def test_a_primary_key_of_several_columns_by_its_name(path: str) -> None:
    class Topic(DbzJSONTopic):
        model = models.Compound
        sync_mode = path

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            return {"pk": (key["tenant"], key["number"])}

    messages = [message({"tenant": 1, "number": n}, {"name": str(n)}) for n in (1, 2, 1)]
    Topic().consume_batch(messages)
    Topic().consume(messages[0])
    assert [(r["tenant"], r["number"], r["name"]) for r in contents(models.Compound)] == [(1, 1, "1"), (1, 2, "2")]
