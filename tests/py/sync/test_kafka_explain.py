# SPDX-License-Identifier: MIT
"""manage.py kafka_explain."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.py.django.conftest import registry  # noqa: F401
from tests.py.django.helpers import Recorder, consumer_of
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.synced.models import Order, Restaurant, Saved


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("kafka_explain", *args, stdout=out)
    return out.getvalue()


def test_paths_and_reasons_of_each_topic(registry: Any) -> None:  # noqa: F811
    topics = (
        Recorder("events"),
        topic_of(Order),
        topic_of(None, DbzJSONTopic, reroute_model_map={"a": Saved, "b": Restaurant, "c": Saved}),
        topic_of(Restaurant, sync_mode="bulk"),
        topic_of(None, get_model=lambda self, key, value: Order),
    )
    key = registry.get_key(registry()(consumer_of(*topics)))
    assert (
        run()
        == run(key)
        == (
            f"{key}\n"
            "  events\n    consume() is called for each message\n"
            "  orders\n    synced.Order: bulk\n"
            "  orders\n    synced.Saved: instances\n      not bulk: Saved.save() is the model's own\n"
            "    synced.Restaurant: instances\n"
            "      not bulk: its rows are in several tables (multi-table inheritance)\n"
            "  orders\n    synced.Restaurant: sync_mode of tests.py.sync.helpers.MyTopic is 'bulk', "
            "but its rows are in several tables (multi-table inheritance).\n"
            "  orders\n    the model is known only when a message comes: get_model() is overridden\n"
        )
    )


def test_an_unknown_consumer(registry: Any) -> None:  # noqa: F811
    with pytest.raises(CommandError, match="`nobody` is not registered"):
        run("nobody")
