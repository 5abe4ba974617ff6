# SPDX-License-Identifier: MIT
"""Retry topics of patterns: whatever topic a copy is sent to, the retry consumer reads."""

from __future__ import annotations

import ctypes
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_kafka import checks
from django_kafka.consumer.plan import plan_of
from django_kafka.exceptions import ConfigurationError
from django_kafka.retry.settings import RetrySettings
from django_kafka.retry.topic import RetryTopicConsumer
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.utils.patterns import NotEmbeddable, embeddable
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

LIBC = ctypes.CDLL(None)
RULES = RetrySettings(max_retries=1, delay=0.1, blocking=False)


def found_by_posix(pattern: str, text: str) -> bool:
    """As librdkafka looks for a topic: with the C library's extended expressions."""
    compiled = ctypes.create_string_buffer(256)
    extended, no_groups = 1, 8
    assert LIBC.regcomp(compiled, pattern.encode(), extended | no_groups) == 0, pattern
    try:
        return bool(LIBC.regexec(compiled, text.encode(), 0, None, 0) == 0)
    finally:
        LIBC.regfree(compiled)


def topic_of(pattern: str) -> Recorder:
    topic = Recorder(pattern)
    topic.retry_settings = RULES
    return topic


ATOMS = st.sampled_from(
    ["a", "b", r"\.", ".", "[ab]", "[^a]", "a*", ".*", "b+", "a?", "[.]", "(a|b)", "(a|b)*", ".+"]
)
BRANCHES = st.builds(
    lambda start, atoms, end: f"{start}{''.join(atoms)}{end}",
    st.sampled_from(["", "^"]),
    st.lists(ATOMS, min_size=1, max_size=4),
    st.sampled_from(["", "$"]),
)
GROUPS = st.builds(lambda branches: f"({'|'.join(branches)})", st.lists(BRANCHES, min_size=1, max_size=3))
PATTERNS = st.builds(
    lambda branches, group: "^" + "|".join([*branches, group]).removeprefix("^"),
    st.lists(BRANCHES, min_size=1, max_size=3),
    GROUPS,
)
NAMES = st.text("ab.", min_size=1, max_size=8)


@given(PATTERNS, NAMES)
def test_the_retry_topics_of_a_pattern_are_those_of_its_topics(pattern: str, name: str) -> None:
    retry = RetryTopicConsumer("shop", topic_of(pattern)).name
    taken = bool(re.search(pattern, name))
    assert found_by_posix(pattern, name) == taken
    for topic in (f"shop.{name}.retry.1", f"shop.{name}.retry.12"):
        assert bool(re.search(retry, topic)) == taken, retry
        assert found_by_posix(retry, topic) == taken, retry
    assert not re.search(retry, f"other.{name}.retry.1")


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("^orders", "orders.*"),
        (r"^orders\.eu|^orders\.us", r"orders\.eu.*|orders\.us.*"),
        (r"^orders\.(eu|us)$", r"orders\.(eu|us)"),
        ("^a|b", "a.*|.*b.*"),
        ("^(a|b$)", "(a.*|b)"),
        (r"^orders\..*", r"orders\..*"),
        ("^", ".*"),
        ("^[]a^$|]+$", "[]a^$|]+"),
        ("^[[:alpha:]]$", "[[:alpha:]]"),
        (r"^\^\$\|$", r"\^\$\|"),
        ("(?i)^ORD", "(?i:ORD.*)"),
        ("^a{2,3}", "a{2,3}.*"),
    ],
)
def test_a_part_of_a_name(pattern: str, part: str) -> None:
    assert embeddable(pattern) == part


@pytest.mark.parametrize(
    "pattern", ["^(^a|b)c", "^(a$)?", "^a(?!b)", r"^(a)\1", r"^a\b", "^a$*", "^(a", "^a)", "^[a"]
)
def test_what_cannot_be_a_part(pattern: str, registry: Any) -> None:
    with pytest.raises(NotEmbeddable):
        embeddable(pattern)
    topic = topic_of(pattern)
    with pytest.raises(ConfigurationError, match="cannot have non-blocking retries"):
        RetryTopicConsumer("shop", topic)
    cls = consumer_of(topic, group="shop")
    registry()(cls)
    assert list(registry) == [registry.get_key(cls)]
    assert {message.id for message in checks.check_consumers()} & {"django_kafka.E013", "django_kafka.E018"}
    assert "cannot have non-blocking retries" in plan_of(cls).refusal


@pytest.mark.parametrize("pattern", ["^orders", r"^orders\.eu|^orders\.us"])
def test_a_message_of_a_pattern_is_tried_again(pattern: str, registry: Any) -> None:
    topic = topic_of(pattern)
    topic.act = FailTimes(1)
    cls = consumer_of(topic, group="shop")
    registry()(cls)
    with kafka_broker(topics={"orders.us": 1}) as broker:
        broker.produce("orders.us", b"x")
        run_consumer_until(cls, lambda: len(broker.collect("shop.orders.us.retry.1")) == 1)
        run_consumer_until(registry[f"{registry.get_key(cls)}.retry"], lambda: topic.values == [b"x"])
