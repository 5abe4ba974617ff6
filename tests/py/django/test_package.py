# SPDX-License-Identifier: MIT
"""The root of the package: names, discovery, clients that belong to a process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from unittest import mock

import pytest
from django.apps import apps
from django.test import override_settings

import django_kafka
from django_kafka import DjangoKafka, kafka
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError, TopicNotRegisteredError
from django_kafka.registry import ConsumersRegistry
from django_kafka.retry.settings import RetrySettings


def test_public_names() -> None:
    assert set(django_kafka.__all__) == {"DjangoKafka", "autodiscover", "kafka"}
    assert isinstance(kafka, DjangoKafka)
    assert DjangoKafka.retry is RetrySettings
    assert django_kafka.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        django_kafka.nonsense  # noqa: B018


def test_app_config() -> None:
    config = apps.get_app_config("django_kafka")
    assert type(config).__name__ == "DjangoKafkaConfig"
    assert config.default_auto_field == "django.db.models.BigAutoField"


def test_autodiscover_looks_for_all_module_names() -> None:
    with mock.patch("django_kafka.autodiscover_modules") as find:
        apps.get_app_config("django_kafka").ready()
    assert find.call_args.args == (
        *("consumers", "connectors", "model_syncs"),
        *("kafka.consumers", "kafka.connectors", "kafka.model_syncs"),
    )


def test_discovery_imports_consumers_of_an_app(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_app" / "kafka").mkdir(parents=True)
    for name in ("__init__.py", "consumers.py", "kafka/__init__.py", "kafka/consumers.py"):
        (tmp_path / "some_app" / name).write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with override_settings(INSTALLED_APPS=["django_kafka", "some_app"]):
        assert "some_app.consumers" in sys.modules
        assert "some_app.kafka.consumers" in sys.modules


def test_schema_client_needs_its_setting() -> None:
    with pytest.raises(DjangoKafkaError, match=r"`SCHEMA_REGISTRY` configuration is not defined."):
        kafka.schema_client  # noqa: B018


@pytest.mark.parametrize("config", [{"url": "nonsense"}, {"urll": "http://127.0.0.1:1"}])
def test_wrong_registry_configuration_names_the_setting(config: dict[str, str]) -> None:
    with (
        override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": config}),
        pytest.raises(ConfigurationError, match=r"DJANGO_KAFKA\['SCHEMA_REGISTRY'\] is wrong: .*url"),
    ):
        kafka.schema_client  # noqa: B018


def test_schema_client_is_made_once_from_the_setting_and_forgotten_with_it() -> None:
    with (
        mock.patch("django_kafka.SchemaRegistryClient") as client,
        override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": "http://127.0.0.1:1"}}),
    ):
        assert kafka.schema_client is kafka.schema_client is client.return_value
    client.assert_called_once_with({"url": "http://127.0.0.1:1"})
    assert "schema_client" not in vars(kafka)


def test_producer_is_made_once_even_by_many_threads() -> None:
    root = DjangoKafka()
    made = []

    def make() -> object:
        made.append(1)
        return mock.Mock()

    with mock.patch("django_kafka.producer.Producer", side_effect=make):
        threads = [threading.Thread(target=lambda: root.producer) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == 1


def test_d11_producer_of_a_child_is_another_one() -> None:
    root = DjangoKafka()
    with mock.patch("django_kafka.producer.Producer", side_effect=lambda: mock.Mock(pid=os.getpid())):
        assert root.producer.pid == os.getpid()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if root.producer.pid == os.getpid() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_producer_can_be_patched_on_the_object() -> None:
    root = DjangoKafka()
    with mock.patch.object(root, "producer", create=True) as producer:
        assert root.producer is producer


def test_run_consumer_makes_and_runs_the_registered_class(registry: ConsumersRegistry) -> None:
    ran = mock.Mock()
    registry._classes["some.Consumer"] = ran
    kafka.run_consumer("some.Consumer")
    ran.return_value.run.assert_called_once_with()
    with pytest.raises(DjangoKafkaError, match=r"`other.Consumer` is not registered."):
        kafka.run_consumer("other.Consumer")


def test_run_consumers_takes_all_by_default(registry: ConsumersRegistry) -> None:
    with mock.patch("django_kafka.consumer.runner.run_consumers", return_value=3) as run:
        assert kafka.run_consumers() == 0
        assert not run.called
        registry._classes.update({"a": mock.Mock(), "b": mock.Mock()})
        assert kafka.run_consumers() == 3
        assert run.call_args.args == (["a", "b"],)
        kafka.run_consumers(["b"])
        assert run.call_args.args == (["b"],)
        with pytest.raises(DjangoKafkaError, match=r"`c` is not registered."):
            kafka.run_consumers(["c"])


def test_consumers_do_not_run_before_django_is_set_up() -> None:
    code = (
        "from django.conf import settings; settings.configure();"
        "from django_kafka import kafka; kafka.consumers.register(type('Any', (), {}));"
        "kafka.run_consumers()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DjangoKafkaError: Consumers cannot run before Django is set up: call django.setup()" in result.stderr


def test_errors() -> None:
    error = DjangoKafkaError("text", context={"a": 1})
    assert (str(error), error.context) == ("text", {"a": 1})
    assert DjangoKafkaError().args == ()
    assert issubclass(TopicNotRegisteredError, DjangoKafkaError)
    assert str(TopicNotRegisteredError()) == "No topic of this consumer matches the name."
