# SPDX-License-Identifier: MIT
"""Patterns on a real broker: the same topics with every protocol of groups."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import override_settings

import tests.django_project  # noqa: F401
from django_kafka.exceptions import ConfigurationError
from django_kafka.testing import run_consumer_until
from tests.live.clients import reference_produce
from tests.live.servers import KafkaServer
from tests.py.django.helpers import Recorder, consumer_of

PATTERNS = [r"^{}\.orders.1", "^nothing|^{}", r"^{}\.[[:alpha:]]+\.[0-9]{{2}}$", r"^(x|{})\.orders"]


def is_seen(recorder: Recorder) -> bool:
    return recorder.values == [b"x"]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_pattern_takes_what_it_is_found_in(broker: KafkaServer, name: str, protocol: str) -> None:
    topic = f"{name}.orders.17"
    broker.create_topic(topic)
    reference_produce(broker.bootstrap, [{"topic": topic, "value": b"x"}])
    for number, pattern in enumerate(PATTERNS):
        recorder = Recorder(pattern.format(name))
        config = {"group.protocol": protocol, "auto.offset.reset": "earliest"}
        with override_settings(DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": broker.bootstrap}}):
            cls = consumer_of(recorder, group=f"{name}.{number}", config=config)
            run_consumer_until(cls, partial(is_seen, recorder))


def test_what_the_broker_refuses_is_named(broker: KafkaServer, name: str) -> None:
    cls: Any = consumer_of(Recorder(rf"^{name}\Z"), group=name, config={"group.protocol": "consumer"})
    with (
        override_settings(DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": broker.bootstrap}}),
        pytest.raises(ConfigurationError, match=r"The broker refuses to subscribe: .*is no POSIX expression: write"),
    ):
        cls().run()
