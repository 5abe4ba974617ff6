# SPDX-License-Identifier: MIT
"""Patterns mean the same to all that read them: what does not is an error of `check`, with what to write instead."""

from __future__ import annotations

import ctypes
import logging
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from django_kafka import checks
from django_kafka.exceptions import ConfigurationError
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.utils.dialects import as_subscribed, faults, in_python
from tests.py.django.helpers import Recorder, consumer_of

LIBC = ctypes.CDLL(None)


def found_by_posix(pattern: str, text: str) -> bool | None:
    """As librdkafka looks for a topic: with the C library's extended expressions. None: it refuses the pattern."""
    compiled = ctypes.create_string_buffer(256)
    extended, no_groups = 1, 8
    if LIBC.regcomp(compiled, pattern.encode(), extended | no_groups) != 0:
        return None
    try:
        return bool(LIBC.regexec(compiled, text.encode(), 0, None, 0) == 0)
    finally:
        LIBC.regfree(compiled)


TEXTS = (
    r"a b d 1 \. . [ab] [^a] [[:digit:]] [[:alpha:]_] [^[:space:]] []a] [\w] [\d] [\.a] [a\-z] [a\]b] [.-] [a-] ^ $ "
    r"\d \D \w \W \s \b \B \Z \z \A \< \> \` \' \1 \x61 \t \- \^ (a) (?:a) (?=a) (?!a) (?<=a) (?i) (?P<n>a)"
)
ATOMS = st.sampled_from(TEXTS.split())
REPETITIONS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "*?", "+?", "??", "++", "{1,2}?"])
PIECES = st.lists(st.builds(str.__add__, ATOMS, REPETITIONS), min_size=1, max_size=4).map("".join)
PATTERNS = st.lists(PIECES, min_size=1, max_size=2).map(lambda branches: "^" + "|".join(branches))
NAMES = st.text("abdwxzZ1-_.", min_size=1, max_size=6)


@given(PATTERNS, NAMES)
def test_a_pattern_without_fault_is_read_alike(pattern: str, name: str) -> None:
    assume(not faults(pattern, by_broker=False))
    try:
        compiled = in_python(pattern)
    except re.error:
        return  # an error of the check
    taken = found_by_posix(pattern, name)
    if taken is not None:  # else the trial of the check says so
        assert (compiled.search(name) is not None) == taken, pattern


@given(PATTERNS, NAMES)
def test_what_the_broker_gets_takes_whole_names(pattern: str, name: str) -> None:
    assume(not faults(pattern, by_broker=True))
    try:
        found = in_python(pattern).search(name) is not None
    except re.error:
        return
    given_to_it = as_subscribed(pattern, by_broker=True)
    assert given_to_it.startswith("^")
    assert (in_python(given_to_it).fullmatch(name) is not None) == found, given_to_it


FAULTS = {
    r"^orders\.\d+$": "write [0-9]",
    r"^orders\D": "write [^0-9]",
    r"^orders\Z": "write $",
    r"^(?:a|b)$": "write ( for (?:",
    r"^(?P<name>a)$": "write ( for (?P<",
    r"^(?!test)shop": "by alternatives or several topics",
    r"^a(?<=a)b": "by alternatives or several topics",
    r"^(?i:orders)$": "write [Oo]",
    r"^o[\w]+$": "write [A-Za-z0-9_]",
    r"^[a\-z]+$": "with - at the end",
    r"^a.+?b$": "write + alone",
    r"^\<a": "write < without a backslash",
    r"^a\x41": "write the characters",
}


@pytest.mark.parametrize("pattern", FAULTS)
def test_what_is_read_otherwise_is_an_error(pattern: str, registry: Any) -> None:
    cls = consumer_of(Recorder(pattern))
    registry()(cls)
    (message,) = (message for message in checks.check_consumers() if message.id != "django_kafka.W005")
    assert message.id == "django_kafka.E013"
    assert repr(pattern) in message.msg
    assert FAULTS[pattern] in message.msg


@pytest.mark.parametrize("pattern", [r"^orders\.\d+$", r"^o[\w]+$", r"^a.+?b$", r"^a\w", "^[[:digit:]]$"])
def test_what_brokers_read_with_the_consumer_protocol(pattern: str, registry: Any) -> None:
    cls = consumer_of(Recorder(pattern), config={"group.protocol": "CONSUMER"})
    registry()(cls)
    assert [message.msg for message in checks.check_consumers() if message.id != "django_kafka.W005"] == []


@pytest.mark.parametrize("pattern", [r"^a\Z", r"^(a)\1$", "^a{,2}$", "^a++", r"^a\b", "^(?=a)", "^[[.a.]]"])
def test_what_brokers_do_not_read(pattern: str, registry: Any) -> None:
    cls = consumer_of(Recorder(pattern), config={"group.protocol": "consumer"})
    registry()(cls)
    (message,) = (message for message in checks.check_consumers() if message.id != "django_kafka.W005")
    assert message.id == "django_kafka.E013"
    assert repr(pattern) in message.msg


def test_classes_of_characters(log: pytest.LogCaptureFixture) -> None:
    """librdkafka subscribes to them; their messages have a topic object."""
    topic = Recorder("^orders[[:punct:]][[:digit:]]+$")
    with kafka_broker(topics=["orders.17"]) as broker:
        broker.produce("orders.17", b"x")
        run_consumer_until(consumer_of(topic), lambda: topic.values == [b"x"])
    assert "no topic matches" not in log.text


def test_the_pattern_that_is_refused_is_named() -> None:
    cls = consumer_of(Recorder("^good$"), Recorder("^orders(?:1|2)$"))
    with kafka_broker(), pytest.raises(ConfigurationError) as raised:
        cls().run()
    assert "'^orders(?:1|2)$': groups with ? are no POSIX expressions" in str(raised.value)
    assert "good" not in str(raised.value)


def test_all_patterns_are_named_when_nobody_knows() -> None:
    with kafka_broker():
        consumer = consumer_of(Recorder("^a"))()
        with pytest.raises(ConfigurationError) as raised:
            consumer.subscribe(["^b{2", "c"])
        consumer.stop()
    assert "of '^b{2' it cannot read a pattern" in str(raised.value)


def test_a_pattern_without_topics_is_told_once(log: pytest.LogCaptureFixture) -> None:
    there, missing = Recorder("^orders"), Recorder(r"^nothing\.[0-9]$")
    with kafka_broker(topics=["orders.1"]) as broker:
        broker.produce("orders.1", b"x", b"y")
        run_consumer_until(consumer_of(there, missing), lambda: len(there.values) == 2 and "matches" in log.text)
    told = [record for record in log.records if "no topic matches" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.INFO]
    assert r"'^nothing\.[0-9]$'" in told[0].getMessage()
