# SPDX-License-Identifier: MIT
"""What `manage.py check` says about settings and consumers."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_kafka import checks, kafka
from django_kafka.conf import DEFAULTS
from django_kafka.registry import ConsumersRegistry
from django_kafka.topic import Topic, TopicConsumer
from tests.py.django.helpers import Recorder, consumer_of


def found(settings: Any) -> list[tuple[str, str]]:
    with override_settings(DJANGO_KAFKA=settings):
        return [(str(message.id).removeprefix("django_kafka."), message.msg) for message in checks.check_settings()]


def test_checks_are_registered(registry: ConsumersRegistry) -> None:
    with override_settings(DJANGO_KAFKA={"CLIENTID": "x"}):
        assert "django_kafka.E002" in [message.id for message in run_checks()]


def test_defaults_and_nothing_are_fine() -> None:
    assert found(None) == found({}) == []
    with override_settings(DJANGO_KAFKA=dict(DEFAULTS)):
        assert checks.check_settings() == []


@pytest.mark.parametrize("key", ["SCHEMA_REGISTRY", "CONNECTOR_NAME_PREFIX", "CONNECT_RETRY", "RETRY_SETTINGS"])
def test_none_is_nothing_where_the_original_takes_it(key: str) -> None:
    assert found({key: None}) == []


def test_not_a_dict() -> None:
    assert found([1]) == [("E001", "DJANGO_KAFKA must be a dict, not list.")]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("CLIENTID", "CLIENT_ID"),
        ("consumer_config", "CONSUMER_CONFIG"),
        ("DEAD_LETTER_SUFFIX", "DEAD_LETTER_TOPIC_SUFFIX"),
        ("SCHEMA-REGISTRY", "SCHEMA_REGISTRY"),
    ],
)
def test_unknown_key(key: str, meant: str) -> None:
    assert found({key: 1}) == [("E002", f"DJANGO_KAFKA has an unknown key {key!r} (did you mean {meant!r}?).")]


@pytest.mark.parametrize("option", sorted({*DEFAULTS, "http://me:hunter2@x"}))
@pytest.mark.parametrize(
    "value",
    [
        "http://me:hunter2@host",
        ["http://me:hunter2@host"],
        {"password": "hunter2"},
        '{"password": "hunter2"}',
        "x\x1by",
    ],
)
def test_no_value_that_is_wrong_tells_a_secret(option: str, value: Any) -> None:
    for _, text in found({option: value}):
        assert "hunter2" not in text
        assert "\x1b" not in text


def test_unknown_key_that_is_hardly_like_any_may_be_the_projects_own() -> None:
    assert [number for number, _ in found({"TOPIC_PREFIX": "x"})] == ["W004"]
    assert found({"XYZ": 1}) == [("W004", "DJANGO_KAFKA has a key 'XYZ' that is none of django_kafka's.")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CLIENT_ID", 1),
        ("GLOBAL_CONFIG", []),
        ("PRODUCER_CONFIG", "x"),
        ("CONSUMER_CONFIG", None),
        ("POLLING_FREQUENCY", "1"),
        ("POLLING_FREQUENCY", 0),
        ("POLLING_FREQUENCY", True),
        ("RETRY_SETTINGS", {"max_retries": -5, "delay": 1}),
        ("RETRY_SETTINGS", {"tries": 1}),
        ("RETRY_SETTINGS", 5),
        ("RETRY_TOPIC_SUFFIX", "a b"),
        ("DEAD_LETTER_TOPIC_SUFFIX", ""),
        ("DATABASE_ERRORS", "ignore"),
        ("FAILURE_TOPICS", {"creat": True}),
        ("FAILURE_TOPICS", {"partitions": "3"}),
        ("FAILURE_TOPICS", {"config": None}),
        ("FAILURE_TOPICS", {"timeout": 0}),
        ("FAILURE_LOG_LIMIT", 0),
        ("SCHEMA_REGISTRY", "http://x"),
        ("CONNECT_AUTH", "user:password"),
        ("CONNECT_HOST", 80),
        ("CONNECTOR_NAME_PREFIX", 5),
        ("RELATION_RESOLVER_DAEMON_INTERVAL", 5),
    ],
)
def test_wrong_value(key: str, value: object) -> None:
    ((number, text),) = found({key: value})
    assert number == "E003"
    assert text.startswith(f"DJANGO_KAFKA[{key!r}]: ")


def test_path_that_leads_nowhere() -> None:
    ((number, text),) = found({"ERROR_HANDLER": "django_kafka.error_handlers.ClientErorHandler"})
    assert number == "E004"
    assert "cannot import" in text
    ((number, text),) = found({"ERROR_HANDLER": "django_kafka.conf.SETTINGS_KEY"})
    assert text == "DJANGO_KAFKA['ERROR_HANDLER']: 'django_kafka.conf.SETTINGS_KEY' is not callable."


@pytest.mark.parametrize("value", [True, "true", "TRUE", 1])
def test_stored_before_it_is_done(value: object) -> None:
    ((number, text),) = found({"CONSUMER_CONFIG": {"enable.auto.offset.store": value}})
    assert number == "W002"
    assert "would be lost" in text
    assert found({"CONSUMER_CONFIG": {"enable.auto.offset.store": False}}) == []


def test_client_option_with_underscores() -> None:
    assert found({"GLOBAL_CONFIG": {"bootstrap_servers": "x", "error_cb": print, "on_commit": print}}) == [
        (
            "E005",
            "DJANGO_KAFKA['GLOBAL_CONFIG']: 'bootstrap_servers' is not a client option "
            "(did you mean 'bootstrap.servers'?).",
        )
    ]


def test_both_distributions() -> None:
    with mock.patch("django_kafka.checks.distributions.version", return_value="1"):
        (message,) = checks.check_distributions()
    assert message.id == "django_kafka.W001"
    assert "Both django-kafka and django-kafka-native are installed" in message.msg
    assert "pip uninstall" in str(message.hint)
    assert checks.check_distributions() == []


BROKER = {"GLOBAL_CONFIG": {"bootstrap.servers": "127.0.0.1:9092"}}


def ids(registry: ConsumersRegistry, **settings: Any) -> list[str]:
    with override_settings(DJANGO_KAFKA={**BROKER, **settings}):
        return [str(message.id).removeprefix("django_kafka.") for message in checks.check_consumers()]


def texts(registry: ConsumersRegistry) -> list[str]:
    with override_settings(DJANGO_KAFKA=BROKER):
        return [message.msg for message in checks.check_consumers()]


def test_good_consumer(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder()))
    assert ids(registry) == []


def test_consumer_without_topics_or_group(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(config={"group.id": ""}))
    assert ids(registry) == ["W003", "E006"]


@pytest.mark.parametrize("settings", [{"CONSUMER_CONFIG": []}, {"GLOBAL_CONFIG": "x:9092"}, {"ERROR_HANDLER": "a.b"}])
def test_consumers_are_not_blamed_for_wrong_settings(registry: ConsumersRegistry, settings: dict[str, Any]) -> None:
    registry.register(consumer_of(Recorder(), config={"group.id": ""}))
    assert ids(registry, **settings) == []


def test_group_that_is_no_string(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder(), config={"group.id": 7}))
    assert texts(registry) == [
        "Consumer tests.py.django.helpers.MyConsumer has a 'group.id' that is not a string, 7."
    ]


def test_config_that_is_no_dict(registry: ConsumersRegistry) -> None:
    cls = consumer_of(Recorder())
    cls.config = "group.id=g"  # type: ignore[assignment]
    registry.register(cls)
    assert ids(registry) == ["E012"]


def test_topics_that_are_a_list(registry: ConsumersRegistry) -> None:
    cls = consumer_of(Recorder())
    cls.topics = [Recorder()]  # type: ignore[assignment]
    registry.register(cls)
    assert ids(registry) == ["E009"]


def test_no_brokers(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder()))
    assert ids(registry, GLOBAL_CONFIG={}) == ids(registry, GLOBAL_CONFIG={"bootstrap.servers": ""}) == ["W005"]
    assert ids(registry, GLOBAL_CONFIG={}, CONSUMER_CONFIG={"metadata.broker.list": "127.0.0.1:9092"}) == []


def test_pattern_that_is_none(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder("^orders-(")))
    assert ids(registry) == ["E013"]


def test_one_class_instead_of_a_list() -> None:
    ((_, text),) = found({"RETRY_SETTINGS": {"max_retries": 1, "delay": 1, "include": ValueError}})
    assert "include must be a list of exception classes, not <class 'ValueError'>" in text


@pytest.mark.parametrize("rules", [{"include": ["ValueError"]}, {"exclude": [ValueError()]}])
def test_retry_rules_for_what_is_no_exception_class(registry: ConsumersRegistry, rules: dict[str, Any]) -> None:
    topic = Recorder()
    kafka.retry(max_retries=1, delay=1, **rules)(topic)
    registry.register(consumer_of(topic))
    assert ids(registry) == ["E014"]
    assert found({"RETRY_SETTINGS": {"max_retries": 1, "delay": 1, **rules}})[0][0] == "E003"


def test_relations_that_nobody_resolves(registry: ConsumersRegistry) -> None:
    class Related(Recorder):
        def get_relations(self, msg: Any) -> Any:
            yield msg

    registry.register(consumer_of(Related()))
    assert ids(registry) == ["W006"]


@pytest.mark.parametrize("settings", [{"max_retries": 1}, {"max_retries": -5, "delay": 1}, {"tries": 1}])
def test_wrong_retry_settings_are_the_checks_business(registry: ConsumersRegistry, settings: dict[str, Any]) -> None:
    """An exception at registration would be a traceback out of django.setup()."""
    with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": settings}):
        registry.register(consumer_of(Recorder()))
        assert [message.id for message in checks.check_settings()] == ["django_kafka.E003"]


def test_topic_without_handler(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(type("Idle", (TopicConsumer,), {"name": "idle"})()))
    assert ids(registry) == ["E007"]


def test_class_in_the_place_of_a_topic(registry: ConsumersRegistry) -> None:
    registry._classes["x"] = consumer_of(Recorder)  # type: ignore[arg-type]
    assert ids(registry) == ["E009"]


def test_pattern_that_is_produced_to(registry: ConsumersRegistry) -> None:
    class Pattern(Topic):
        name = "x"

        def consume(self, msg: Any) -> None: ...

    topic = Pattern()
    Pattern.name = "^x"
    registry.register(consumer_of(topic))
    assert ids(registry) == ["E010"]


def test_group_that_no_topic_can_be_named_after(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder(), group="my group"))
    registry._classes["long"] = consumer_of(Recorder("t" * 200), group="g" * 60)
    assert ids(registry) == ["E011", "E011"]


def test_wrong_configuration_of_a_class(registry: ConsumersRegistry) -> None:
    registry.register(consumer_of(Recorder(), config={"enable.auto.offset.store": "true"}))
    assert ids(registry) == ["W002"]
