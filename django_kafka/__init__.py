# SPDX-License-Identifier: MIT
"""Kafka for Django, with its engine written in C.

`kafka` is the one object that most code needs: it holds the registries (`@kafka.consumers()`), the producer of this
process (`kafka.producer`), `@kafka.retry(...)` and `kafka.run_consumers()`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from django.utils.module_loading import autodiscover_modules

from django_kafka import events, hooks
from django_kafka.conf import SETTINGS_KEY, settings
from django_kafka.exceptions import ConfigurationError
from django_kafka.exceptions import DjangoKafkaError as DjangoKafkaError
from django_kafka.logs.clean import without_credentials
from django_kafka.logs.loggers import ROOT
from django_kafka.registry import ConnectorsRegistry, ConsumersRegistry
from django_kafka.retry.settings import RetrySettings
from django_kafka.utils.process import per_process

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from django_kafka.producer import Producer

__all__ = ["DjangoKafka", "autodiscover", "kafka"]

DISTRIBUTION = "django-kafka-native"
REGISTRY_TIMEOUT = 30  # seconds


def __getattr__(name: str) -> Any:
    """What costs time to import, made when it is first asked for: `__version__` and `SchemaRegistryClient`."""
    if name == "__version__":
        try:
            return version(DISTRIBUTION)
        except PackageNotFoundError:  # a source tree that was not installed
            return importlib.import_module("django_kafka._native").__version__
    if name == "SchemaRegistryClient":
        return importlib.import_module("confluent_kafka.schema_registry").SchemaRegistryClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def autodiscover() -> None:
    """Import `consumers`, `connectors`, `model_syncs` of each installed app, and the same in its `kafka` package."""
    autodiscover_modules(
        "consumers",
        "connectors",
        "model_syncs",
        "kafka.consumers",
        "kafka.connectors",
        "kafka.model_syncs",
    )


class DjangoKafka:
    """The root of the API. There is one instance, `kafka`; the registries belong to the class."""

    connectors = ConnectorsRegistry()
    consumers = ConsumersRegistry()
    retry = RetrySettings

    @per_process
    def producer(self) -> Producer:
        """The producer of this process: made on first use, and again in a child after a fork."""
        cls: type[Producer] = importlib.import_module("django_kafka.producer").Producer
        return cls()

    @per_process
    def schema_client(self) -> SchemaRegistryClient:
        """confluent's schema registry client, configured by the setting SCHEMA_REGISTRY.

        It waits 30 seconds for an answer unless the setting has a `timeout`: without one it would wait for ever.

        Errors: ConfigurationError when the setting is empty, or not what the client takes."""
        if not settings.SCHEMA_REGISTRY:
            raise ConfigurationError("`SCHEMA_REGISTRY` configuration is not defined.")
        cls = sys.modules[__name__].SchemaRegistryClient
        config = settings.SCHEMA_REGISTRY
        if cls.__module__.startswith("confluent_kafka"):  # nobody has put another one there, to see the setting
            cls = importlib.import_module("django_kafka.schema.client").RegistryClient
            config = {"timeout": REGISTRY_TIMEOUT, **config}
        try:
            client: SchemaRegistryClient = cls(config)
        except (TypeError, ValueError, OSError) as error:
            reason = without_credentials(str(error))
            raise ConfigurationError(f"{SETTINGS_KEY}['SCHEMA_REGISTRY'] is wrong: {reason}.") from None
        return client

    def run_consumer(self, consumer_key: str) -> None:
        """Make the registered consumer and run it in this process until it is stopped."""
        self.consumers[consumer_key]().run()

    def run_consumers(
        self, consumers: list[str] | None = None, *, exit_on_failure: bool = False, grace: float = 30.0
    ) -> int:
        """Run consumers (all registered ones when none are named), each in a process of its own, until told to stop.

        Returns the exit code for the process. Errors: DjangoKafkaError for a key that is not registered."""
        keys = list(consumers or self.consumers)
        if not keys:
            events.NOTHING_REGISTERED.tell(ROOT)
            return 0
        for key in keys:
            self.consumers[key]  # an unknown key is better reported here than by a dying process
        return hooks.run_consumers(keys, exit_on_failure=exit_on_failure, grace=grace)


kafka = DjangoKafka()


def _forget_clients(*, setting: str, **_: object) -> None:
    """Clients and retry consumers were made from the settings; other settings (in tests) need others."""
    if setting != SETTINGS_KEY:
        return
    kafka.consumers.settings_changed()
    kafka.__dict__.pop("schema_client", None)
    producer = kafka.__dict__.pop("producer", None)
    if producer is not None:
        producer.retire()


setting_changed.connect(_forget_clients, dispatch_uid="django_kafka.forget_clients")
