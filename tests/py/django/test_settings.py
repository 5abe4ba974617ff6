# SPDX-License-Identifier: MIT
"""DJANGO_KAFKA: every key of the original, its default, and when it is read."""

from __future__ import annotations

import socket
from datetime import timedelta
from unittest import mock

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from django_kafka.conf import DEFAULTS, SETTINGS_KEY, Setting, load, settings
from django_kafka.consumer import Consumer
from django_kafka.exceptions import ConfigurationError
from django_kafka.producer import Producer
from django_kafka.topic import TopicConsumer

SEED = {
    "CLIENT_ID": f"{socket.gethostname()}-python",
    "ERROR_HANDLER": "django_kafka.error_handlers.ClientErrorHandler",
    "GLOBAL_CONFIG": {},
    "PRODUCER_CONFIG": {},
    "CONSUMER_CONFIG": {},
    "RETRY_CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        "topic.metadata.refresh.interval.ms": 10000,
    },
    "RETRY_SETTINGS": None,
    "RETRY_TOPIC_SUFFIX": "retry",
    "DEAD_LETTER_TOPIC_SUFFIX": "dlt",
    "POLLING_FREQUENCY": 1,
    "SCHEMA_REGISTRY": {},
    "CONNECT_HOST": None,
    "CONNECT_AUTH": None,
    "CONNECT_RETRY": {
        "connect": 5,
        "read": 5,
        "status": 5,
        "backoff_factor": 0.5,
        "status_forcelist": [502, 503, 504],
    },
    "CONNECT_REQUESTS_TIMEOUT": 30,
    "CONNECTOR_NAME_PREFIX": "",
}
LATER = {
    "REPRODUCER_CONFIG": {"namespace": None},
    "TEMPORAL_TASK_QUEUE": "django-kafka",
    "RELATION_RESOLVER_DAEMON_INTERVAL": timedelta(seconds=5),
    "MODEL_SYNC_DB_SCHEMA": "public",
    "MODEL_SYNC_ENRICHER_GROUP": "django-kafka.model-sync-enricher",
}


@pytest.mark.parametrize(("key", "value"), [*SEED.items(), *LATER.items()])
def test_default(key: str, value: object) -> None:
    assert DEFAULTS[key] == value
    assert getattr(settings, key) == value


def test_user_value_wins_and_is_read_each_time() -> None:
    assert SETTINGS_KEY == "DJANGO_KAFKA"
    with override_settings(DJANGO_KAFKA={"CLIENT_ID": "mine"}):
        assert settings.CLIENT_ID == "mine"
    assert SEED["CLIENT_ID"] == settings.CLIENT_ID


def test_user_dict_replaces_the_default() -> None:
    with override_settings(DJANGO_KAFKA={"RETRY_CONSUMER_CONFIG": {"a": 1}}):
        assert settings.RETRY_CONSUMER_CONFIG == {"a": 1}


def test_no_settings_at_all() -> None:
    with override_settings(DJANGO_KAFKA=None):
        assert settings.POLLING_FREQUENCY == 1


def test_invalid_name() -> None:
    with pytest.raises(AttributeError, match=r"^Invalid setting: 'NONSENSE'$"):
        settings.NONSENSE  # noqa: B018


def test_values_can_be_patched_on_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CLIENT_ID", "patched", raising=False)
    assert settings.CLIENT_ID == "patched"


def test_retry_settings() -> None:
    assert settings.get_retry_settings() is None
    with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": {}}):
        assert settings.get_retry_settings() is None
    with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": {"max_retries": 2, "delay": 7}}):
        rules = settings.get_retry_settings()
        assert rules is not None
        assert (rules.max_retries, rules.delay) == (2, 7)
        assert settings.get_retry_settings() is rules
    assert settings.get_retry_settings() is None


def test_wrong_retry_settings_name_the_setting() -> None:
    with (
        override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": {"retries": 2}}),
        pytest.raises(ConfigurationError, match=r"DJANGO_KAFKA\['RETRY_SETTINGS'\] is wrong"),
    ):
        settings.get_retry_settings()


def test_d39_class_attributes_follow_the_settings() -> None:
    with override_settings(
        DJANGO_KAFKA={
            "POLLING_FREQUENCY": 9,
            "ERROR_HANDLER": "x.Y",
            "RETRY_SETTINGS": {"max_retries": 1, "delay": 1},
        }
    ):
        assert Consumer.polling_freq == 9
        assert Consumer.default_error_handler == Producer.default_error_handler == "x.Y"
        assert TopicConsumer.retry_settings is settings.get_retry_settings()
    assert Consumer.polling_freq == 1
    assert TopicConsumer.retry_settings is None


def test_class_attribute_can_be_overridden() -> None:
    class Mine:
        freq = Setting[float]("POLLING_FREQUENCY")

    class Theirs(Mine):
        freq = 3

    assert Theirs.freq == 3
    mine = Mine()
    mine.freq = 4
    assert (mine.freq, Mine.freq) == (4, 1)


def test_load_says_what_is_wrong() -> None:
    assert load("django_kafka.error_handlers.ClientErrorHandler", "it").__name__ == "ClientErrorHandler"
    assert load(len, "it") is len
    with pytest.raises(ConfigurationError, match=r"The setting X: cannot import 'no.such.thing'"):
        load("no.such.thing", "The setting X")


def test_a_change_that_nobody_announces_is_seen() -> None:
    with override_settings(DJANGO_KAFKA={"CLIENT_ID": "first"}):
        assert settings.CLIENT_ID == "first"
        django_settings.DJANGO_KAFKA["CLIENT_ID"] = "in place"
        assert settings.CLIENT_ID == "in place"
        django_settings.DJANGO_KAFKA = {"CLIENT_ID": "assigned"}
        assert settings.CLIENT_ID == "assigned"
        del django_settings.DJANGO_KAFKA
        assert settings.CLIENT_ID.endswith("-python")


def test_a_setting_is_patched() -> None:
    """As projects' tests do it with the original's."""
    with mock.patch.multiple("django_kafka.conf.settings", CLIENT_ID="patched"):
        assert settings.CLIENT_ID == "patched"
    assert settings.CLIENT_ID != "patched"


def test_a_setting_of_nobody_is_read_too() -> None:
    with override_settings(DJANGO_KAFKA={"OF_A_LATER_VERSION": 5}):
        assert settings.OF_A_LATER_VERSION == 5
