# SPDX-License-Identifier: MIT
"""What django-kafka does wrong with connectors, their command and the skip flag, by the numbers of the list of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.db.models.signals import post_save, pre_save
from django.test import override_settings

from django_kafka.connect.connector import Connector
from django_kafka.exceptions import DjangoKafkaError
from tests.py.connect.calling import lines
from tests.py.connect.stub import StubConnect, state
from tests.py.connect.test_session import nobody
from tests.synced.models import Skipping, SkippingPart, empty_tables, make_tables


@pytest.fixture
def rows() -> Any:
    make_tables()
    empty_tables()
    return Skipping.objects


def test_d23_an_answer_with_errors_is_not_valid(stub: StubConnect, make: Any) -> None:
    connector = make("A")()
    stub.errors = {"slot.name": ["Bad name"]}
    assert connector.is_valid() is False
    with pytest.raises(DjangoKafkaError, match=r"slot\.name: Bad name"):
        connector.is_valid(raise_exception=True)


def test_d23_the_name_is_validated_with_the_configuration(stub: StubConnect, make: Any) -> None:
    assert make("A")().is_valid(raise_exception=True)
    assert stub.bodies[0]["name"] == "A"


@pytest.mark.parametrize("tasks", [("FAILED",), ("RUNNING", "FAILED"), ("PAUSED",), ()])
def test_d24_a_connector_whose_tasks_do_not_run_does_not_run(
    stub: StubConnect, make: Any, tasks: tuple[str, ...]
) -> None:
    connector = make("A")()
    stub.connectors["A"] = {}
    stub.states["A"] = state("RUNNING", *tasks)
    assert connector.status() != "RUNNING"


def test_d25_connection_errors_count_per_connector(make: Any) -> None:
    make("A")
    make("B")
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": nobody(), "CONNECT_RETRY": None}):
        for code, more in ((1, ()), (0, ("--ignore-failures",))):
            printed = lines("--validate", "--publish", *more, code=code)
            assert [line for line in printed if line[:2] in ("A:", "B:")] == [
                "A: invalid", "B: invalid", "A: failed", "B: failed",
            ]  # fmt: skip


def test_d25_two_connectors_of_one_name_are_refused(connectors: Any) -> None:
    connectors()(type("Orders", (Connector,), {"config": {}, "__module__": "shop.connectors"}))
    with pytest.raises(DjangoKafkaError, match="`Orders` is already registered"):
        connectors()(type("Orders", (Connector,), {"config": {}, "__module__": "bank.connectors"}))


def test_d28_save_takes_and_returns_what_djangos_does(rows: Any) -> None:
    """A model of the project passes on whatever it is given."""
    part = SkippingPart(pk=1)
    assert part.save(force_insert=True, using="default") is None
    part.kafka_skip = True
    part.save(force_update=True, update_fields=("whole",))
    assert SkippingPart.objects.get().kafka_skip is True


def test_d28_bulk_operations_write_the_flag(rows: Any) -> None:
    row = rows.create(pk=1, kafka_skip=True)
    rows.bulk_update([rows.get()], ["name"])
    assert rows.get().kafka_skip is False
    rows.update(kafka_skip=True)
    row = rows.get()
    row.pk = 2
    rows.bulk_create([row])
    assert rows.get(pk=2).kafka_skip is False


def test_d29_a_deletion_updates_only_another_flag_and_sends_no_signal_of_a_save(rows: Any) -> None:
    rows.create(pk=1)
    updates: list[str] = []
    saves: list[Any] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE") and context["cursor"].rowcount:
            updates.append(sql)
        return result

    def receive(**_: Any) -> None:
        saves.append(1)

    signals = (pre_save, post_save)
    for signal in signals:
        signal.connect(receive, sender=Skipping)
    try:
        with connections["default"].execute_wrapper(watch):
            rows.get().delete()
    finally:
        for signal in signals:
            signal.disconnect(receive, sender=Skipping)
    assert (updates, saves, rows.count()) == ([], [], 0)
